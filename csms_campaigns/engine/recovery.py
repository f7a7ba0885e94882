"""Batches whose worker is gone: their lease ran out, and nobody knows what was sent.

A stalled batch becomes unknown, never pending again. A worker that only slept may still bring
its answer afterwards; then the answer counts.
"""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_noop as _

from csms_campaigns import logs
from csms_campaigns.engine.database import atomic, lock_account, now, rows
from csms_campaigns.engine.ending import finish_campaign
from csms_campaigns.engine.finishing import make_unknown
from csms_campaigns.engine.pausing import pause_canary
from csms_campaigns.gateway.errors import AnswerLost
from csms_campaigns.models import Batch
from csms_campaigns.models.reasons import Reason
from csms_campaigns.states import BatchStatus

logger = logs.logger("csms_campaigns.engine")

STALLED: Final = "The worker stopped before it could record an answer."


def sweep() -> int:
    """Make every batch unknown whose lease ran out; how many there were."""
    stalled = rows(Batch).filter(status=BatchStatus.SENDING, lease_until__lt=now())
    found = stalled.select_related("campaign").order_by("pk")
    return sum(_give_up(batch) for batch in found)


def _give_up(batch: Batch) -> bool:
    with atomic():
        lock_account(batch.campaign.account)
        moment = now()
        late = rows(Batch).filter(pk=batch.pk, lease_until__lt=moment)
        if batch.attempt_id is None or not late.exists():
            return False
        if not make_unknown(batch.pk, batch.attempt_id, AnswerLost(STALLED), moment):
            return False
        ids = {
            "account": batch.campaign.account,
            "campaign_id": batch.campaign_id,
            "batch_id": batch.pk,
            "attempt_id": batch.attempt_id,
        }
        text = "Batch %s stalled: its recipients are unknown"
        logger.warning(text, batch.pk, extra=ids)
        pause_canary(
            batch.campaign_id,
            Reason(_("No answer to the first request was recorded.")),
        )
        finish_campaign(batch.campaign_id, moment)
    return True
