"""Preparing a follow-up: its parent's recipients and texts are written into batches of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db.models import CharField
from django.db.models.functions import Cast

from csms_campaigns import conf
from csms_campaigns.engine.batching import Batcher, Group
from csms_campaigns.engine.chosen import Candidate, Choice, Source
from csms_campaigns.engine.composition import compiled_message
from csms_campaigns.engine.database import (
    atomic,
    connection,
    is_postgresql,
    lock_account,
    now,
    rows,
)
from csms_campaigns.engine.recording import recount_decisions
from csms_campaigns.engine.writing import (
    Tally,
    begin_range,
    hold,
    write_figures,
    write_groups,
)
from csms_campaigns.models import Campaign, OptOut, SendResult
from csms_campaigns.states import Resolution, SendStatus, SkipReason


class Again(NamedTuple):
    """A recipient of the parent, in a batch of the follow-up, or left out with a reason."""

    source_id: int
    group: Group | None
    skip_reason: str = ""


@dataclass
class Repeater:
    """Writes slice after slice, each in a transaction that holds the account's row.

    So neither a late answer nor another follow-up can take anybody between the choice and the
    row, whose `retry_of` is unique besides.
    """

    campaign: Campaign
    token: UUID
    choice: Choice
    batcher: Batcher
    tally: Tally = field(default_factory=Tally)

    def write(self) -> Tally:
        last = 0
        while found := self._write_after(last):
            last = found
        return self.tally

    def _write_after(self, last: int) -> int:
        """The highest batch of the parent that was read; 0 if there was none."""
        with atomic():
            lock_account(self.campaign.account)
            hold(self.campaign.pk, self.token)
            sources = self.choice.sources(self.campaign.parent_id or 0, last)
            if candidates := self.choice.candidates(sources):
                self._write_slice(sources, candidates)
        return sources[-1].pk if sources else 0

    def _write_slice(self, sources: list[Source], candidates: list[Candidate]) -> None:
        again = self._assign(sources, candidates)
        begin_range(self.tally)
        write_groups(self.campaign.pk, [one.group for one in again if one.group])
        write_again(self.campaign.pk, again)
        if self.choice.status == SendStatus.UNKNOWN:
            self._decide(sources, candidates)
        self._add(again)
        write_figures(self.campaign.pk, self.token, self.tally)

    def _assign(
        self, sources: list[Source], candidates: list[Candidate]
    ) -> list[Again]:
        source_of = {source.pk: source for source in sources}
        gone = opted_out(candidate.phone for candidate in candidates)
        return [
            Again(candidate.pk, None, SkipReason.OPTED_OUT.value)
            if candidate.phone in gone
            else Again(candidate.pk, self._place(source_of[candidate.batch_id]))
            for candidate in candidates
        ]

    def _place(self, source: Source) -> Group:
        return self.batcher.place(source.message, source.time_zone)

    def _decide(self, sources: list[Source], candidates: list[Candidate]) -> None:
        chosen = rows(SendResult).filter(pk__in=[one.pk for one in candidates])
        chosen.update(
            resolution=Resolution.RESEND,
            resolved_by=self.campaign.created_by_id,
            resolved_at=now(),
        )
        recount_decisions(source.pk for source in sources)

    def _add(self, again: list[Again]) -> None:
        groups = [one.group for one in again if one.group]
        self.tally.audience += len(again)
        self.tally.batches = self.batcher.batch_count
        self.tally.skipped.update(one.skip_reason for one in again if not one.group)
        self.tally.segments += sum(group.segments for group in groups)
        self.tally.zones.update(group.time_zone for group in groups)


def write_follow_up(campaign: Campaign, token: UUID) -> Tally:
    """Everybody of the choice who is still free; `TokenLost` if another one prepares."""
    size = conf.account(campaign.account).batch_size
    # The texts are filled in already: the batcher only groups them.
    batcher = Batcher(compiled_message(campaign.message), size)
    return Repeater(campaign, token, Choice.of(campaign), batcher).write()


def opted_out(phones: Iterable[str]) -> set[str]:
    found = rows(OptOut).filter(phone__in=list(phones))
    return set(
        found.annotate(number=Cast("phone", CharField())).values_list(
            "number", flat=True
        )
    )


_COLUMNS: Final = (
    "contact_id, batch_id, phone, status, skip_reason, error, campaign_id, "
    "resolution, message_id, error_code, name, retry_of_id"
)
_POSTGRESQL: Final = """
INSERT INTO {table} ({columns})
SELECT r.contact_id, v.batch_id, r.phone, v.status, v.skip_reason, '', %s, '', '', '', r.name,
       r.id
  FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[])
       AS v(id, batch_id, status, skip_reason)
  JOIN {table} AS r ON r.id = v.id
 ORDER BY r.id
"""
_SQLITE: Final = """
INSERT INTO {table} ({columns})
SELECT r.contact_id, json_extract(v.value, '$[1]'), r.phone, json_extract(v.value, '$[2]'),
       json_extract(v.value, '$[3]'), '', %s, '', '', '', r.name, r.id
  FROM json_each(%s) AS v JOIN {table} AS r ON r.id = json_extract(v.value, '$[0]')
 ORDER BY r.id
"""


def write_again(campaign_id: int, again: list[Again]) -> None:
    """Inside the database: the numbers and names of the parent's rows are copied there."""
    values = [_values(one) for one in again]
    given: list[Any]
    if is_postgresql():
        sql, given = _POSTGRESQL, [list(column) for column in zip(*values, strict=True)]
    else:
        sql, given = _SQLITE, [json.dumps(values)]
    table = connection().ops.quote_name(SendResult._meta.db_table)
    with connection().cursor() as cursor:
        cursor.execute(sql.format(table=table, columns=_COLUMNS), [campaign_id, *given])


def _values(one: Again) -> tuple[int, int | None, str, str]:
    if one.group is None:
        return one.source_id, None, SendStatus.SKIPPED.value, one.skip_reason
    return one.source_id, one.group.batch_id, SendStatus.PENDING.value, ""
