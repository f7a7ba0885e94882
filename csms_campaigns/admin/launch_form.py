"""When to launch: a day and a time, on the clock of a named time zone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.formats import sanitize_separators
from django.utils.translation import gettext_lazy as _

from csms_campaigns.admin.time_zones import TimeZoneField, site_zone
from csms_campaigns.engine import timetable
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.hours import zone_named
from csms_campaigns.engine.wall_clock import moment_of
from csms_campaigns.models import Campaign


class WallClockField(forms.DateTimeField):
    """As it was typed: naive, since the zone stands in another field."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "dir": "ltr"})

    def to_python(self, value: Any) -> datetime | None:
        if isinstance(value, str):
            value = sanitize_separators(value)
        # Read in UTC, in which no time is missing or comes twice.
        with timezone.override("UTC"):
            found = super().to_python(value)
        return found.replace(tzinfo=None) if found else None


class ScheduleForm(forms.Form):
    """`cleaned_data["at"]` is the moment."""

    at = WallClockField(
        label=_("Launch at"),
        error_messages={
            "required": _("Choose the day and the time."),
            "invalid": _("Choose a day and a time, such as 2030-01-31 14:30."),
        },
    )
    zone = TimeZoneField(label=_("Time zone"), required=False)

    def __init__(self, campaign: Campaign, data: Any = None) -> None:
        own = campaign.time_zone or site_zone()
        super().__init__(data, initial={"zone": own})
        self.own = own
        self.fields["zone"].offer(own)  # type: ignore[attr-defined]

    @property
    def zone_name(self) -> str:
        return str(self.cleaned_data.get("zone") or self.own)

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or self.cleaned_data
        if not found.get("at") or "zone" not in found:
            return found
        try:
            at = moment_of(found["at"], zone_named(self.zone_name))
        except CampaignError as error:
            self.add_error("at", str(error))
            return found
        if at <= timetable.aware(timezone.now()):
            said = _("This time has passed. Choose a later one, or launch now.")
            self.add_error("at", said)
            return found
        return found | {"at": at}

    @property
    def sentences(self) -> list[str]:
        return [str(said) for each in self.errors.values() for said in each]
