"""What is promised before launch: people, requests, segments, credits, and when it is over."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from django.db.models import Count, F, Sum
from django.db.models.functions import MD5, Coalesce

from csms_campaigns import conf
from csms_campaigns.engine import accounts
from csms_campaigns.engine.batching import CANARY_SIZE
from csms_campaigns.engine.composition import compiled_message
from csms_campaigns.engine.database import rows
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.evidence import Cost, Per, learn_cost
from csms_campaigns.engine.opt_out_links import OF_CAMPAIGN
from csms_campaigns.engine.remembering import is_large, recent
from csms_campaigns.engine.workload import prospect
from csms_campaigns.models import Batch, Campaign
from csms_campaigns.states import OPEN_BATCHES, CampaignKind, CampaignStatus

COUNTED: Final = 20_000
"""Batches, up to which their different texts are counted: about 0.1 s."""
PROMISED_TO: Final = (
    CampaignStatus.SCHEDULED,
    CampaignStatus.SENDING,
    CampaignStatus.PAUSED,
)


@dataclass(frozen=True)
class Promise:
    """`skipped` counts by reason; times are seconds from the launch.

    `estimated_credits` counts each segment as one, until the account's own history says what
    a segment costs: of two readings this is the one that never surprises.
    """

    recipients: int
    skipped: dict[str, int]
    batches: int
    segments: int
    estimated_credits: int
    eta_seconds: float
    remaining_credits: int | None
    starts_seconds: float
    """Until the first request leaves: later than the launch in quiet hours, or at a limit."""
    texts: int | None
    """How many different ones; None where there are too many to count."""
    placeholders: list[str]
    batches_of_one_text: int
    """So many requests it would take if everybody got the same text."""
    eta_seconds_of_one_text: float
    promised_credits: int
    """To other campaigns of the account that are scheduled, paused or being sent."""
    credits_per: str
    """`segment` or `number`, as the account was charged; empty while that is unknown."""
    credits_each: float | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def available_credits(self) -> int | None:
        if self.remaining_credits is None:
            return None
        return max(self.remaining_credits - self.promised_credits, 0)

    @property
    def missing_credits(self) -> int:
        """0 where the credits suffice, or where nobody knows the balance."""
        if self.available_credits is None:
            return 0
        return max(self.estimated_credits - self.available_credits, 0)


def promise(campaign: Campaign, starts_at: datetime | None = None) -> Promise:
    """For a campaign that is ready; quick, whatever its size."""
    options = conf.account(campaign.account)
    skipped = dict(campaign.skipped_counts)
    seen = prospect(campaign, options)
    expected = seen.forecast(starts_at=starts_at)
    plain = _batches_of_one_text(campaign, options)
    plainly = expected
    if sum(plain.values()) < campaign.batch_count:
        plainly = seen.forecast(plain, starts_at)
    account = accounts.state(campaign.account)
    cost = learn_cost(account)
    recipients = campaign.audience_count - sum(skipped.values())
    return Promise(
        recipients=recipients,
        skipped=skipped,
        batches=campaign.batch_count,
        segments=campaign.segment_count,
        estimated_credits=credits_for(cost, recipients, campaign.segment_count),
        eta_seconds=round(expected.ends, 1),
        remaining_credits=account.remaining_credits,
        starts_seconds=round(expected.starts, 1),
        texts=_different_texts(campaign),
        placeholders=placeholders(campaign),
        batches_of_one_text=sum(plain.values()),
        eta_seconds_of_one_text=round(plainly.ends, 1),
        promised_credits=credits_for(cost, *promised_to_others(campaign)),
        credits_per=cost.prices[0].per.value if cost.is_known else "",
        credits_each=float(cost.prices[0].credits) if cost.is_known else None,
    )


def credits_for(cost: Cost, numbers: int, segments: int) -> int:
    """Where the history allows two readings, the dearer one."""
    if not cost.is_known:
        return segments
    return max(
        math.ceil(price.credits * (segments if price.per is Per.SEGMENT else numbers))
        for price in cost.prices
    )


def promised_to_others(campaign: Campaign) -> tuple[int, int]:
    """Numbers and segments that other campaigns of its account have still to send."""
    others = rows(Campaign).filter(
        account=campaign.account, status__in=PROMISED_TO, kind=CampaignKind.CAMPAIGN
    )
    others = others.exclude(pk=campaign.pk)
    scheduled = others.filter(started_at=None).values_list(
        "audience_count", "skipped_counts", "segment_count"
    )
    numbers = sum(people - sum(out.values()) for people, out, _segments in scheduled)
    segments = sum(count for _people, _out, count in scheduled)
    small: list[Campaign] = []
    for other in others.filter(started_at__isnull=False):
        if is_large(other):
            more = recent(other, "promised", partial(_still_to_send, [other]))
            numbers, segments = numbers + more[0], segments + more[1]
        else:
            small.append(other)
    more = _still_to_send(small) if small else (0, 0)
    return numbers + more[0], segments + more[1]


def _still_to_send(campaigns: list[Campaign]) -> tuple[int, int]:
    left = (
        F("size")
        - F("sent_count")
        - F("failed_count")
        - F("unknown_count")
        - F("skipped_count")
    )
    waiting = rows(Batch).filter(campaign__in=campaigns, status__in=OPEN_BATCHES)
    found = waiting.aggregate(
        numbers=Coalesce(Sum(left), 0), segments=Coalesce(Sum(left * F("segments")), 0)
    )
    return found["numbers"], found["segments"]


def placeholders(campaign: Campaign) -> list[str]:
    """Names, as they stand in the text; not of the link that is the same for all."""
    try:
        names = compiled_message(campaign.message).names
        return [name for name in names if name != OF_CAMPAIGN]
    except CampaignError:
        return []  # A follow-up has final texts alone.


def _different_texts(campaign: Campaign) -> int | None:
    if campaign.batch_count > COUNTED:
        return None
    found = rows(Batch).filter(campaign=campaign)
    return int(found.aggregate(n=Count(MD5("message"), distinct=True))["n"])


def _batches_of_one_text(campaign: Campaign, options: conf.Account) -> dict[str, int]:
    """By time zone; the first of all is small."""
    sizes = _people_by_zone(campaign)
    first = min(CANARY_SIZE, options.batch_size)
    found = {zone: math.ceil(n / options.batch_size) for zone, n in sizes.items()}
    zone = next(iter(sizes))
    rest = max(sizes[zone] - first, 0)
    return found | {zone: 1 + math.ceil(rest / options.batch_size)}


def _people_by_zone(campaign: Campaign) -> dict[str, int]:
    zones = list(campaign.zones) or [""]
    if len(zones) == 1:
        people = campaign.audience_count - sum(campaign.skipped_counts.values())
        return {zones[0]: people}
    found = rows(Batch).filter(campaign=campaign).order_by().values("time_zone")
    return dict(found.annotate(n=Sum("size")).values_list("time_zone", "n"))
