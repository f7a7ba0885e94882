"""Writing what became of the recipients of a batch, and the batch's own counts.

The counts are always taken from the recipients' rows in the same transaction: a batch has a
hundred of them, and a count that is taken cannot drift from what it counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from csms_campaigns.engine.database import execute, fetch, rows
from csms_campaigns.models import Batch, Campaign, SendResult
from csms_campaigns.states import (
    AttemptOutcome,
    BatchStatus,
    CampaignStatus,
    Resolution,
    SendStatus,
    SkipReason,
)

SENT: Final = SendStatus.SENT
MOST_IDS: Final = 2000
"""In one statement."""

DECISIONS: Final = {
    "treated_sent_count": Q(status=SendStatus.UNKNOWN, resolution=Resolution.SENT),
    "treated_failed_count": Q(status=SendStatus.UNKNOWN, resolution=Resolution.FAILED),
    "resend_count": Q(status=SendStatus.UNKNOWN, resolution=Resolution.RESEND),
    "late_sent_count": Q(status=SendStatus.SENT, resolution=Resolution.RESEND),
    "late_failed_count": Q(status=SendStatus.FAILED, resolution=Resolution.RESEND),
}


COUNTED: Final = """
    (size, sent_count, failed_count, unknown_count, skipped_count, answered_count,
     treated_sent_count, treated_failed_count, resend_count,
     late_sent_count, late_failed_count)
    = (SELECT COUNT(*),
              COUNT(*) FILTER (WHERE status = 'sent'),
              COUNT(*) FILTER (WHERE status = 'failed'),
              COUNT(*) FILTER (WHERE status = 'unknown'),
              COUNT(*) FILTER (WHERE status = 'skipped'),
              COUNT(*) FILTER (WHERE skip_reason = 'answered'),
              COUNT(*) FILTER (WHERE status = 'unknown' AND resolution = 'sent'),
              COUNT(*) FILTER (WHERE status = 'unknown' AND resolution = 'failed'),
              COUNT(*) FILTER (WHERE status = 'unknown' AND resolution = 'resend'),
              COUNT(*) FILTER (WHERE status = 'sent' AND resolution = 'resend'),
              COUNT(*) FILTER (WHERE status = 'failed' AND resolution = 'resend')
         FROM {result} WHERE batch_id = %(batch)s)
"""
"""The count columns of the batch `%(batch)s`, from its recipients."""


_SAID: Final = "status = %(status)s, finished_at = %(now)s, error = %(error)s,"
_CLOSED: Final = ("UPDATE {batch} SET", _SAID, COUNTED, "WHERE id = %(batch)s AND")
_CLOSE: Final = " ".join((*_CLOSED, "attempt_id = %(attempt)s AND status = %(before)s"))
_CLOSE_PENDING: Final = " ".join((*_CLOSED, "status = 'pending'"))


def recount(batch_id: int) -> None:
    execute("UPDATE {batch} SET" + COUNTED + "WHERE id = %(batch)s", batch=batch_id)


def recount_decisions(batch_ids: Iterable[int]) -> None:
    """After a change of decisions, whether or not their outcomes are final."""
    own = rows(SendResult).filter(batch=OuterRef("pk")).order_by().values("batch")
    each = {
        name: Coalesce(Subquery(own.filter(those).values(n=Count("pk"))), 0)
        for name, those in DECISIONS.items()
    }
    rows(Batch).filter(pk__in=list(batch_ids)).update(**each)


def close_batch(
    batch_id: int,
    attempt_id: int,
    status: BatchStatus,
    now: datetime,
    error: str = "",
) -> bool:
    """sending → `status`, or unknown → done for a late answer; False if it is not ours."""
    late = [BatchStatus.UNKNOWN] if status == BatchStatus.DONE else []
    ours = {"batch": batch_id, "attempt": attempt_id}
    said = {"status": status.value, "error": error, "now": now}
    before = [BatchStatus.SENDING, *late]
    return any(execute(_CLOSE, before=old.value, **ours, **said) for old in before)


def is_open(attempt_id: int, cum: int) -> bool:
    """Nothing certain was written of this attempt yet.

    By its count too: a database that was set back gives its ids to other attempts.
    """
    found = fetch(
        "SELECT 1 FROM {attempt} WHERE id = %(attempt)s AND cum = %(cum)s"
        " AND outcome IN ('', 'unknown')",
        attempt=attempt_id,
        cum=cum,
    )
    return bool(found)


def close_attempt(
    attempt_id: int, outcome: AttemptOutcome, now: datetime, **fields: Any
) -> None:
    """A late answer overwrites `unknown`, and the moment at which its place is free."""
    more = "".join(f", {name} = %({name})s" for name in fields)
    execute(
        f"UPDATE {{attempt}} SET outcome = %(outcome)s, done_at = %(now)s{more}"  # noqa: S608 our columns
        " WHERE id = %(attempt)s AND outcome IN ('', 'unknown')",
        attempt=attempt_id,
        outcome=outcome.value,
        now=now,
        **fields,
    )


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
    free_sources(pending)
    pending.update(status=SendStatus.CANCELLED, retry_of=None)


def free_sources(results: QuerySet[SendResult]) -> None:
    """Those whom a follow-up does not text after all may be chosen anew, for another one.

    The account's row must be locked: a late answer writes the same rows.
    """
    found = results.filter(retry_of__isnull=False).values_list("retry_of", flat=True)
    sources = [source for source in found if source is not None]
    for start in range(0, len(sources), MOST_IDS):
        part = sources[start : start + MOST_IDS]
        held = rows(SendResult).filter(pk__in=part, resolution=Resolution.RESEND)
        batches = set(held.values_list("batch_id", flat=True))
        held.update(resolution="", resolved_by=None, resolved_at=None)
        recount_decisions(batches)


def mark_unknown(batch_id: int, now: datetime, error: str) -> int:
    """Everybody in it who waits; how many."""
    pending = rows(SendResult).filter(batch=batch_id, status=SendStatus.PENDING)
    return pending.update(status=SendStatus.UNKNOWN, error=error, updated_at=now)


def skip_opted_out(batch: Batch) -> None:
    """Whoever opted out since the review is left out now, before the batch is claimed."""
    skipped = execute(
        "UPDATE {result} AS r SET status = 'skipped', skip_reason = 'opted_out'"
        " WHERE r.batch_id = %(batch)s AND r.status = 'pending'"
        " AND EXISTS (SELECT 1 FROM {opt_out} AS o WHERE o.phone = r.phone)",
        batch=batch.pk,
    )
    if skipped:
        rows(Batch).filter(pk=batch.pk).update(
            skipped_count=F("skipped_count") + skipped
        )


def skip_erased(batch: Batch) -> None:
    """Whoever was erased while a request was in flight, of which nothing was sent."""
    erased = rows(SendResult).filter(batch=batch, status=SendStatus.PENDING)
    skipped = erased.exclude(phone__startswith="+").update(
        status=SendStatus.SKIPPED, skip_reason=SkipReason.ERASED
    )
    rows(Batch).filter(pk=batch.pk).update(skipped_count=F("skipped_count") + skipped)


def skip_answered(batch: Batch) -> None:
    """In a follow-up: whoever a late answer says was reached before is left out now."""
    waiting = rows(SendResult).filter(batch=batch, status=SendStatus.PENDING)
    sources = waiting.filter(retry_of__isnull=False).values_list("retry_of", "pk")
    reached = _reached({source: pk for source, pk in sources if source is not None})
    if reached:
        waiting.filter(pk__in=reached).update(
            status=SendStatus.SKIPPED, skip_reason=SkipReason.ANSWERED
        )
        rows(Batch).filter(pk=batch.pk).update(
            skipped_count=F("skipped_count") + len(reached),
            answered_count=F("answered_count") + len(reached),
        )


def _reached(by_source: dict[int, int]) -> list[int]:
    """Values of those keys that were sent, or that repeat one that was: a query a generation."""
    reached = []
    while by_source:
        found = rows(SendResult).filter(pk__in=by_source)
        columns = list(found.values_list("pk", "status", "retry_of"))
        reached += [by_source[pk] for pk, status, _ in columns if status == SENT]
        by_source = {
            before: by_source[pk]
            for pk, status, before in columns
            if before is not None and status != SENT
        }
    return reached


def close_emptied(batch_id: int, now: datetime) -> None:
    """pending → done, if nobody in it waits any more."""
    waiting = rows(SendResult).filter(batch=batch_id, status=SendStatus.PENDING)
    if not waiting.exists():
        close_pending(batch_id, BatchStatus.DONE, now)


def close_pending(
    batch_id: int, status: BatchStatus, now: datetime, error: str = ""
) -> bool:
    """pending → `status`, without a request; False if it does not wait any more."""
    said = {"status": status.value, "error": error, "now": now}
    return bool(execute(_CLOSE_PENDING, batch=batch_id, **said))
