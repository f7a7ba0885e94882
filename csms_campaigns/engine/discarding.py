"""Removing what was prepared for a campaign that has not sent anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.db.models import F, QuerySet

from csms_campaigns.engine.database import atomic, lock_sources, rows
from csms_campaigns.engine.recording import free_sources
from csms_campaigns.models import Attempt, Batch, Campaign, SendResult

SLICE: Final = 20_000
BATCHES: Final = 20
"""Of a follow-up, in one transaction: it holds the account's row."""


def discard(campaign_id: int) -> None:
    """Delete the recipients and batches of a campaign; it must never have sent a request.

    In a transaction of the caller that has locked the campaign's row by moving it or renewing
    its token: a review that began meanwhile would lose what it has written. For a follow-up it
    has called `lock_sources` before that.
    """
    _refuse_if_sent(campaign_id)
    campaign = rows(Campaign).get(pk=campaign_id)
    if campaign.parent_id:
        free_sources(_results(campaign))
    _delete_results(campaign)
    _delete_batches(campaign_id)
    rows(Campaign).filter(pk=campaign_id).update(
        audience_count=0,
        skipped_counts={},
        batch_count=0,
        segment_count=0,
        zones=[],
        first_result_id=None,
        last_result_id=None,
    )


def take_apart(campaign_id: int, hold: Callable[[], object]) -> None:
    """Before a follow-up is discarded: batch by batch, in short transactions.

    A transaction that freed a million recipients at once would stop the account for as long.
    `hold` locks the campaign's row, and raises if it is not to be taken apart any more.
    """
    _refuse_if_sent(campaign_id)
    while _take_some(campaign_id, hold):
        pass


def _take_some(campaign_id: int, hold: Callable[[], object]) -> bool:
    with atomic():
        lock_sources(campaign_id)
        hold()
        ids = _batch_ids(campaign_id, BATCHES)
        if not ids:
            return False
        results = rows(SendResult).filter(batch__in=ids)
        free_sources(results)
        gone = results._raw_delete(results.db)
        rows(Batch).filter(pk__in=ids)._raw_delete(results.db)
        rows(Campaign).filter(pk=campaign_id).update(
            audience_count=F("audience_count") - gone
        )
    return True


def _refuse_if_sent(campaign_id: int) -> None:
    if rows(Attempt).filter(batch__campaign=campaign_id).exists():
        message = (
            f"Campaign {campaign_id} has sent requests: nothing of it may be removed"
        )
        raise RuntimeError(message)


def _results(campaign: Campaign) -> QuerySet[SendResult]:
    return rows(SendResult).filter(
        campaign=campaign,
        pk__gte=campaign.first_result_id or 0,
        pk__lte=campaign.last_result_id or 0,
    )


def _delete_results(campaign: Campaign) -> None:
    """By ranges of ids: the table has no index that begins with the campaign."""
    if campaign.first_result_id is None or campaign.last_result_id is None:
        return
    for first in range(campaign.first_result_id, campaign.last_result_id + 1, SLICE):
        part = rows(SendResult).filter(pk__gte=first, pk__lt=first + SLICE)
        part.filter(campaign=campaign)._raw_delete(part.db)


def _delete_batches(campaign_id: int) -> None:
    while ids := _batch_ids(campaign_id, SLICE):
        for start in range(0, len(ids), 500):
            part = rows(Batch).filter(pk__in=ids[start : start + 500])
            part._raw_delete(part.db)


def _batch_ids(campaign_id: int, most: int) -> list[int]:
    """In the order of an index that begins with the campaign: by their ids, or in any order,
    the planner walks over the batches of all campaigns before (0.3 s for 600,000)."""
    found = rows(Batch).filter(campaign=campaign_id).order_by("finished_at")
    return list(found.values_list("pk", flat=True)[:most])
