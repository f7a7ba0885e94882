"""Writing what became of the recipients of a batch, and the batch's own counts.

The counts are always taken from the recipients' rows in the same transaction: a batch has a
hundred of them, and a count that is taken cannot drift from what it counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, F, OuterRef

from csms_campaigns.engine.database import rows
from csms_campaigns.models import Attempt, Batch, Campaign, OptOut, SendResult
from csms_campaigns.states import (
    AttemptOutcome,
    BatchStatus,
    CampaignStatus,
    SendStatus,
    SkipReason,
)


def counts(batch_id: int) -> dict[str, int]:
    """The batch's count columns, from its recipients."""
    found = rows(SendResult).filter(batch=batch_id).order_by()
    by_status = dict(
        found.values("status").annotate(n=Count("*")).values_list("status", "n")
    )
    return {
        "size": sum(by_status.values()),
        "sent_count": by_status.get(SendStatus.SENT, 0),
        "failed_count": by_status.get(SendStatus.FAILED, 0),
        "unknown_count": by_status.get(SendStatus.UNKNOWN, 0),
        "skipped_count": by_status.get(SendStatus.SKIPPED, 0),
    }


def close_batch(
    batch_id: int, attempt_id: int, status: BatchStatus, now: datetime, **fields: Any
) -> bool:
    """sending → `status`, or unknown → done for a late answer; False if it is not ours."""
    ours = rows(Batch).filter(pk=batch_id, attempt=attempt_id)
    values = {"status": status, "finished_at": now, "error": "", **counts(batch_id)}
    values |= fields
    if ours.filter(status=BatchStatus.SENDING).update(**values):
        return True
    late = ours.filter(status=BatchStatus.UNKNOWN)
    return status == BatchStatus.DONE and bool(late.update(**values))


def is_open(attempt_id: int) -> bool:
    """Nothing certain was written of this attempt yet."""
    outcomes = ["", AttemptOutcome.UNKNOWN]
    return rows(Attempt).filter(pk=attempt_id, outcome__in=outcomes).exists()


def close_attempt(
    attempt_id: int, outcome: AttemptOutcome, now: datetime, **fields: Any
) -> None:
    """A late answer overwrites `unknown`, and the moment at which its place is free."""
    rows(Attempt).filter(
        pk=attempt_id, outcome__in=["", AttemptOutcome.UNKNOWN]
    ).update(outcome=outcome, done_at=now, **fields)


def put_back(batch_id: int, attempt_id: int) -> bool:
    """sending → pending, where it is certain that nothing was sent.

    In a cancelled campaign it becomes cancelled. False if the batch is not ours any more.
    """
    ours = rows(Batch).filter(
        pk=batch_id, attempt=attempt_id, status=BatchStatus.SENDING
    )
    cancelled = rows(Campaign).filter(batches=batch_id, status=CampaignStatus.CANCELLED)
    if cancelled.exists():
        if done := bool(ours.update(status=BatchStatus.CANCELLED)):
            cancel_recipients([batch_id])
        return done
    return bool(ours.update(status=BatchStatus.PENDING, lease_until=None))


def cancel_recipients(batch_ids: Iterable[int]) -> None:
    pending = rows(SendResult).filter(batch__in=batch_ids, status=SendStatus.PENDING)
    pending.update(status=SendStatus.CANCELLED)


def mark_unknown(batch_id: int, now: datetime, error: str) -> None:
    pending = rows(SendResult).filter(batch=batch_id, status=SendStatus.PENDING)
    pending.update(status=SendStatus.UNKNOWN, error=error, updated_at=now)


def skip_opted_out(batch: Batch) -> None:
    """Whoever opted out since the review is left out now, before the batch is claimed."""
    opted_out = rows(OptOut).filter(phone=OuterRef("phone"))
    skipped = (
        rows(SendResult)
        .filter(Exists(opted_out), batch=batch, status=SendStatus.PENDING)
        .update(status=SendStatus.SKIPPED, skip_reason=SkipReason.OPTED_OUT)
    )
    if skipped:
        rows(Batch).filter(pk=batch.pk).update(
            skipped_count=F("skipped_count") + skipped
        )


def close_emptied(batch_id: int, now: datetime) -> None:
    """pending → done, if nobody in it waits any more."""
    waiting = rows(SendResult).filter(batch=batch_id, status=SendStatus.PENDING)
    if not waiting.exists():
        rows(Batch).filter(pk=batch_id, status=BatchStatus.PENDING).update(
            status=BatchStatus.DONE, finished_at=now, **counts(batch_id)
        )
