"""Time zones to choose from, grouped as people look for them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

AREAS = frozenset(
    {
        *("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic"),
        *("Australia", "Europe", "Indian", "Pacific"),
    }
)


@lru_cache(maxsize=1)
def _by_area() -> list[tuple[str, list[tuple[str, str]]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(available_timezones()):
        area, _slash, place = name.partition("/")
        if area in AREAS:
            found.setdefault(area, []).append((name, _readable(place)))
    return list(found.items())


def _readable(place: str) -> str:
    return place.replace("_", " ").replace("/", " / ")


def choices(*more: str) -> list[Any]:
    """Those of the world by area; before them UTC, that of the site, and `more`."""
    first = dict.fromkeys([site_zone(), *filter(None, more), "UTC"])
    return [*((name, name) for name in first), *_by_area()]


def site_zone() -> str:
    return timezone.get_default_timezone_name()


class TimeZoneField(forms.ChoiceField):
    """`choices` are set where the form is made; empty is the zone of the site."""

    widget = forms.Select(attrs={"class": "csms-zone", "dir": "ltr"})
    default_error_messages = {
        "invalid_choice": gettext_lazy("Choose a time zone from the list."),
    }

    def offer(self, *more: str, empty: bool = False) -> None:
        found = choices(*more)
        if empty:
            label = _("that of the site (%(zone)s)") % {"zone": site_zone()}
            found = [("", label), *found]
        self.choices = found
