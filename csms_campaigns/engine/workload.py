"""What campaigns have still to send, for the forecast: their own batches, and those beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from functools import partial

from django.db.models import Count

from csms_campaigns import conf
from csms_campaigns.engine import accounts, timetable
from csms_campaigns.engine.database import in_site_convention, now, rows
from csms_campaigns.engine.forecast import (
    Forecast,
    Part,
    Past,
    Times,
    Work,
    always,
    forecast,
)
from csms_campaigns.engine.history import free_in, lately
from csms_campaigns.engine.hours import Hours, UnknownZone, opening
from csms_campaigns.engine.remembering import is_large, recent
from csms_campaigns.models import Batch, Campaign, GatewayAccount
from csms_campaigns.states import BatchStatus, CampaignStatus


@dataclass(frozen=True)
class Prospect:
    """The account as it is now, from its real log, and what others have still to send."""

    campaign: Campaign
    options: conf.Account
    moment: datetime
    past: Past
    others: list[Work]
    answer: float
    free_in: float

    def forecast(
        self,
        requests: Mapping[str, int] | None = None,
        starts_at: datetime | None = None,
    ) -> Forecast:
        """`requests` by time zone instead of its own: what if there were so many?"""
        return forecast(
            self.options,
            work_of(self.campaign, self.options, self.moment, requests, starts_at),
            self.others,
            past=self.past,
            answer=self.answer,
            free_in=self.free_in,
        )


def prospect(
    campaign: Campaign,
    options: conf.Account,
    account: GatewayAccount | None = None,
    moment: datetime | None = None,
) -> Prospect:
    """`account` and `moment` where they have been read already."""
    account = account or accounts.state(campaign.account)
    moment = moment or now()
    found = lately(account, options, moment)
    return Prospect(
        campaign,
        options,
        moment,
        found.past,
        others(campaign, options, moment),
        found.answer,
        free_in(account, moment),
    )


def work_of(
    campaign: Campaign,
    options: conf.Account,
    moment: datetime,
    requests: Mapping[str, int] | None = None,
    starts_at: datetime | None = None,
) -> Work:
    begins = starts_at or _begins(campaign)
    wait = in_site_convention(begins) - moment if begins else timedelta(0)
    counts = waiting(campaign) if requests is None else requests
    return Work(
        tuple(
            Part(count, _times(campaign, options, zone, moment))
            for zone, count in counts.items()
        ),
        begins=max(wait.total_seconds(), 0.0),
        alone=not campaign.canary_passed,
    )


def others(campaign: Campaign, options: conf.Account, moment: datetime) -> list[Work]:
    """Campaigns of the same account that are being sent, or will be at a time."""
    beside = rows(Campaign).filter(
        account=campaign.account,
        status__in=[CampaignStatus.SENDING, CampaignStatus.SCHEDULED],
    )
    chosen = list(beside.exclude(pk=campaign.pk))
    counts = waiting_of(chosen)
    return [work_of(other, options, moment, counts[other.pk]) for other in chosen]


def waiting(campaign: Campaign) -> Mapping[str, int]:
    """Batches that wait, by time zone; of a very large campaign as some seconds ago."""
    return waiting_of([campaign])[campaign.pk]


def waiting_of(campaigns: Iterable[Campaign]) -> dict[int, Mapping[str, int]]:
    """By the campaign's id; counted only where its row cannot tell, all small ones at once."""
    found: dict[int, Mapping[str, int]] = {}
    small: list[Campaign] = []
    for campaign in campaigns:
        if campaign.started_at is None and len(campaign.zones) <= 1:
            zones = timetable.batch_zones(campaign)
            found[campaign.pk] = dict.fromkeys(zones, campaign.batch_count)
        elif is_large(campaign):
            found |= recent(campaign, "waiting", partial(_counted, [campaign]))
        else:
            small.append(campaign)
    return found | _counted(small)


def _counted(campaigns: list[Campaign]) -> dict[int, Mapping[str, int]]:
    counts: dict[int, dict[str, int]] = {campaign.pk: {} for campaign in campaigns}
    found = rows(Batch).filter(campaign__in=campaigns, status=BatchStatus.PENDING)
    each = found.order_by().values("campaign", "time_zone").annotate(n=Count("pk"))
    for row in each:
        counts[row["campaign"]][row["time_zone"]] = row["n"]
    return dict(counts)


def _begins(campaign: Campaign) -> datetime | None:
    return campaign.send_at if campaign.status == CampaignStatus.SCHEDULED else None


def _times(
    campaign: Campaign, options: conf.Account, zone: str, moment: datetime
) -> Times:
    hours = timetable.hours(campaign)
    try:
        found = timetable.zone(campaign, zone)
    except UnknownZone:
        return always
    if hours is None:
        return always
    origin, margin = timetable.aware(moment), timetable.margin(options)
    return partial(_opening_from, hours, found, origin, margin)


def _opening_from(
    hours: Hours, zone: tzinfo, origin: datetime, margin: timedelta, seconds: float
) -> tuple[float, float]:
    found = opening(hours, zone, origin + timedelta(seconds=seconds), margin)
    return (
        (found.opens - origin).total_seconds(),
        (found.closes - origin).total_seconds(),
    )
