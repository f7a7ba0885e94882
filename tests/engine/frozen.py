"""What a prepared campaign must look like, read from its rows alone."""

from __future__ import annotations

from collections import Counter

from csms_campaigns.engine.ledger import ledger
from csms_campaigns.models import Batch, Campaign, SendResult
from csms_campaigns.sms.segments import analyse
from csms_campaigns.states import SendStatus


def check_frozen(campaign: Campaign, batch_size: int = 100) -> list[Batch]:
    """Rows, sizes, numbers, segments and figures agree; the batches in their order."""
    campaign.refresh_from_db()
    results = SendResult.objects.filter(campaign=campaign)
    batches = list(Batch.objects.filter(campaign=campaign).order_by("number"))
    _check_batches(campaign, batches, batch_size)
    counted = Counter(results.values_list("batch", "status"))
    assert counted == Counter(
        {
            **{(b.pk, SendStatus.PENDING): b.size for b in batches},
            (None, SendStatus.SKIPPED): skipped(campaign),
        }
    )
    reasons = results.filter(status=SendStatus.SKIPPED)
    assert campaign.skipped_counts == Counter(
        reasons.values_list("skip_reason", flat=True)
    )
    assert results.count() == campaign.audience_count
    contacts = results.filter(contact__isnull=False)
    assert contacts.values("contact").distinct().count() == contacts.count()
    ids = results.order_by("pk").values_list("pk", flat=True)
    assert campaign.first_result_id is not None
    assert campaign.first_result_id <= ids[0]
    assert campaign.last_result_id == ids.last()
    assert ledger(campaign).adds_up
    return batches


def skipped(campaign: Campaign) -> int:
    return sum(campaign.skipped_counts.values())


def _check_batches(campaign: Campaign, batches: list[Batch], batch_size: int) -> None:
    assert [b.number for b in batches] == [*range(1, campaign.batch_count + 1)]
    assert {b.status for b in batches} == {"pending"}
    assert batches[0].size <= 5
    assert 1 <= min(b.size for b in batches)
    assert max(b.size for b in batches) <= batch_size
    assert all(b.segments == analyse(b.message).segments for b in batches)
    people = sum(b.size for b in batches)
    assert people + skipped(campaign) == campaign.audience_count
    assert campaign.segment_count == sum(b.size * b.segments for b in batches)
