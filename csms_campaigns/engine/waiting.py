"""For what a campaign that is being sent waits, and until when. Waiting is no pause.

The limits of an hour or a day are used up, the gateway asked for patience, or it is night where
people live: nobody has to do anything, and it goes on by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from csms_campaigns import conf
from csms_campaigns.engine import limits, timetable
from csms_campaigns.engine.database import in_site_convention
from csms_campaigns.models import Campaign, GatewayAccount
from csms_campaigns.states import CampaignStatus

LIMITS: Final = "limits"
HOURS: Final = "hours"
AT_LEAST: Final = 1.0
"""Seconds. The gap between two requests is the usual pace, and no waiting."""


class Waiting(NamedTuple):
    """`reason` is `limits`, `hours`, or the `BlockReason` of the account."""

    until: datetime
    reason: str


def waiting(
    campaign: Campaign, account: GatewayAccount, options: conf.Account, now: datetime
) -> Waiting | None:
    """What keeps it waiting for longest; None if its next request may leave at once."""
    if campaign.status != CampaignStatus.SENDING:
        return None
    soon = now + timedelta(seconds=AT_LEAST)
    found = [w for w in _reasons(campaign, account, options, now) if w.until > soon]
    return max(found, default=None)


def _reasons(
    campaign: Campaign, account: GatewayAccount, options: conf.Account, now: datetime
) -> Iterator[Waiting]:
    seconds = limits.seconds_to_wait(account, options, now)
    yield Waiting(now + timedelta(seconds=seconds), LIMITS)
    if account.blocked_until:
        yield Waiting(account.blocked_until, account.blocked_reason)
    if closed := timetable.waiting_until(campaign, options, now):
        yield Waiting(in_site_convention(closed[0]), HOURS)
