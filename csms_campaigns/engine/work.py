"""Is there something that may be sent now? If not, for which hours does it wait?"""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from csms_campaigns import conf
from csms_campaigns.engine import timetable
from csms_campaigns.engine.database import fetch, now, rows
from csms_campaigns.engine.hours import Opening, UnknownZone
from csms_campaigns.models import Batch, Campaign
from csms_campaigns.states import BatchStatus, CampaignStatus


def sending_campaigns(alias: str) -> QuerySet[Campaign]:
    return rows(Campaign).filter(account=alias, status=CampaignStatus.SENDING)


def by_turn(alias: str) -> list[int]:
    """Test sends first ("test" is behind "campaign" in the alphabet), then who waited longest."""
    found = fetch(
        "SELECT id FROM {campaign} WHERE account = %(alias)s AND status = 'sending'"
        " ORDER BY kind DESC, served_at NULLS FIRST, id",
        alias=alias,
    )
    return [pk for (pk,) in found]


def has_work(alias: str) -> bool:
    """Whether a batch waits whose hours are open. The tick asks, so a wait for them ends."""
    options, moment = conf.account(alias), now()
    return any(
        _waits_in(campaign, _open_zones(campaign, options, moment))
        for campaign in sending_campaigns(alias)
    )


def soonest_opening(
    alias: str, options: conf.Account, moment: datetime
) -> datetime | None:
    """Of the zones in which somebody waits; aware. None without such hours."""
    return min(
        (
            opening.opens
            for campaign in sending_campaigns(alias)
            for zone, opening in _openings(campaign, options, moment).items()
            if _waits_in(campaign, [zone])
        ),
        default=None,
    )


def _waits_in(campaign: Campaign, zones: list[str]) -> bool:
    """Zone by zone in the order of the queue's index: asked for any row, the planner walks over
    the table, and over all that was sent before it finds one (0.1 s in a million batches)."""
    found = rows(Batch).filter(campaign=campaign, status=BatchStatus.PENDING)
    queue = found.order_by("number").values_list("pk", flat=True)
    return any(queue.filter(time_zone=zone)[:1] for zone in zones)


def _open_zones(
    campaign: Campaign, options: conf.Account, moment: datetime
) -> list[str]:
    try:
        return timetable.at(campaign, options, moment).open
    except UnknownZone:
        # The take pauses it, and says why.
        return timetable.batch_zones(campaign)


def _openings(
    campaign: Campaign, options: conf.Account, moment: datetime
) -> dict[str, Opening]:
    try:
        return timetable.openings_at(campaign, options, moment)
    except UnknownZone:
        return {}
