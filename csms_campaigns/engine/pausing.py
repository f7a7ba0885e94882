"""Pauses by the system, each with a plain reason that staff read on the campaign."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext_noop as _

from csms_campaigns import logs
from csms_campaigns.engine.batching import CANARY_SIZE
from csms_campaigns.engine.database import alias, atomic, now, rows
from csms_campaigns.engine.ending import cancel_pending
from csms_campaigns.engine.wording import spoken
from csms_campaigns.models import Batch, Campaign
from csms_campaigns.models.reasons import Reason, words_of
from csms_campaigns.signals import announce, campaign_status_changed
from csms_campaigns.states import OPEN_BATCHES, CampaignKind, CampaignStatus

logger = logs.logger("csms_campaigns.engine")

REJECTED_UNTIL_PAUSE: Final = 250
"""Numbers refused in a row: three requests of a hundred, or many of a few."""


def pause_by_system(campaign_ids: Iterable[int], reason: str | Reason) -> None:
    """sending → paused; what is in flight is still recorded. A test send is cancelled instead:
    nobody waits for one until somebody has resumed."""
    for campaign_id in campaign_ids:
        with atomic():
            sending = rows(Campaign).filter(
                pk=campaign_id, status=CampaignStatus.SENDING
            )
            _pause(campaign_id, sending.exclude(kind=CampaignKind.TEST), reason)
            _cancel(campaign_id, sending.filter(kind=CampaignKind.TEST), reason)


def _pause(campaign_id: int, sending: QuerySet[Campaign], reason: str | Reason) -> None:
    if sending.update(status=CampaignStatus.PAUSED, **_said(reason)):
        _tell(campaign_id, CampaignStatus.PAUSED, reason)


def _cancel(campaign_id: int, test: QuerySet[Campaign], reason: str | Reason) -> None:
    """One of which nothing is open is finished by whoever closed its last batch."""
    opened = rows(Batch).filter(campaign=OuterRef("pk"), status__in=OPEN_BATCHES)
    if test.filter(Exists(opened)).update(
        status=CampaignStatus.CANCELLED, finished_at=now(), **_said(reason)
    ):
        cancel_pending(campaign_id)
        _tell(campaign_id, CampaignStatus.CANCELLED, reason)


def _said(reason: str | Reason) -> dict[str, Any]:
    return {"status_reason": str(reason), "status_words": words_of(reason)}


def _tell(campaign_id: int, status: CampaignStatus, reason: str | Reason) -> None:
    ids = {"campaign_id": campaign_id}
    logger.warning("Campaign %s %s: %s", campaign_id, status.value, reason, extra=ids)
    announce(
        campaign_status_changed,
        alias(),
        campaign_id=campaign_id,
        status=status,
        reason=str(reason),
    )


def pause_campaigns_of(account_alias: str, reason: str | Reason) -> None:
    """Every campaign that the account is sending, in one order so that two never lock crosswise."""
    sending = rows(Campaign).filter(
        account=account_alias, status=CampaignStatus.SENDING
    )
    ids = sending.order_by("pk").values_list("pk", flat=True)
    pause_by_system(list(ids), reason)


def pause_rejected(campaign_id: int, numbers: int, said: str) -> None:
    """The gateway accepted none of `numbers`: a few are enough for a canary, else it takes a run.

    The canary of a personalised text is one person; one wrong number must not stop a campaign,
    so its requests go on, one alone after the other, until five numbers were refused. After
    *Resume* the next request goes alone again.
    """
    campaign = rows(Campaign).filter(pk=campaign_id, status=CampaignStatus.SENDING)
    campaign.update(rejected_in_a_row=F("rejected_in_a_row") + numbers)
    canary = Q(canary_passed=False, rejected_in_a_row__gte=CANARY_SIZE)
    run = Q(rejected_in_a_row__gte=REJECTED_UNTIL_PAUSE)
    if campaign.filter(canary | run).update(rejected_in_a_row=0, canary_passed=False):
        text = _("The gateway accepts no number: %(said)s")
        pause_by_system([campaign_id], Reason(text, said=spoken(said)))


def pause_canary(campaign_id: int, reason: str | Reason) -> None:
    """Pause the campaign if none of its numbers was accepted yet."""
    waiting = rows(Campaign).filter(pk=campaign_id, canary_passed=False)
    if waiting.exists():
        pause_by_system([campaign_id], reason)
