"""A text without placeholders: its recipients are written inside the database.

Nobody's row travels to this process and back. Slices and token are those of `writing`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from csms_campaigns.engine import bulk, people
from csms_campaigns.engine.batching import Batcher, Group
from csms_campaigns.engine.database import connection, is_postgresql
from csms_campaigns.engine.selection import Selection
from csms_campaigns.engine.writing import (
    Tally,
    grow_groups,
    highest_result_id,
    insert_groups,
    one_slice,
)
from csms_campaigns.models import Batch, SendResult
from csms_campaigns.states import SendStatus, SkipReason

_COLUMNS: Final = (
    "contact_id",
    "batch_id",
    "phone",
    "status",
    "skip_reason",
    "error",
    "campaign_id",
)
_NUMBERED: Final = """
WITH people (contact_id, phone, opted_out) AS ({people}),
decided AS (
    SELECT contact_id, phone, CASE
               WHEN opted_out THEN '{opted_out}' WHEN NOT ({is_valid}) THEN '{invalid}'
               ELSE '' END AS reason
      FROM people),
numbered AS (
    SELECT contact_id, phone, reason, CASE WHEN reason = '' THEN
               row_number() OVER (PARTITION BY reason ORDER BY contact_id) - 1
               END AS place
      FROM decided)
"""
_SELECT: Final = """
SELECT contact_id,
       CASE WHEN reason = '' THEN {batch_id} END,
       CASE WHEN reason <> '{invalid}' THEN phone END,
       CASE WHEN reason = '' THEN '{pending}' ELSE '{skipped}' END,
       reason,
       CASE WHEN reason = '{invalid}' THEN phone ELSE '' END,
       %s{rest}
  FROM numbered
 ORDER BY contact_id
"""
_POSTGRESQL: Final = """
{numbered}, written AS (INSERT INTO {table} ({names}) {select})
SELECT reason, count(*), max(contact_id) FROM numbered GROUP BY reason
"""
_SQLITE: Final = "INSERT INTO {table} ({names}) {numbered} {select}"
_WRITTEN: Final = """
SELECT skip_reason, count(*), max(contact_id) FROM {table} WHERE id > %s GROUP BY skip_reason
"""
# The same rule as `models.fields.E164`.
_VALID_POSTGRESQL: Final = r"phone ~ '^\+[1-9][0-9]{6,14}$'"
_VALID_SQLITE: Final = (
    "phone GLOB '+[1-9]*' AND substr(phone, 2) NOT GLOB '*[^0-9]*' "
    "AND length(phone) BETWEEN 8 AND 16"
)


@dataclass
class PlainWriter:
    """Everybody in the lists, in the order of their ids: the place decides the batch."""

    campaign_id: int
    token: UUID
    chosen: Selection
    text: str
    batcher: Batcher
    tally: Tally
    last: int = 0
    """The highest contact so far."""

    def write(self) -> None:
        while self._write_slice():
            pass

    def _write_slice(self) -> int:
        with one_slice(self.campaign_id, self.token, self.tally):
            room = self.batcher.room(self.text)
            first = self.batcher.open_groups.get((self.text, ""))
            ids = self._ids(first, room)
            counts = self._insert(ids, room)
            groups = self.batcher.place_many(self.text, counts[""])
            self._write_groups(first, groups, ids)
            self._add(counts, groups)
        return counts.total()

    def _ids(self, first: Group | None, room: int) -> list[int]:
        """Of all batches that a slice may need: the one that is open, and those behind it."""
        more = -(-max(people.SLICE - room, 0) // self.batcher.batch_size)
        if first and first.batch_id:
            return [first.batch_id, *bulk.new_ids(Batch, more)]
        return bulk.new_ids(Batch, 1 + more)

    def _insert(self, ids: list[int], room: int) -> Counter[str]:
        """How many were written, by reason; "" for those who will be texted."""
        sql, params = self._statement(ids, room)
        before = highest_result_id()
        with connection().cursor() as cursor:
            cursor.execute(sql, params)
            if not is_postgresql():
                cursor.execute(_WRITTEN.format(table=_table()), [before])
            found = cursor.fetchall()
        self.last = max([self.last, *(highest for _why, _count, highest in found)])
        return Counter({reason: count for reason, count, _highest in found})

    def _statement(self, ids: list[int], room: int) -> tuple[str, list[Any]]:
        columns = ("pk", "number", "opted_out")
        found = people.contacts_after(self.chosen, self.last).values_list(*columns)
        source, params = found[: people.SLICE].query.sql_with_params()
        rest = bulk.defaults(SendResult, _COLUMNS)
        batch_id, places = self._batch_id(ids, room)
        words = {**_words(), "people": source, "batch_id": batch_id}
        words["rest"] = "".join(f", {bulk.literal(value)}" for value in rest.values())
        sql = (_POSTGRESQL if is_postgresql() else _SQLITE).format(
            numbered=_NUMBERED.format(**words),
            select=_SELECT.format(**words),
            table=_table(),
            names=", ".join([*_COLUMNS, *rest]),
        )
        return sql, [*params, *places, self.campaign_id]

    def _batch_id(self, ids: list[int], room: int) -> tuple[str, list[Any]]:
        """SQL for the batch of a place: the first one has room for so many."""
        size = self.batcher.batch_size
        if is_postgresql():
            index = "CASE WHEN place < %s THEN 0 ELSE 1 + (place - %s) / %s END"
            return f"(%s::bigint[])[1 + {index}]", [ids, room, room, size]
        # There the new ones follow each other.
        start = ids[1] if len(ids) > 1 else 0
        follows = "CASE WHEN place < %s THEN %s ELSE %s + (place - %s) / %s END"
        return follows, [room, ids[0], start, room, size]

    def _write_groups(
        self, first: Group | None, groups: list[Group], ids: list[int]
    ) -> None:
        new = [group for group in groups if group is not first]
        spare = ids[1:] if first else ids
        for group, pk in zip(new, spare, strict=False):
            group.batch_id = pk
        insert_groups(self.campaign_id, new)
        if first and groups:
            grow_groups([first])

    def _add(self, counts: Counter[str], groups: list[Group]) -> None:
        self.tally.audience += counts.total()
        self.tally.batches = self.batcher.batch_count
        self.tally.skipped.update({why: n for why, n in counts.items() if why})
        self.tally.segments += sum(g.segments for g in groups[:1]) * counts[""]
        self.tally.zones.update(group.time_zone for group in groups)


def _table() -> str:
    return connection().ops.quote_name(SendResult._meta.db_table)


def _words() -> dict[str, str]:
    return {
        "is_valid": _VALID_POSTGRESQL if is_postgresql() else _VALID_SQLITE,
        "opted_out": SkipReason.OPTED_OUT.value,
        "invalid": SkipReason.INVALID_PHONE.value,
        "pending": SendStatus.PENDING.value,
        "skipped": SendStatus.SKIPPED.value,
    }
