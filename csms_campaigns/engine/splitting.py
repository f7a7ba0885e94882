"""Cutting a batch where it is certain that nothing was sent to the part that is cut off.

The row keeps the first part, the rest moves to a new row at the end of the queue, so the sums
over batches stay true. `split_from` is the batch that was prepared, however often it was cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.db.models import F

from csms_campaigns.engine import recording
from csms_campaigns.engine.database import alias, rows
from csms_campaigns.models import Batch, Campaign, SendResult
from csms_campaigns.states import SendStatus

MAX_EXTRA_REQUESTS: Final = 16
"""For one prepared batch; then what is left of it is failed with the gateway's words."""


def move_to_new_batch(batch_id: int, result_ids: Sequence[int]) -> Batch:
    """Pending recipients of a batch wait in a new pending batch. Both batches are recounted."""
    batch = rows(Batch).get(pk=batch_id)
    rest = rows(Batch).create(
        campaign_id=batch.campaign_id,
        number=_next_number(batch.campaign_id),
        message=batch.message,
        segments=batch.segments,
        time_zone=batch.time_zone,
        split_from_id=batch.split_from_id or batch.pk,
    )
    moved = rows(SendResult).filter(
        pk__in=result_ids, batch=batch, status=SendStatus.PENDING
    )
    moved.update(batch=rest)
    for changed in (batch, rest):
        recording.recount(changed.pk)
    return rest


def _next_number(campaign_id: int) -> int:
    campaign = rows(Campaign).select_for_update().get(pk=campaign_id)
    campaign.batch_count += 1
    campaign.save(using=alias(), update_fields=["batch_count"])
    return campaign.batch_count


def count_refusal(batch_id: int) -> int:
    """How many requests for the prepared batch, in all its parts, were refused for a number."""
    batch = rows(Batch).get(pk=batch_id)
    root = rows(Batch).filter(pk=batch.split_from_id or batch.pk)
    root.update(refusal_count=F("refusal_count") + 1)
    return root.values_list("refusal_count", flat=True).get()
