"""A slice of people into contacts: one statement each for contacts, list and opt-outs.

A blank cell never erases, and attributes that the file doesn't have stay: values are merged
inside the statement, where no other writer can come between reading and writing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from django.db import connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from csms_campaigns.contacts_io.people import Person
from csms_campaigns.models import Contact, ContactList, OptOut

CONTACT: Final = Contact._meta.db_table
OPT_OUT: Final = OptOut._meta.db_table
MEMBER: Final = Contact.lists.through._meta.db_table

# One JSON text for a slice, rather than COPY: no temporary table, any adapter takes it, and
# it is cheaper to write than arrays of texts that are full of quotation marks.
_PEOPLE: Final = {
    "postgresql": (
        "json_to_recordset(%s::json) AS v (phone text, name text, attributes jsonb)"
    ),
    "sqlite": (
        "(SELECT json_extract(value, '$.phone') AS phone,"
        " json_extract(value, '$.name') AS name,"
        " json_extract(value, '$.attributes') AS attributes FROM json_each(%s)) AS v"
    ),
}
_PHONES: Final = {
    "postgresql": "(SELECT json_array_elements_text(%s::json))",
    "sqlite": "(SELECT value FROM json_each(%s))",
}
_MERGED: Final = {
    "postgresql": "c.attributes || {new}.attributes",
    "sqlite": "csms_merge(c.attributes, {new}.attributes)",
}
_NAME: Final = "COALESCE(NULLIF({new}.name, ''), c.name)"


class Counts(NamedTuple):
    created: int
    updated: int
    unchanged: int
    opted_out: int


class Writer:
    """Writes slices of people, each in a transaction of its own; a dry one only counts."""

    def __init__(self, list_name: str | None, *, dry_run: bool) -> None:
        self._alias = router.db_for_write(Contact)
        self._dry_run = dry_run
        self._list_id = None if dry_run else self._list(list_name)

    def write(self, people: Sequence[Person]) -> Counts:
        """`people` has each number once."""
        with transaction.atomic(using=self._alias):
            if self._dry_run:
                created, updated = self._compare(people)
            else:
                created, updated = self._upsert(people)
                self._join_list(people)
            opted_out = self._count_opted_out(people)
        return Counts(created, updated, len(people) - created - updated, opted_out)

    def _list(self, name: str | None) -> int | None:
        if name is None:
            return None
        lists = ContactList.objects.using(self._alias)
        return int(lists.get_or_create(name=name)[0].pk)

    def _upsert(self, people: Sequence[Person]) -> tuple[int, int]:
        now = self._connection.ops.adapt_datetimefield_value(timezone.now())
        # A created row alone has two equal times; an unchanged one isn't returned.
        rows = self._fetch(
            f"INSERT INTO {CONTACT} AS c"  # noqa: S608 - constants only
            " (phone, name, attributes, created_at, updated_at)"
            f" SELECT v.phone, v.name, v.attributes, {self._now}, {self._now}"
            f" FROM {_PEOPLE[self._vendor]} WHERE true"
            " ON CONFLICT (phone) DO UPDATE SET"
            f" name = {_NAME.format(new='excluded')},"
            f" attributes = {self._merged('excluded')},"
            " updated_at = excluded.updated_at"
            f" WHERE {self._differs('excluded')}"
            " RETURNING created_at = updated_at",
            [now, now, _people(people)],
        )
        created = sum(1 for (is_created,) in rows if is_created)
        return created, len(rows) - created

    def _compare(self, people: Sequence[Person]) -> tuple[int, int]:
        rows = self._fetch(
            f"SELECT count(*), sum(CASE WHEN {self._differs('v')} THEN 1 ELSE 0 END)"  # noqa: S608 - constants only
            f" FROM {_PEOPLE[self._vendor]} JOIN {CONTACT} AS c ON c.phone = v.phone",
            [_people(people)],
        )
        known, updated = rows[0]
        return len(people) - known, updated or 0

    def _join_list(self, people: Sequence[Person]) -> None:
        if self._list_id is None:
            return
        with self._connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {MEMBER} (contact_id, contactlist_id)"  # noqa: S608 - constants only
                f" SELECT id, %s FROM {CONTACT} WHERE phone IN {_PHONES[self._vendor]}"
                " ON CONFLICT DO NOTHING",
                [self._list_id, _phones(people)],
            )

    def _count_opted_out(self, people: Sequence[Person]) -> int:
        rows = self._fetch(
            f"SELECT count(*) FROM {OPT_OUT} WHERE phone IN {_PHONES[self._vendor]}",  # noqa: S608 - constants only
            [_phones(people)],
        )
        return int(rows[0][0])

    @property
    def _connection(self) -> BaseDatabaseWrapper:
        return connections[self._alias]

    @property
    def _vendor(self) -> str:
        return self._connection.vendor

    @property
    def _now(self) -> str:
        return "%s::timestamptz" if self._vendor == "postgresql" else "%s"

    def _merged(self, new: str) -> str:
        return _MERGED[self._vendor].format(new=new)

    def _differs(self, new: str) -> str:
        name = _NAME.format(new=new)
        return f"({name} <> c.name OR {self._merged(new)} <> c.attributes)"

    def _fetch(self, sql: str, params: list[Any]) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            if self._vendor == "sqlite":
                # SQLite's own json_patch takes "\u0645" and "م" for two names.
                raw = self._connection.connection
                raw.create_function("csms_merge", 2, _merge, deterministic=True)
            cursor.execute(sql, params)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows


def _people(people: Sequence[Person]) -> str:
    rows = (
        f'{{"phone": "{person.phone}", "name": {json.dumps(person.name)},'
        f' "attributes": {person.attributes}}}'
        for person in people
    )
    return f"[{','.join(rows)}]"


def _phones(people: Sequence[Person]) -> str:
    return json.dumps([person.phone for person in people])


def _merge(old: str, new: str) -> str:
    """The old text itself if the new one changes nothing, so that the two compare as equal."""
    values = json.loads(old)
    merged = values | json.loads(new)
    return old if merged == values else json.dumps(merged)
