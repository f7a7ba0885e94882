"""How far a campaign is: read-only, for pages, commands and metrics."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Sum

from csms_campaigns import conf
from csms_campaigns.engine import accounts
from csms_campaigns.engine.database import now, rows
from csms_campaigns.engine.forecast import ages, seconds_until_sent
from csms_campaigns.engine.sums import Sums, sums
from csms_campaigns.models import Batch, Campaign
from csms_campaigns.states import CampaignStatus

PACE: Final = 60.0
"""Seconds over which the present pace is taken."""


@dataclass(frozen=True)
class Progress:
    """`eta_seconds` is None where nobody can tell: paused, ended, or not launched."""

    status: str
    status_reason: str
    total: int
    pending: int
    sent: int
    failed: int
    unknown: int
    skipped: int
    cancelled: int
    batches: int
    batches_done: int
    remaining_credits: int | None
    rate_per_minute: float
    eta_seconds: float | None
    # Of the unknown: what a person has decided.
    treated_as_sent: int = 0
    treated_as_failed: int = 0
    sent_again: int = 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def progress(campaign: Campaign) -> Progress:
    """From the campaign's row as it was read; a few short queries, none over recipients."""
    found = sums(campaign)
    return Progress(
        status=campaign.status,
        status_reason=campaign.status_reason,
        total=found.total,
        pending=found.pending,
        sent=found.sent,
        failed=found.failed,
        unknown=found.unknown,
        skipped=found.skipped,
        cancelled=found.cancelled,
        treated_as_sent=found.treated_as_sent,
        treated_as_failed=found.treated_as_failed,
        sent_again=found.sent_again,
        batches=found.batches,
        batches_done=found.batches - found.open_batches,
        remaining_credits=accounts.state(campaign.account).remaining_credits,
        rate_per_minute=_rate(campaign),
        eta_seconds=_eta(campaign, found),
    )


def _rate(campaign: Campaign) -> float:
    """Recipients with an outcome in the last minute."""
    if campaign.status != CampaignStatus.SENDING:
        return 0.0
    moment = now()
    since = moment - timedelta(seconds=PACE)
    found = rows(Batch).filter(campaign=campaign, finished_at__gt=since)
    done = found.aggregate(n=Sum("size"))["n"] or 0
    if campaign.started_at is None or campaign.started_at <= since:
        return float(done)
    ran = max((moment - campaign.started_at).total_seconds(), 1.0)
    return round(done * 60 / ran, 1)


def _eta(campaign: Campaign, found: Sums) -> float | None:
    if campaign.status != CampaignStatus.SENDING:
        return None
    try:
        options = conf.account(campaign.account)
    except ImproperlyConfigured:
        return None
    account = accounts.state(campaign.account)
    history = ages(account, options)
    return round(seconds_until_sent(options, found.open_batches, history), 1)
