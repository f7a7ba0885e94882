"""What PostgreSQL believes of the tables that people are chosen from."""

from __future__ import annotations

from typing import Final

from csms_campaigns.engine.database import connection, is_postgresql
from csms_campaigns.models import Contact, OptOut

READ: Final = tuple(
    model._meta.db_table for model in (Contact, Contact.lists.through, OptOut)
)

# Fewer rows than pages: nobody is in them, or nobody was when it last looked. Up to 64 kB any
# plan is quick.
_BELIEVED_EMPTY: Final = """
SELECT oid::regclass::text
  FROM pg_class
 WHERE oid = ANY(%s::regclass[]) AND reltuples >= 0 AND reltuples < relpages
   AND pg_relation_size(oid) > 65536
"""


def refresh_statistics() -> None:
    """Before many people are read: look again at tables that are taken for empty.

    A site that replaces all contacts can have them analysed in between. To read nobody from
    each table any plan is as good, and with the one that is chosen 20,000 people took minutes
    instead of 0.1 s, and a million would take days. The server's own daemon comes up to a
    minute later, and does not help a statement that has begun.
    """
    if not is_postgresql():
        return
    names = [connection().ops.quote_name(table) for table in READ]
    with connection().cursor() as cursor:
        cursor.execute(_BELIEVED_EMPTY, [names])
        found = [name for (name,) in cursor.fetchall()]
        if found:
            cursor.execute(f"ANALYZE (SKIP_LOCKED) {', '.join(found)}")
