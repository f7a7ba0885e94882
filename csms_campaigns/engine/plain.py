"""A text without placeholders: its recipients are written inside the database.

Nobody's row travels to this process and back. Slices and token are those of `writing`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import DataError
from django.db.models import F

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
# `why` is computed once for each: 0 for those who will be texted, 1 opted out, 2 invalid. Texts
# have the types of their columns, or PostgreSQL would measure each of them again.
_INSERT: Final = """
INSERT INTO {table} ({names})
SELECT key,
       CASE WHEN why = 0 THEN {batch_id} END,
       CASE WHEN why < 2 THEN number ELSE CAST(NULL AS varchar(16)) END,
       CASE WHEN why = 0 THEN {pending} ELSE {skipped} END,
       CASE why WHEN 0 THEN {nothing} WHEN 1 THEN {opted_out} ELSE {invalid} END,
       CASE WHEN why < 2 THEN '' ELSE number END,
       %s{rest}
  FROM (SELECT key, number, why,
               count(*) FILTER (WHERE why = 0)
                   OVER (ORDER BY key ROWS UNBOUNDED PRECEDING) - 1 AS place
          FROM (SELECT key, raw AS number,
                       CASE WHEN opted_out THEN 1 WHEN {is_valid} THEN 0 ELSE 2 END AS why
                  FROM ({people}) AS people) AS decided) AS numbered
"""
# The upper bound is for the planner: of a table that has just grown it would read all.
_WRITTEN: Final = """
SELECT skip_reason, count(*), max(contact_id) FROM {table}
 WHERE id > %s AND id <= %s AND campaign_id = %s GROUP BY skip_reason
"""
# The same rule as `models.fields.E164`. The first takes an eighth of a regular expression's
# time, and fails for what is no number at all.
_QUICK_POSTGRESQL: Final = """
'+' || CAST(raw AS bigint) = raw AND octet_length(raw) BETWEEN 8 AND 16
"""
_VALID_POSTGRESQL: Final = r"raw ~ '^\+[1-9][0-9]{6,14}$'"
_VALID_SQLITE: Final = """
raw >= '+1' AND raw < '+:'
AND ltrim(substr(raw, 2), '0123456789') = '' AND length(raw) BETWEEN 8 AND 16
"""
_WORDS: Final = {
    "nothing": "CAST('' AS varchar(20))",
    "opted_out": f"CAST('{SkipReason.OPTED_OUT.value}' AS varchar(20))",
    "invalid": f"CAST('{SkipReason.INVALID_PHONE.value}' AS varchar(20))",
    "pending": f"CAST('{SendStatus.PENDING.value}' AS varchar(10))",
    "skipped": f"CAST('{SendStatus.SKIPPED.value}' AS varchar(10))",
}


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

    is_careful: bool = False
    """Something among the numbers is none."""

    def write(self) -> None:
        while self._write_next():
            pass

    def _write_next(self) -> int:
        try:
            return self._write_slice()
        except DataError:
            if self.is_careful:
                raise
            self.is_careful = True
            return self._write_slice()

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
        insert, params = self._statement(ids, room)
        before = highest_result_id()
        with connection().cursor() as cursor:
            cursor.execute(insert, params)
            ours = [before, highest_result_id(), self.campaign_id]
            cursor.execute(_WRITTEN.format(table=_table()), ours)
            found = cursor.fetchall()
        self.last = max([self.last, *(highest for _why, _count, highest in found)])
        return Counter({reason: count for reason, count, _highest in found})

    def _statement(self, ids: list[int], room: int) -> tuple[str, list[Any]]:
        chosen = people.contacts_after(self.chosen, self.last)
        found = chosen.annotate(key=F("pk"), raw=F("phone"))
        found = found.values_list("key", "raw", "opted_out")
        source, params = found[: people.SLICE].query.sql_with_params()
        rest = bulk.defaults(SendResult, _COLUMNS)
        batch_id, places = self._batch_id(ids, room)
        sql = _INSERT.format(
            table=_table(),
            names=", ".join([*_COLUMNS, *rest]),
            people=source,
            batch_id=batch_id,
            rest="".join(f", {bulk.literal(value)}" for value in rest.values()),
            is_valid=self._is_valid(),
            **_WORDS,
        )
        return sql, [*places, self.campaign_id, *params]

    def _is_valid(self) -> str:
        if not is_postgresql():
            return _VALID_SQLITE
        return _VALID_POSTGRESQL if self.is_careful else _QUICK_POSTGRESQL

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
        self.tally.batches = self.tally.written = self.batcher.batch_count
        self.tally.skipped.update({why: n for why, n in counts.items() if why})
        self.tally.segments += sum(g.segments for g in groups[:1]) * counts[""]
        self.tally.zones.update(group.time_zone for group in groups)


def _table() -> str:
    return connection().ops.quote_name(SendResult._meta.db_table)
