"""What became of one recipient: for whoever asks why, or why not.

A few queries each, by indexes alone, at any size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db.models import QuerySet

from csms_campaigns.engine.database import rows
from csms_campaigns.models import Attempt, SendResult

MOST_REQUESTS: Final = 50
MOST_GENERATIONS: Final = 20
TOLD: Final = ("campaign", "batch")


@dataclass(frozen=True)
class Story:
    """`requests` of the batch, the oldest first; `requests_before` of the batch from which it
    was cut: some of these may have been made after the cut, without this recipient."""

    result: SendResult
    requests: list[Attempt]
    requests_before: list[Attempt]
    before: list[SendResult]
    """In earlier campaigns of its family, the first one first."""
    after: list[SendResult]
    """In follow-ups, the first one first."""


def story(result: SendResult) -> Story:
    batch = result.batch if result.batch_id else None
    return Story(
        result,
        _requests(result.batch_id),
        _requests(batch.split_from_id if batch else None),
        _before(result),
        _after(result),
    )


def _requests(batch_id: int | None) -> list[Attempt]:
    if batch_id is None:
        return []
    found = rows(Attempt).filter(batch=batch_id).order_by("cum")
    return list(found[:MOST_REQUESTS])


def _before(result: SendResult) -> list[SendResult]:
    found: list[SendResult] = []
    while result.retry_of_id is not None and len(found) < MOST_GENERATIONS:
        earlier = _told().filter(pk=result.retry_of_id).first()
        if earlier is None:
            break  # Retention has deleted it.
        found.insert(0, earlier)
        result = earlier
    return found


def _after(result: SendResult) -> list[SendResult]:
    found: list[SendResult] = []
    while len(found) < MOST_GENERATIONS:
        later = _told().filter(retry_of=result.pk).first()
        if later is None:
            break
        found.append(later)
        result = later
    return found


def _told() -> QuerySet[SendResult]:
    return rows(SendResult).select_related(*TOLD)
