"""Writing one slice of a prepared audience, in one transaction, under the prepare token."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Max

from csms_campaigns.engine import bulk
from csms_campaigns.engine.batching import Group, Row
from csms_campaigns.engine.database import (
    atomic,
    connection,
    is_postgresql,
    now,
    rows,
)
from csms_campaigns.models import Batch, Campaign, SendResult
from csms_campaigns.states import CampaignStatus, SendStatus, SkipReason

LEASE: Final = 60.0
"""Seconds without a slice after which the preparing process counts as dead."""


class TokenLost(Exception):
    """The campaign is not being prepared by us any more."""


@dataclass
class Tally:
    """What was written so far."""

    audience: int = 0
    segments: int = 0
    batches: int = 0
    zones: set[str] = field(default_factory=set)
    skipped: Counter[str] = field(default_factory=Counter)
    first_result_id: int | None = None
    written: int = 0
    """The highest number of a batch that stands in the database."""
    batch_ids: deque[int] = field(default_factory=deque)
    """For the batches to come."""

    @property
    def recipients(self) -> int:
        return self.audience - self.skipped.total()


def hold(campaign_id: int, token: UUID, **fields: Any) -> None:
    """Renew the lease; `TokenLost` if it is not ours. Locks the campaign's row."""
    ours = rows(Campaign).filter(
        pk=campaign_id, status=CampaignStatus.PREPARING, prepare_token=token
    )
    until = now() + timedelta(seconds=LEASE)
    if not ours.update(prepare_lease_until=until, **fields):
        raise TokenLost


@contextmanager
def one_slice(campaign_id: int, token: UUID, tally: Tally) -> Iterator[None]:
    """One transaction: what is written in it, and the campaign's figures with it."""
    with atomic():
        hold(campaign_id, token)
        begin_range(tally)
        yield
        write_figures(campaign_id, token, tally)


def write_slice(
    campaign_id: int,
    token: UUID,
    tally: Tally,
    found: Sequence[Row],
    meanwhile: Callable[[], object],
) -> None:
    """`meanwhile` is called once the server has the recipients: it works on them for most of
    a slice's time."""
    with one_slice(campaign_id, token, tally):
        _SliceWriter(campaign_id, tally, found, meanwhile).write()


def begin_range(tally: Tally) -> None:
    """Before the first recipient is written."""
    if tally.first_result_id is None:
        tally.first_result_id = highest_result_id() + 1


def write_figures(campaign_id: int, token: UUID, tally: Tally) -> None:
    _narrow_range(tally)
    hold(
        campaign_id,
        token,
        audience_count=tally.audience,
        skipped_counts=dict(tally.skipped),
        batch_count=tally.batches,
        zones=sorted(tally.zones),
        segment_count=tally.segments,
        first_result_id=tally.first_result_id,
        last_result_id=highest_result_id(),
    )


def _narrow_range(tally: Tally) -> None:
    """Between the highest before us and our first may lie the ids of millions who were deleted,
    and whoever walks over the range in steps would pass them all."""
    found = rows(SendResult).filter(pk__gte=tally.first_result_id).order_by("pk")
    tally.first_result_id = found.values_list("pk", flat=True).first() or (
        tally.first_result_id
    )


def highest_result_id() -> int:
    return rows(SendResult).aggregate(highest=Max("pk"))["highest"] or 0


def write_groups(campaign_id: int, found: Iterable[Group]) -> None:
    """New batches are inserted with their size; those begun in an earlier slice grow."""
    groups = {group.number: group for group in found}
    for group in groups.values():
        group.write_all()
    grown = [g for g in groups.values() if g.batch_id is not None]
    insert_groups(campaign_id, [g for g in groups.values() if g.batch_id is None])
    if grown:
        grow_groups(grown)


def grow_groups(grown: list[Group]) -> None:
    """Their size is written; they stand in the database already."""
    table = connection().ops.quote_name(Batch._meta.db_table)
    with connection().cursor() as cursor:
        cursor.executemany(
            f"UPDATE {table} SET size = %s WHERE id = %s",  # noqa: S608 our own table
            [(group.written, group.batch_id) for group in grown],
        )


_OF_BATCHES: Final = ("id", "number", "message", "segments", "size", "time_zone")


def insert_groups(campaign_id: int, groups: list[Group]) -> None:
    """Those without an id get one."""
    new = [group for group in groups if group.batch_id is None]
    for group, pk in zip(new, bulk.new_ids(Batch, len(new)), strict=True):
        group.batch_id = pk
    lines = [
        (g.batch_id, g.number, g.message, g.segments, g.written, g.time_zone)
        for g in groups
    ]
    bulk.insert(Batch, _OF_BATCHES, lines, {"campaign_id": campaign_id})


_TEXTED: Final = ("contact_id", "batch_id", "phone")
_OTHERS: Final = (*_TEXTED, "status", "skip_reason", "error", "name")
_PENDING: Final = SendStatus.PENDING.value
_SKIPPED: Final = SendStatus.SKIPPED.value
_NOT_IN_THE_NUMBER: Final = frozenset({SkipReason.INVALID_PHONE, SkipReason.DUPLICATE})
"""They have no place in the unique column: what was given stands in `error`."""


@dataclass
class _SliceWriter:
    """Recipients first, then their batches: no constraint is between them, and so who comes
    into which batch is put down while the server writes the recipients before."""

    campaign_id: int
    tally: Tally
    found: Sequence[Row]
    meanwhile: Callable[[], object]
    new: list[Group] = field(default_factory=list)
    grown: dict[int, Group] = field(default_factory=dict)
    others: list[bulk.Line] = field(default_factory=list)

    def write(self) -> None:
        same: dict[str, bulk.Cell] = {"campaign_id": self.campaign_id}
        self._fill_pool()
        lines = self._texted()
        bulk.insert(SendResult, _TEXTED, lines, {**same, "status": _PENDING})
        insert_groups(self.campaign_id, self.new)
        bulk.insert(SendResult, _OTHERS, self.others, same)
        if self.grown:
            grow_groups(list(self.grown.values()))
        self.tally.batches = self.tally.written = max(
            [self.tally.written, *(group.number for group in self.new[-1:])]
        )

    def _fill_pool(self) -> None:
        """Ids for as many batches as there may be: nothing can be asked for meanwhile."""
        pool = self.tally.batch_ids
        if not is_postgresql():
            pool.clear()  # Theirs hold for one transaction alone.
        pool.extend(bulk.new_ids(Batch, max(len(self.found) - len(pool), 0)))

    def _texted(self) -> Iterator[bulk.Line]:
        """Nearly all are contacts who will be texted: three columns tell them apart."""
        tally, pool, written = self.tally, self.tally.batch_ids, self.tally.written
        for row in self.found:
            contact_id, phone, name, group, reason, _error = row
            tally.audience += 1
            if group is None:
                tally.skipped[reason] += 1
                self.others.append(_values(row))
                continue
            tally.segments += group.segments
            group.written += 1
            if group.batch_id is None:
                group.batch_id = pool.popleft()
                self.new.append(group)
                tally.zones.add(group.time_zone)
            elif group.number <= written:
                self.grown[group.number] = group
            if name:
                self.others.append(_values(row))
            else:
                yield contact_id, group.batch_id, phone
        self.meanwhile()


def _values(row: Row) -> bulk.Line:
    contact_id, phone, name, group, reason, error = row
    if group:
        return contact_id, group.batch_id, phone, _PENDING, "", "", name
    number = None if reason in _NOT_IN_THE_NUMBER else phone
    return contact_id, None, number, _SKIPPED, reason, error, name
