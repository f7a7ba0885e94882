"""Writing one slice of a prepared audience, in one transaction, under the prepare token."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Max

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

    def add(self, written: Sequence[Row]) -> None:
        self.audience += len(written)
        self.skipped.update(row.skip_reason for row in written if row.group is None)
        self.segments += sum(row.group.segments for row in written if row.group)
        self.zones.update(row.group.time_zone for row in written if row.group)

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


def write_slice(campaign_id: int, token: UUID, tally: Tally, found: list[Row]) -> None:
    """The slice's batches and recipients; the campaign's figures with them."""
    with atomic():
        hold(campaign_id, token)
        begin_range(tally)
        write_groups(campaign_id, [row.group for row in found if row.group])
        _write_results(campaign_id, found)
        tally.add(found)
        write_figures(campaign_id, token, tally)


def begin_range(tally: Tally) -> None:
    """Before the first recipient is written."""
    if tally.first_result_id is None:
        tally.first_result_id = _highest_result_id() + 1


def write_figures(campaign_id: int, token: UUID, tally: Tally) -> None:
    hold(
        campaign_id,
        token,
        audience_count=tally.audience,
        skipped_counts=dict(tally.skipped),
        batch_count=tally.batches,
        zones=sorted(tally.zones),
        segment_count=tally.segments,
        first_result_id=tally.first_result_id,
        last_result_id=_highest_result_id(),
    )


def _highest_result_id() -> int:
    return rows(SendResult).aggregate(highest=Max("pk"))["highest"] or 0


def write_groups(campaign_id: int, found: Iterable[Group]) -> None:
    """New batches are inserted with their size; those begun in an earlier slice grow."""
    groups = {group.number: group for group in found}
    grown = [g for g in groups.values() if g.batch_id is not None]
    _insert_batches(campaign_id, [g for g in groups.values() if g.batch_id is None])
    if grown:
        table = connection().ops.quote_name(Batch._meta.db_table)
        with connection().cursor() as cursor:
            cursor.executemany(
                f"UPDATE {table} SET size = %s WHERE id = %s",  # noqa: S608 our own table
                [(group.size, group.batch_id) for group in grown],
            )


def _insert_batches(campaign_id: int, groups: list[Group]) -> None:
    batches = rows(Batch).bulk_create(
        [
            Batch(
                campaign_id=campaign_id,
                number=group.number,
                message=group.message,
                segments=group.segments,
                size=group.size,
                time_zone=group.time_zone,
            )
            for group in groups
        ],
        batch_size=1000,
    )
    for group, batch in zip(groups, batches, strict=True):
        group.batch_id = batch.pk


_COLUMNS: Final = (
    "contact_id, batch_id, phone, status, skip_reason, error, campaign_id, "
    "resolution, message_id, error_code, name"
)
_POSTGRESQL: Final = """
INSERT INTO {table} ({columns})
SELECT v.*, %s, '', '', '', ''
  FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[]) AS v
"""
_SQLITE: Final = """
INSERT INTO {table} ({columns}) VALUES (%s, %s, %s, %s, %s, %s, %s, '', '', '', '')
"""


def _write_results(campaign_id: int, found: list[Row]) -> None:
    """Plain SQL: `bulk_create` takes six times as long (measured)."""
    table = connection().ops.quote_name(SendResult._meta.db_table)
    values = [_values(row) for row in found]
    with connection().cursor() as cursor:
        if is_postgresql():
            columns = [list(column) for column in zip(*values, strict=True)]
            sql = _POSTGRESQL.format(table=table, columns=_COLUMNS)
            cursor.execute(sql, [campaign_id, *columns])
        else:
            sql = _SQLITE.format(table=table, columns=_COLUMNS)
            cursor.executemany(sql, [(*row, campaign_id) for row in values])


def _values(row: Row) -> tuple[int, int | None, str | None, str, str, str]:
    if row.group:
        status = SendStatus.PENDING.value
        return (
            row.person.contact_id,
            row.group.batch_id,
            row.person.phone,
            status,
            "",
            "",
        )
    # An invalid number has no place in the unique column: its raw value stands in `error`.
    is_invalid = row.skip_reason == SkipReason.INVALID_PHONE
    phone = None if is_invalid else row.person.phone
    status = SendStatus.SKIPPED.value
    return (row.person.contact_id, None, phone, status, row.skip_reason, row.error)
