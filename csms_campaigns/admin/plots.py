"""The course of a campaign as numbers to be drawn, and as the table that says the same."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from csms_campaigns.admin.words import moment, number, time_zone
from csms_campaigns.engine.course import Course, course
from csms_campaigns.engine.timetable import aware
from csms_campaigns.models import Campaign


def labels() -> dict[str, list[str]]:
    """Of the columns of each table; the first is that of the time."""
    return {
        "pace": [_("Time"), _("Sent"), _("Failed or unknown")],
        "credits": [_("Time"), _("Credits left")],
    }


def plots(campaign: Campaign) -> dict[str, Any]:
    """For each plot `x` in seconds since 1970, `y` by series, `labels`, and `rows` in words."""
    found, names = course(campaign), labels()
    return {
        "zone": time_zone(),
        "pace": {**_pace(found), "labels": names["pace"]},
        "credits": {**_credits(found), "labels": names["credits"]},
        "cut": _cut(found),
    }


def _pace(found: Course) -> dict[str, Any]:
    return {
        "x": [_seconds(point.at) for point in found.pace],
        "y": [[p.sent for p in found.pace], [p.other for p in found.pace]],
        "rows": [[_when(p.at), _rate(p.sent), _rate(p.other)] for p in found.pace],
    }


def _rate(rate: float) -> str:
    """Few in an hour are not none."""
    return number(round(rate) if rate >= 10 or rate == round(rate) else round(rate, 1))


def _credits(found: Course) -> dict[str, Any]:
    return {
        "x": [_seconds(point.at) for point in found.credits],
        "y": [[point.credits for point in found.credits]],
        "rows": [[_when(p.at), number(p.credits)] for p in found.credits],
    }


def _cut(found: Course) -> str:
    if not found.is_cut:
        return ""
    words = {"time": moment(_local(found.pace[0].at))}
    return _("The latest requests are shown, since %(time)s.") % words


def _seconds(at: datetime) -> int:
    return int(aware(at).timestamp())


def _local(at: datetime) -> datetime:
    return timezone.localtime(aware(at))


def _when(at: datetime) -> str:
    return moment(_local(at))
