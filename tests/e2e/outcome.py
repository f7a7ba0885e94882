"""What must hold at the end of every drill: the promises, against the gateway's own record."""

from __future__ import annotations

from collections import Counter

from csms_campaigns.engine.ledger import ledger
from csms_campaigns.models import Batch, Campaign, SendResult
from csms_campaigns.sandbox.server import Sandbox
from csms_campaigns.states import BatchStatus, SendStatus


def is_finished(campaign: Campaign) -> bool:
    campaign.refresh_from_db()
    return campaign.status == "finished"


def check_promises(campaign: Campaign, gateway: Sandbox) -> dict[str, int]:
    """Nobody twice, nobody lost, the ledger adds up, no limit exceeded; counts by status."""
    gateway.wait_until_idle()
    delivered = Counter(
        d["phone"] for d in gateway.deliveries if d["outcome"] == "delivered"
    )
    assert [n for n, times in delivered.items() if times > 1] == []
    results = SendResult.objects.filter(campaign=campaign)
    by_phone = dict(results.exclude(phone=None).values_list("phone", "status"))
    sent = {n for n, status in by_phone.items() if status == SendStatus.SENT}
    unknown = {n for n, status in by_phone.items() if status == SendStatus.UNKNOWN}
    assert sent <= set(delivered), "called sent, but never arrived"
    assert set(delivered) - sent <= unknown, "arrived, but called something else"
    found = ledger(campaign)
    assert found.adds_up, found
    assert gateway.state()["violations"] == 0
    open_batches = Batch.objects.filter(
        campaign=campaign, status__in=[BatchStatus.PENDING, BatchStatus.SENDING]
    )
    assert not open_batches.exists()
    return found.counted
