"""Numbers, times and durations as people read them. Every figure on a page comes from here."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from csms_campaigns.engine import timetable

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def number(value: float) -> str:
    """With separators, in every language: some locales of Django define no grouping."""
    if value == int(value):
        value = int(value)  # “1”, not “1.0”.
    if formats.get_format("NUMBER_GROUPING"):
        return formats.number_format(value, force_grouping=True)
    return f"{value:,}"


def isolated(text: object) -> SafeString:
    """Keeps numbers and phones left-to-right inside right-to-left text."""
    return format_html('<bdi dir="ltr">{}</bdi>', text)


def duration(seconds: float) -> str:
    """Rounded up to minutes, at most two units."""
    if seconds < MINUTE:
        return _("less than a minute")
    minutes = -int(-seconds // MINUTE)
    if minutes < HOUR // MINUTE:
        return _minutes(minutes)
    hours, minutes = divmod(minutes, 60)
    if hours < DAY // HOUR:
        return _pair(_hours(hours), _minutes(minutes) if minutes else "")
    days, hours = divmod(hours, 24)
    return _pair(_days(days), _hours(hours) if hours else "")


def _minutes(count: int) -> str:
    return ngettext("%(count)d minute", "%(count)d minutes", count) % {"count": count}


def _hours(count: int) -> str:
    return ngettext("%(count)d hour", "%(count)d hours", count) % {"count": count}


def _days(count: int) -> str:
    return ngettext("%(count)d day", "%(count)d days", count) % {"count": count}


def _pair(first: str, second: str) -> str:
    if not second:
        return first
    return _("%(first)s and %(second)s") % {"first": first, "second": second}


def moment(at: datetime | None) -> str:
    """The local time; with the date unless it is today."""
    if at is None:
        return ""
    shown = local(at)
    clock = formats.time_format(shown, "TIME_FORMAT")
    if shown.date() == today():
        return clock
    return _("%(date)s, %(time)s") % {
        "date": formats.date_format(shown, "DATE_FORMAT"),
        "time": clock,
    }


def today() -> date:
    return local(timezone.now()).date()


def local(at: datetime) -> datetime:
    """On the clock of the page; Django's own raises where the site stores naive times."""
    return timezone.localtime(timetable.aware(at))


def ending(seconds: float, now: datetime | None = None) -> str:
    """“about 12 minutes, until 14:20”: how long it takes, and when that is."""
    at = (now or timezone.now()) + timedelta(seconds=seconds)
    if seconds < MINUTE:
        return _("less than a minute, until %(time)s") % {"time": moment(at)}
    return _("about %(duration)s, until %(time)s") % {
        "duration": duration(seconds),
        "time": moment(at),
    }


def percent(part: float, whole: float) -> str:
    """One decimal below ten percent, so that 0.2 % of a million does not read as none."""
    if not whole:
        return "0%"
    share = 100 * part / whole
    if 0 < share < 10 or 99 < share < 100:
        return number(round(min(max(share, 0.1), 99.9), 1)) + "%"
    return number(round(share)) + "%"


def file_size(count: int) -> str:
    """Of so many bytes; with the separators of `number`, unlike Django's own filter."""
    if count < 1024 * 1024:
        return _("%(count)s KB") % {"count": number(round(count / 1024, 1))}
    return _("%(count)s MB") % {"count": number(round(count / 1024 / 1024, 1))}


def time_zone() -> str:
    """Named, since a site's zone need not be the reader's."""
    return timezone.get_current_timezone_name()
