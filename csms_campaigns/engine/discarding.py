"""Removing what was prepared for a campaign that has not sent anything."""

from __future__ import annotations

from typing import Final

from csms_campaigns.engine.database import rows
from csms_campaigns.models import Attempt, Batch, Campaign, SendResult

SLICE: Final = 20_000


def discard(campaign_id: int) -> None:
    """Delete the recipients and batches of a campaign; it must never have sent a request.

    In a transaction of the caller that has locked the campaign's row by moving it or renewing
    its token: a review that began meanwhile would lose what it has written.
    """
    if rows(Attempt).filter(batch__campaign=campaign_id).exists():
        message = (
            f"Campaign {campaign_id} has sent requests: nothing of it may be removed"
        )
        raise RuntimeError(message)
    campaign = rows(Campaign).get(pk=campaign_id)
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


def _delete_results(campaign: Campaign) -> None:
    """By ranges of ids: the table has no index that begins with the campaign."""
    if campaign.first_result_id is None or campaign.last_result_id is None:
        return
    for first in range(campaign.first_result_id, campaign.last_result_id + 1, SLICE):
        part = rows(SendResult).filter(pk__gte=first, pk__lt=first + SLICE)
        part.filter(campaign=campaign)._raw_delete(part.db)


def _delete_batches(campaign_id: int) -> None:
    found = rows(Batch).filter(campaign=campaign_id)
    while ids := list(found.values_list("pk", flat=True)[:SLICE]):
        for start in range(0, len(ids), 500):
            part = rows(Batch).filter(pk__in=ids[start : start + 500])
            part._raw_delete(part.db)
