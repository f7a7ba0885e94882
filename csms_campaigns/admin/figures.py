"""The progress of a campaign in words and shapes, for the page and for its feed alike.

The browser puts texts in place and computes nothing, so both languages have one source.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from csms_campaigns.admin.tools import may, results_url
from csms_campaigns.admin.windows import Window
from csms_campaigns.admin.words import (
    MINUTE,
    duration,
    ending,
    moment,
    number,
    percent,
)
from csms_campaigns.engine.progress import Progress, Watched
from csms_campaigns.engine.waiting import HOURS, LIMITS
from csms_campaigns.models import Campaign
from csms_campaigns.states import ENDED, BlockReason, CampaignStatus, SendStatus

ORDER: Final = ("sent", "failed", "unknown", "skipped", "cancelled", "pending")

MEANING: Final[dict[str, Any]] = {
    "sent": gettext_lazy("Accepted by the gateway. It gives no delivery receipts."),
    "failed": gettext_lazy("Refused by the gateway; each has its reason."),
    "unknown": gettext_lazy(
        "Asked for, but no answer came that can be trusted. Never repeated by itself."
    ),
    "skipped": gettext_lazy("Not texted, each for a reason, such as an opt-out."),
    "cancelled": gettext_lazy("Not texted, since the campaign was cancelled."),
    "pending": gettext_lazy("Still to be texted."),
}

WAITING: Final[dict[str, Any]] = {
    LIMITS: gettext_lazy(
        "Waiting until %(time)s: the limit of requests is used up. It goes on by itself."
    ),
    HOURS: gettext_lazy(
        "Waiting until %(time)s, when the hours begin in which it may be sent."
    ),
}
WAITING_FOR_GATEWAY: Final = gettext_lazy(
    "%(reason)s. Waiting until %(time)s, then it tries again by itself."
)


@dataclass(frozen=True)
class Outcome:
    name: str
    label: str
    meaning: Any
    count: int
    shown: str
    share: str
    url: str


@dataclass(frozen=True)
class Piece:
    """A part of the bar; `start` and `width` are percentages of its length."""

    name: str
    start: str
    width: str


def outcomes(
    request: HttpRequest, campaign: Campaign, found: Progress, site: str
) -> list[Outcome]:
    linked = may(request, "recipients")
    return [
        Outcome(
            name=name,
            label=str(SendStatus(name).label),
            meaning=MEANING[name],
            count=getattr(found, name),
            shown=number(getattr(found, name)),
            share=percent(getattr(found, name), found.total),
            url=results_url(campaign, site, status=name) if linked else "",
        )
        for name in ORDER
    ]


def bar(found: Progress) -> list[Piece]:
    return shares({name: getattr(found, name) for name in ORDER}, found.total)


def shares(counts: dict[str, int], total: int) -> list[Piece]:
    pieces, start = [], 0.0
    for name in ORDER[:-1]:
        width = 100 * counts[name] / total if total else 0.0
        pieces.append(Piece(name, f"{start:.3f}", f"{width:.3f}"))
        start += width
    return pieces


def done_share(found: Progress) -> int:
    """Whole percent of those to be texted, and 100 only when nobody waits."""
    wanted = found.total - found.skipped
    return 100 * (wanted - found.pending) // wanted if wanted > 0 else 0


def in_words(found: Progress) -> dict[str, str]:
    """Texts by the name under which a page shows them."""
    texts = {name: number(getattr(found, name)) for name in ORDER}
    shares = {
        f"{name}_share": percent(getattr(found, name), found.total) for name in ORDER
    }
    requests = {"done": number(found.batches_done), "all": number(found.batches)}
    return {
        **texts,
        **shares,
        "total": number(found.total),
        "state": str(CampaignStatus(found.status).label),
        "reason": str(found.status_reason or _waiting(found)),
        "done": percent_done(found),
        "requests": _("%(done)s of %(all)s") % requests,
        "credits": _credits(found.remaining_credits),
        "pace": _pace(found),
        "ending": _ending(found),
        "summary": summary(found),
        "prepared": _prepared(found.total),
    }


def percent_done(found: Progress) -> str:
    return f"{done_share(found)}%"


def summary(found: Progress) -> str:
    """For screen readers: changes with the state and with every tenth, not each second."""
    words = {
        "state": CampaignStatus(found.status).label,
        "percent": done_share(found) // 10 * 10,
    }
    return _("%(state)s: %(percent)d percent done.") % words


def feed(
    campaign: Campaign, seen: Watched, windows: Iterable[Window] = ()
) -> dict[str, Any]:
    found = seen.progress
    pieces = {piece.name: [piece.start, piece.width] for piece in bar(found)}
    used = {window.name: window.shown for window in windows}
    return {
        "status": found.status,
        "ended": found.status in ENDED,
        "texts": {**in_words(found), "average": average(campaign, seen), **used},
        "bar": {**pieces, **{window.name: [0, window.width] for window in windows}},
        "done": done_share(found),
        "figures": found.as_dict(),
    }


def average(campaign: Campaign, seen: Watched) -> str:
    """People with an outcome for each minute since the launch, pauses included."""
    done = seen.sums.sent + seen.sums.failed + seen.sums.unknown
    if not campaign.started_at or not done:
        return "–"
    end = campaign.finished_at or seen.moment
    minutes = max((end - campaign.started_at).total_seconds(), 1.0) / 60
    return _a_minute(done / minutes)


def times(campaign: Campaign) -> dict[str, str]:
    return {
        "started": moment(campaign.started_at),
        "finished": moment(campaign.finished_at),
        "took": _took(campaign),
        "launched_by": str(campaign.launched_by or ""),
    }


def _took(campaign: Campaign) -> str:
    if not campaign.started_at or not campaign.finished_at:
        return ""
    seconds = (campaign.finished_at - campaign.started_at).total_seconds()
    # To the nearest minute: a forecast is rounded up, so that nobody is promised too much.
    is_short = seconds < MINUTE
    return duration(seconds if is_short else round(seconds / MINUTE) * MINUTE)


def _prepared(count: int) -> str:
    return ngettext(
        "%(count)s recipient so far", "%(count)s recipients so far", count
    ) % {"count": number(count)}


def _credits(remaining: int | None) -> str:
    return _("not known yet") if remaining is None else number(remaining)


def _pace(found: Progress) -> str:
    if found.status != CampaignStatus.SENDING or not found.rate_per_minute:
        return "–"
    return _a_minute(found.rate_per_minute)


def _a_minute(rate: float) -> str:
    return _("%(count)s a minute") % {"count": number(round(rate))}


def _waiting(found: Progress) -> str:
    """Nobody has to do anything: it says until when."""
    if found.waiting_until is None:
        return ""
    words = {"time": moment(found.waiting_until)}
    if found.waiting_for in BlockReason.values:
        words["reason"] = str(BlockReason(found.waiting_for).label)
    return str(WAITING.get(found.waiting_for, WAITING_FOR_GATEWAY) % words)


def _ending(found: Progress) -> str:
    if found.status != CampaignStatus.SENDING or found.eta_seconds is None:
        return "–"
    return ending(found.eta_seconds)
