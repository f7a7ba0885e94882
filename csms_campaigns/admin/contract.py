"""The sentences of the promise: why so many requests, what is known of the credits, and when."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Any, Final

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from csms_campaigns import conf
from csms_campaigns.admin.words import duration, ending, moment, number
from csms_campaigns.engine import timetable
from csms_campaigns.engine.hours import UnknownZone
from csms_campaigns.engine.promise import Promise
from csms_campaigns.models import Campaign
from csms_campaigns.states import CampaignKind, CampaignStatus

AT_ONCE: Final = 5.0
"""Seconds; a later start is told."""
WORTH_TELLING: Final = 60.0
"""Seconds that the placeholders must cost."""
NAMED: Final = 3
"""Other campaigns of the account that are named."""
FEW_OF_ONE: Final = gettext_lazy(
    "%(names)s costs you %(more)s more requests: without it %(plain)s would do."
)
FEW_OF_MANY: Final = gettext_lazy(
    "%(names)s cost you %(more)s more requests: without them %(plain)s would do."
)
LONG_OF_ONE: Final = gettext_lazy(
    "%(names)s costs you %(more)s more requests and %(time)s more: without it %(plain)s "
    "would do."
)
LONG_OF_MANY: Final = gettext_lazy(
    "%(names)s cost you %(more)s more requests and %(time)s more: without them %(plain)s "
    "would do."
)


def sentence(found: Promise) -> str:
    """The whole of it in one."""
    people = ngettext(
        "%(count)s person gets a text",
        "%(count)s people get a text",
        found.recipients,
    )
    requests = ngettext("in %(count)s request", "in %(count)s requests", found.batches)
    return _("%(people)s, %(requests)s.") % {
        "people": people % {"count": number(found.recipients)},
        "requests": requests % {"count": number(found.batches)},
    }


def why_so_many(found: Promise) -> str:
    if found.texts is None:
        return _("Almost everybody gets a text of their own.")
    text = ngettext(
        "Everybody gets the same text, so they share requests.",
        "%(count)s different texts; who gets the same one shares a request.",
        found.texts,
    )
    return text % {"count": number(found.texts)}


def cost_of_texts(found: Promise) -> str:
    """What the placeholders cost in requests and time; empty where that is nothing."""
    more = found.batches - found.batches_of_one_text
    seconds = found.eta_seconds - found.eta_seconds_of_one_text
    if more <= 0 or not found.placeholders:
        return ""
    names = ", ".join(f"{{{{ {name} }}}}" for name in found.placeholders)
    words = {
        "names": names,
        "more": number(more),
        "time": duration(seconds),
        "plain": number(found.batches_of_one_text),
    }
    one = len(found.placeholders) == 1
    if seconds < WORTH_TELLING:
        text = FEW_OF_ONE if one else FEW_OF_MANY
    else:
        text = LONG_OF_ONE if one else LONG_OF_MANY
    return str(text) % words


def how_counted(found: Promise) -> str:
    if not found.credits_per or found.credits_each is None:
        return _("What a segment costs is unknown yet: one credit for each is assumed.")
    words = {"credits": number(round(found.credits_each, 2))}
    if found.credits_per == "number":
        return _("This account was charged %(credits)s for each number.") % words
    return _("This account was charged %(credits)s for each segment.") % words


def starts(campaign: Campaign, found: Promise, at: datetime | None) -> str:
    """Empty where the first request leaves at the launch."""
    begins = at or _send_at(campaign)
    if begins is None and found.starts_seconds <= AT_ONCE:
        return ""
    first = _now() + timedelta(seconds=found.starts_seconds)
    if begins is not None and first - timetable.aware(begins) <= timedelta(
        seconds=AT_ONCE
    ):
        return _in_own_zone(begins, campaign)
    words = {"time": _in_own_zone(first, campaign)}
    if timetable.hours(campaign) and _sleeps(campaign, begins):
        return _("%(time)s, when its hours begin") % words
    return _("%(time)s, when the account may send again") % words


def _sleeps(campaign: Campaign, begins: datetime | None) -> bool:
    options = conf.account(campaign.account)
    return (
        timetable.waiting_until(campaign, options, begins or timezone.now()) is not None
    )


def ends(campaign: Campaign, found: Promise, at: datetime | None) -> str:
    if at is None and campaign.status != CampaignStatus.SCHEDULED:
        with timezone.override(_zone(campaign)):
            said = ending(found.eta_seconds)
        words = {"time": said, "zone": timetable.zone_name(campaign)}
        return _("%(time)s (%(zone)s)") % words
    last = timezone.now() + timedelta(seconds=found.eta_seconds)
    return _("about %(time)s") % {"time": _in_own_zone(last, campaign)}


def _now() -> datetime:
    """Aware, whatever the site stores."""
    return timetable.aware(timezone.now())


def _send_at(campaign: Campaign) -> datetime | None:
    return campaign.send_at if campaign.status == CampaignStatus.SCHEDULED else None


def _in_own_zone(at: datetime, campaign: Campaign) -> str:
    """On the clock of the campaign, with its name."""
    with timezone.override(_zone(campaign)):
        words = {"time": moment(at), "zone": timetable.zone_name(campaign)}
        return _("%(time)s (%(zone)s)") % words


def _zone(campaign: Campaign) -> tzinfo:
    try:
        return timetable.zone(campaign)
    except UnknownZone:
        return timezone.get_default_timezone()


def beside(campaign: Campaign, site: str) -> dict[str, Any] | None:
    """Other campaigns of the account that are being sent, which share its limits."""
    others = Campaign.objects.filter(
        account=campaign.account,
        status=CampaignStatus.SENDING,
        kind=CampaignKind.CAMPAIGN,
    ).exclude(pk=campaign.pk)
    found = list(others.order_by("-pk")[: NAMED + 1])
    if not found:
        return None
    page = f"{site}:csms_campaigns_campaign_progress"
    return {
        "said": _("Shares the account with campaigns that are being sent:"),
        "campaigns": [
            {"name": other.name, "url": reverse(page, args=[other.pk])}
            for other in found[:NAMED]
        ],
        "more": len(found) > NAMED,
    }
