"""Replacing the members of lists: who is not in the file goes, in slices, at the very end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from django.db import connections
from django.db.models import Max, Min

from csms_campaigns.contacts_io.rows import alias, rows
from csms_campaigns.contacts_io.spool import Spool
from csms_campaigns.contacts_io.upsert import CONTACT, MEMBER
from csms_campaigns.models import Contact

MEMBERSHIP: Final = Contact.lists.through
WINDOW: Final = 50_000
"""Ids of memberships looked at in one step: by the primary key, so each step costs the same."""
DELETED_AT_ONCE: Final = 500


class Leaving(NamedTuple):
    """Memberships to remove, and the id up to which all were looked at."""

    ids: list[int]
    cursor: int


def newest_id() -> int:
    """Members with a later id came after this moment."""
    return rows(MEMBERSHIP).aggregate(highest=Max("pk"))["highest"] or 0


def leaving(
    spool: Spool, list_ids: Sequence[int], *, after: int, until: int
) -> Iterator[Leaving]:
    """Members of the lists who are not in the file, window by window."""
    if not list_ids:
        return
    spool.index()
    cursor = max(after, _first_id(list_ids) - 1)
    while cursor < until:
        end = min(cursor + WINDOW, until)
        found = dict(_members(list_ids, cursor, end))
        stays = spool.holds(list(found.values()))
        ids = [member for member, number in found.items() if number not in stays]
        yield Leaving(ids, end)
        cursor = end


def remove(ids: Sequence[int]) -> None:
    for start in range(0, len(ids), DELETED_AT_ONCE):
        chosen = rows(MEMBERSHIP).filter(pk__in=ids[start : start + DELETED_AT_ONCE])
        chosen._raw_delete(alias())


def _first_id(list_ids: Sequence[int]) -> int:
    chosen = rows(MEMBERSHIP).filter(contactlist_id__in=list_ids)
    return chosen.aggregate(lowest=Min("pk"))["lowest"] or 1


def _members(
    list_ids: Sequence[int], after: int, until: int
) -> Iterator[tuple[int, int]]:
    """(id of the membership, number without its plus)."""
    places = ", ".join(["%s"] * len(list_ids))
    with connections[alias()].cursor() as cursor:
        cursor.execute(
            f"SELECT m.id, c.phone FROM {MEMBER} AS m JOIN {CONTACT} AS c"  # noqa: S608 - constants only
            f" ON c.id = m.contact_id WHERE m.id > %s AND m.id <= %s"
            f" AND m.contactlist_id IN ({places})",
            [after, until, *list_ids],
        )
        for member, phone in cursor.fetchall():
            yield member, int(phone)
