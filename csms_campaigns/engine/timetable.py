"""When the batches of a campaign may leave: its quiet hours, read live, in each of its zones.

A batch is in one zone. "" is that of the campaign, and of numbers that tell none.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

from django.utils import timezone

from csms_campaigns.conf import Account
from csms_campaigns.engine.hours import (
    Hours,
    Opening,
    UnknownZone,
    hours_of,
    opening,
    zone_named,
)
from csms_campaigns.engine.limits import GATE
from csms_campaigns.models import Campaign


class Now(NamedTuple):
    """The zones in which it may be sent, those that close first before the others."""

    open: list[str]
    opens_at: datetime | None
    """When the first of the other zones opens."""
    opens_in: str
    """The name of that zone."""


def hours(campaign: Campaign) -> Hours | None:
    return hours_of(campaign.send_from, campaign.send_until, campaign.send_days)


def batch_zones(campaign: Campaign) -> list[str]:
    return list(campaign.zones) or [""]


def zone(campaign: Campaign, name: str = "") -> tzinfo:
    """`UnknownZone` where this machine has none of that name."""
    name = name or campaign.time_zone
    return zone_named(name) if name else timezone.get_default_timezone()


def zone_name(campaign: Campaign, name: str = "") -> str:
    return name or campaign.time_zone or timezone.get_default_timezone_name()


def margin(options: Account) -> timedelta:
    """A request that leaves so long before the end of the hours is over in them."""
    return timedelta(seconds=GATE + options.longest_request)


def openings_at(
    campaign: Campaign, options: Account, moment: datetime
) -> dict[str, Opening]:
    """For each zone of its batches the present or next opening; empty without hours."""
    found = hours(campaign)
    if found is None:
        return {}
    return {
        name: _opening(found, zone(campaign, name), aware(moment), margin(options))
        for name in batch_zones(campaign)
    }


def _opening(
    found: Hours, zone: tzinfo, moment: datetime, margin: timedelta
) -> Opening:
    """A take may ask for two hundred zones, which would be 20 ms under the account's lock."""
    kept = _of_minute(found, zone, moment.replace(second=0, microsecond=0), margin)
    return kept if kept.closes > moment else opening(found, zone, moment, margin)


_of_minute = lru_cache(maxsize=1024)(opening)


def at(campaign: Campaign, options: Account, moment: datetime) -> Now:
    found = openings_at(campaign, options, moment)
    if not found:
        return Now(batch_zones(campaign), None, "")
    begun = aware(moment)
    opened = [name for name in found if found[name].opens <= begun]
    opened.sort(key=lambda name: found[name].closes)
    later = min(
        (name for name in found if name not in opened),
        key=lambda name: found[name].opens,
        default=None,
    )
    if later is None:
        return Now(opened, None, "")
    return Now(opened, found[later].opens, zone_name(campaign, later))


def waiting_until(
    campaign: Campaign, options: Account, moment: datetime
) -> tuple[datetime, str] | None:
    """Where all its zones have quiet hours: when the first opens, and the zone's name."""
    try:
        found = at(campaign, options, moment)
    except UnknownZone:
        return None
    if found.open or found.opens_at is None:
        return None
    return found.opens_at, found.opens_in


def aware(moment: datetime) -> datetime:
    """In UTC, also on a site that stores naive times."""
    if timezone.is_naive(moment):
        # Not the current zone, which a page may have changed to that of a campaign.
        moment = timezone.make_aware(moment, timezone.get_default_timezone())
    return moment.astimezone(UTC)
