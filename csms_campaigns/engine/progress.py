"""How far a campaign is: read-only, for pages, commands and metrics."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured

from csms_campaigns import conf
from csms_campaigns.engine import accounts
from csms_campaigns.engine.database import now
from csms_campaigns.engine.sums import Sums, recent_sums
from csms_campaigns.engine.waiting import waiting
from csms_campaigns.engine.workload import prospect
from csms_campaigns.models import Campaign, GatewayAccount
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
    waiting_until: datetime | None = None
    waiting_for: str = ""

    def as_dict(self) -> dict[str, Any]:
        """With `waiting_until` in ISO 8601."""
        until = self.waiting_until and self.waiting_until.isoformat()
        return {**asdict(self), "waiting_until": until}


@dataclass(frozen=True)
class Watched:
    """The progress, and what was read for it, for pages that show more."""

    progress: Progress
    sums: Sums
    account: GatewayAccount
    options: conf.Account | None
    moment: datetime


def progress(campaign: Campaign) -> Progress:
    """From the campaign's row as it was read; a few short queries, none over recipients.

    Of a campaign of more than 100,000 batches the sums are up to ten seconds old.
    """
    return watch(campaign).progress


def watch(campaign: Campaign) -> Watched:
    account, options = accounts.state(campaign.account), _options(campaign)
    moment = now()
    found = recent_sums(campaign, since=moment - timedelta(seconds=PACE))
    waits = waiting(campaign, account, options, moment) if options else None
    seen = Progress(
        status=campaign.status,
        status_reason=campaign.reason,
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
        remaining_credits=account.remaining_credits,
        rate_per_minute=_rate(campaign, found.lately, moment),
        eta_seconds=_eta(campaign, options, account, moment),
        waiting_until=waits.until if waits else None,
        waiting_for=waits.reason if waits else "",
    )
    return Watched(seen, found, account, options, moment)


def _options(campaign: Campaign) -> conf.Account | None:
    try:
        return conf.account(campaign.account)
    except ImproperlyConfigured:
        return None


def _rate(campaign: Campaign, done: int, moment: datetime) -> float:
    """Recipients with an outcome in the last minute."""
    if campaign.status != CampaignStatus.SENDING:
        return 0.0
    since = moment - timedelta(seconds=PACE)
    if campaign.started_at is None or campaign.started_at <= since:
        return float(done)
    ran = max((moment - campaign.started_at).total_seconds(), 1.0)
    return round(done * 60 / ran, 1)


def _eta(
    campaign: Campaign,
    options: conf.Account | None,
    account: GatewayAccount,
    moment: datetime,
) -> float | None:
    if campaign.status != CampaignStatus.SENDING or options is None:
        return None
    return round(prospect(campaign, options, account, moment).forecast().ends, 1)
