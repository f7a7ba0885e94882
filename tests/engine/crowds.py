"""Many contacts in one statement: `bulk_create` would parse each number."""

from __future__ import annotations

from django.db import connection

from csms_campaigns.models import Contact, ContactList

_CONTACTS = """
INSERT INTO {contact} (phone, name, attributes, created_at, updated_at)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %s)
SELECT '+' || CAST(121230000000 + i AS text), 'Person ' || i,
       CAST('{{"city": "City ' || (i %% %s) || '"}}' AS {json}),
       CURRENT_TIMESTAMP, CURRENT_TIMESTAMP
  FROM n
"""
_MEMBERS = """
INSERT INTO {through} (contact_id, contactlist_id) SELECT id, %s FROM {contact}
"""


def crowd(count: int, cities: int = 50, name: str = "Crowd") -> ContactList:
    """A list with `count` people spread over so many cities; there must be no others."""
    chosen = ContactList.objects.create(name=name)
    names = {
        "contact": Contact._meta.db_table,
        "through": Contact.lists.through._meta.db_table,
        "json": "jsonb" if connection.vendor == "postgresql" else "text",
    }
    with connection.cursor() as cursor:
        cursor.execute(_CONTACTS.format(**names), [count, cities])
        cursor.execute(_MEMBERS.format(**names), [chosen.pk])
    return chosen
