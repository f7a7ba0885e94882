"""Quiet hours as a person says them."""

from __future__ import annotations

from datetime import time
from typing import Final

from django.utils import formats
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from csms_campaigns.admin.time_zones import site_zone
from csms_campaigns.engine import timetable
from csms_campaigns.models import Campaign

SEPARATOR: Final = pgettext_lazy("between the parts of a list", ", ")


def hours_in_words(campaign: Campaign) -> str:
    """Empty where it may be sent at any time."""
    if timetable.hours(campaign) is None:
        return ""
    if campaign.in_recipients_zone:
        where = _("in the time zone of each number")
    else:
        where = campaign.time_zone or site_zone()
    parts = [_window(campaign.send_from, campaign.send_until), _days(campaign)]
    return str(SEPARATOR).join(filter(None, parts)) + f" ({where})"


def _window(since: time | None, until: time | None) -> str:
    if since is None and until is None:
        return ""
    words = {"since": _clock(since), "until": _clock(until)}
    if since is None:
        return _("until %(until)s") % words
    if until is None:
        return _("from %(since)s") % words
    return _("from %(since)s to %(until)s") % words


def _clock(at: time | None) -> str:
    return formats.time_format(at, "TIME_FORMAT") if at else ""


def _days(campaign: Campaign) -> str:
    if not campaign.send_days:
        return _("every day")
    names = [str(WEEKDAYS_ABBR[int(day)]) for day in campaign.send_days]
    return str(SEPARATOR).join(names)
