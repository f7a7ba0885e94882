"""The course of a campaign over time, for plots: bounded, however long it runs.

What became of people is summed by spans of time over the latest batches; the credits are
those of some of its requests, evenly taken from the first to the last.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db.models import F, FloatField, Func, IntegerField, QuerySet, Sum, Value
from django.db.models.functions import Cast, Floor

from csms_campaigns.engine import accounts
from csms_campaigns.engine.database import now, rows
from csms_campaigns.models import Attempt, Batch, Campaign
from csms_campaigns.states import CampaignStatus

MOST_POINTS: Final = 300
MOST_BATCHES: Final = 20_000
"""Of a campaign with more, the course of the latest is shown: a page waits for it."""
WIDTHS: Final = (
    *(60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200),
    *(86_400, 172_800, 604_800),
)
"""Seconds of one point."""
ROUND: Final = 900
"""Points begin at such a full time, or at a full one of their width."""


class Pace(NamedTuple):
    """Recipients a minute, over a span that begins at `at`."""

    at: datetime
    sent: float
    other: float
    """Failed, or unknown."""


class Balance(NamedTuple):
    at: datetime
    credits: int


@dataclass(frozen=True)
class Course:
    """`width`: seconds of each point of the pace. `is_cut`: it began before the first one."""

    pace: tuple[Pace, ...] = ()
    credits: tuple[Balance, ...] = ()
    width: int = WIDTHS[0]
    is_cut: bool = False


class Epoch(Func):
    """Seconds since 1970; a time without a zone is taken as it stands."""

    output_field = FloatField()
    template = "EXTRACT(EPOCH FROM %(expressions)s)"

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        template = "(strftime('%%%%s', %(expressions)s) + 0.0)"
        return self.as_sql(compiler, connection, template=template, **extra)


def course(campaign: Campaign) -> Course:
    """Five queries; none reads more than `MOST_BATCHES` rows."""
    finished = rows(Batch).filter(campaign=campaign, finished_at__isnull=False)
    latest = finished.order_by("-finished_at")
    cut = latest.values_list("finished_at", flat=True)[MOST_BATCHES : MOST_BATCHES + 1]
    since = next(iter(cut), None)
    asked = finished.filter(attempt__isnull=False)
    shown = asked.filter(finished_at__gt=since) if since else asked
    first = shown.order_by("finished_at").select_related("attempt").first()
    last = shown.order_by("-finished_at").select_related("attempt").first()
    if first is None or last is None:
        return Course()
    begin = since or campaign.started_at or first.finished_at
    width, pace = _pace(shown, campaign, begin, last)
    credits = tuple(_credits(campaign, first.attempt, last.attempt))
    return Course(pace, credits, width, is_cut=since is not None)


def _pace(
    shown: QuerySet[Batch], campaign: Campaign, begin: Any, last: Batch
) -> tuple[int, tuple[Pace, ...]]:
    is_running = campaign.status == CampaignStatus.SENDING
    end: Any = now() if is_running else last.finished_at
    width = _width((end - begin).total_seconds())
    start = _seconds(begin) // min(width, ROUND) * min(width, ROUND)
    points = int(_seconds(end) - start) // width + 1
    if is_running and points > 1:
        points -= 1  # The span under way would look like a fall.
    counts = _counts(shown, start, width)
    first = begin - timedelta(seconds=_seconds(begin) - start)
    return width, tuple(
        Pace(first + timedelta(seconds=place * width), *counts.get(place, (0.0, 0.0)))
        for place in range(points)
    )


def _width(seconds: float) -> int:
    wanted = seconds / (MOST_POINTS - 2)
    longest = math.ceil(wanted / WIDTHS[-1]) * WIDTHS[-1]
    return next((width for width in WIDTHS if width >= wanted), longest)


def _counts(
    shown: QuerySet[Batch], start: float, width: int
) -> dict[int, tuple[float, float]]:
    passed = Epoch(F("finished_at")) - Value(start)
    place = Cast(Floor(passed / Value(float(width))), IntegerField())
    found = shown.order_by().annotate(place=place).values("place")
    sums = found.annotate(
        sent=Sum("sent_count"), other=Sum(F("failed_count") + F("unknown_count"))
    )
    minutes = width / 60
    return {
        row["place"]: (
            round(row["sent"] / minutes, 3),
            round(row["other"] / minutes, 3),
        )
        for row in sums
    }


def _seconds(moment: datetime) -> float:
    """As the databases do it: a time without a zone is taken as it stands."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _credits(campaign: Campaign, first: Any, last: Any) -> Iterator[Balance]:
    account = accounts.state(campaign.account)
    begin, end = sorted((first.cum, last.cum))
    step = max((end - begin) / (MOST_POINTS - 2), 1)
    evenly = (begin + int(point * step) for point in range(MOST_POINTS - 1))
    numbers = {number for number in evenly if number < end} | {end}
    found = rows(Attempt).filter(
        account=account, cum__in=numbers, remaining_credits__isnull=False
    )
    for at, credits in found.order_by("cum").values_list(
        "stamped_at", "remaining_credits"
    ):
        yield Balance(at, credits or 0)
