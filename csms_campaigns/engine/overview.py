"""What goes on at all, for the first page of the app: a few queries, none over recipients."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Count, F, Min, Q, Sum

from csms_campaigns import conf
from csms_campaigns.engine.causes import KEY
from csms_campaigns.engine.database import now, rows
from csms_campaigns.engine.sums import Sums, recent_sums_of
from csms_campaigns.engine.usage import WindowUse, usage_of
from csms_campaigns.models import Attempt, Batch, Campaign, GatewayAccount, SendResult
from csms_campaigns.states import CampaignKind, CampaignStatus, SendStatus

MOST_CAMPAIGNS: Final = 12
MOST_UNDECIDED: Final = 10
FAILURES: Final = 50
"""Latest batches with failures that are looked through for their causes."""
PACE_REQUESTS: Final = 200
"""Latest requests of an account by which the pace of its credits is taken."""
PACE_SECONDS: Final = 3600.0

GOING_ON: Final = (
    CampaignStatus.SENDING,
    CampaignStatus.PAUSED,
    CampaignStatus.SCHEDULED,
    CampaignStatus.PREPARING,
)


@dataclass(frozen=True)
class CampaignNow:
    campaign: Campaign
    sums: Sums


@dataclass(frozen=True)
class AccountNow:
    """`credits_end_in`: seconds at the present pace; None where nothing is being spent."""

    account: GatewayAccount
    windows: list[WindowUse] = field(default_factory=list)
    credits_end_in: float | None = None


@dataclass(frozen=True)
class Undecided:
    campaign_id: int
    name: str
    people: int


@dataclass(frozen=True)
class LastCause:
    words: str
    people: int
    campaign_id: int
    campaign: str


def going_on() -> tuple[list[CampaignNow], bool]:
    """The latest campaigns that are neither drafts nor over; whether there are more."""
    found = rows(Campaign).filter(status__in=GOING_ON, kind=CampaignKind.CAMPAIGN)
    campaigns = list(found.order_by("-pk")[: MOST_CAMPAIGNS + 1])
    shown = campaigns[:MOST_CAMPAIGNS]
    counts = recent_sums_of(shown)
    each = [CampaignNow(campaign, counts[campaign.pk]) for campaign in shown]
    return each, len(campaigns) > MOST_CAMPAIGNS


def undecided() -> list[Undecided]:
    """Campaigns with unknown people about whom nobody has decided, the latest first."""
    decided = F("treated_sent_count") + F("treated_failed_count") + F("resend_count")
    found = (
        rows(Batch)
        .filter(unknown_count__gt=decided, campaign__kind=CampaignKind.CAMPAIGN)
        .values("campaign_id", "campaign__name")
        .annotate(people=Sum(F("unknown_count") - decided))
        .order_by("-campaign_id")
    )
    return [
        Undecided(row["campaign_id"], row["campaign__name"], row["people"])
        for row in found[:MOST_UNDECIDED]
    ]


def last_failures() -> list[LastCause]:
    """Of the latest batches in which somebody failed; the most frequent cause first."""
    failed = rows(Batch).filter(
        failed_count__gt=0,
        finished_at__isnull=False,
        campaign__kind=CampaignKind.CAMPAIGN,
    )
    ids = failed.order_by("-finished_at").values_list("pk", flat=True)[:FAILURES]
    found = (
        rows(SendResult)
        .filter(batch__in=list(ids), status=SendStatus.FAILED)
        .annotate(key=KEY)
        .values("key", "campaign_id", "campaign__name")
        .annotate(people=Count("pk"), words=Min("error"))
        .order_by("-people", "key", "-campaign_id")
    )
    return [
        LastCause(
            row["words"] or row["key"],
            row["people"],
            row["campaign_id"],
            row["campaign__name"],
        )
        for row in found[:MOST_UNDECIDED]
    ]


def accounts_now() -> list[AccountNow]:
    """Those of the settings; one that has not been used yet has no row, and is shown as new."""
    aliases = conf.aliases()
    known = {a.alias: a for a in rows(GatewayAccount).filter(alias__in=aliases)}
    used = list(known.values())
    moment = now()
    pairs = ((a, options) for a in used if (options := _options(a.alias)))
    windows = usage_of(pairs, moment)
    ends = _credits_end_in(used, moment)
    return [
        AccountNow(a, windows.get(a.pk, []), ends.get(a.pk))
        for a in (known.get(alias, GatewayAccount(alias=alias)) for alias in aliases)
    ]


def _options(alias: str) -> conf.Account | None:
    try:
        return conf.account(alias)
    except ImproperlyConfigured:
        return None


def _credits_end_in(
    accounts: list[GatewayAccount], moment: datetime
) -> dict[int, float | None]:
    those = Q(pk__in=[])
    for account in accounts:
        those |= Q(account=account, cum__gt=account.cum - PACE_REQUESTS)
    found = rows(Attempt).filter(those, remaining_credits__isnull=False)
    known: dict[int, list[tuple[datetime, int]]] = {}
    columns: Any = found.order_by("cum").values_list(
        "account_id", "stamped_at", "remaining_credits"
    )
    for pk, at, credits in columns:
        if at > moment - timedelta(seconds=PACE_SECONDS):
            known.setdefault(pk, []).append((at, credits))
    return {pk: seconds_left(balances, moment) for pk, balances in known.items()}


def seconds_left(
    balances: Iterable[tuple[datetime, int]], moment: datetime
) -> float | None:
    """Until the credits end, if they fall on as they did; what was bought meanwhile is no fall."""
    known = list(balances)
    pairs = pairwise(known)
    spent = sum(max(before - after, 0) for (_, before), (_, after) in pairs)
    if not spent:
        return None
    seconds = max((moment - known[0][0]).total_seconds(), 1.0)
    return known[-1][1] * seconds / spent
