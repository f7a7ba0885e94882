"""Quiet hours in a form: the window, the days, the zone, and presets to begin with."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.utils.dateparse import parse_time
from django.utils.dates import WEEKDAYS
from django.utils.formats import get_format
from django.utils.translation import gettext_lazy as _

from csms_campaigns import conf
from csms_campaigns.admin.time_zones import TimeZoneField
from csms_campaigns.engine import zones
from csms_campaigns.models import Campaign

HOURS: Final = ("send_from", "send_until", "send_days", "time_zone")
FIELDS: Final = ("hours_preset", *HOURS, "in_recipients_zone")

SUGGESTED: Final[dict[Any, tuple[str, str, str]]] = {
    _("Every day, 9:00 to 21:00"): ("09:00", "21:00", ""),
    _("Sunday to Thursday, 9:00 to 18:00"): ("09:00", "18:00", "01236"),
    _("Monday to Friday, 9:00 to 18:00"): ("09:00", "18:00", "01234"),
    _("At any time"): ("", "", ""),
}


def presets() -> list[tuple[str, Any]]:
    own = conf.quiet_hours_presets()
    found = SUGGESTED if own is None else own
    return [("|".join(hours), label) for label, hours in found.items()]


class DaysField(forms.MultipleChoiceField):
    """A column of digits, Monday being 0; shown from the first day of a week in this language."""

    widget = forms.CheckboxSelectMultiple(attrs={"class": "csms-days"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=_days, required=False, **kwargs)

    def prepare_value(self, value: Any) -> list[str]:
        return list(value or "")

    def clean(self, value: Any) -> str:
        chosen = "".join(sorted(super().clean(value)))
        return "" if len(chosen) == 7 else chosen

    def has_changed(self, initial: Any, data: Any) -> bool:
        return sorted(initial or "") != sorted(data or [])


def _days() -> list[tuple[str, Any]]:
    # Django counts from Sunday, Python from Monday.
    first = (int(get_format("FIRST_DAY_OF_WEEK")) - 1) % 7
    days = [(first + n) % 7 for n in range(7)]
    return [(str(day), WEEKDAYS[day]) for day in days]


def _clock(label: Any) -> forms.TimeField:
    return forms.TimeField(
        label=label,
        required=False,
        widget=forms.TimeInput(attrs={"type": "time", "dir": "ltr"}, format="%H:%M"),
        error_messages={"invalid": _("Write a time such as 09:00.")},
    )


class HoursForm(forms.ModelForm):
    """Alone, for a campaign that was launched; else a part of the compose form."""

    hours_preset = forms.ChoiceField(
        label=_("Preset"),
        required=False,
        help_text=_("Fills in the fields below."),
        widget=forms.Select(attrs={"class": "csms-preset"}),
    )
    send_from = _clock(_("Not before"))
    send_until = _clock(_("Not after"))
    send_days = DaysField(label=_("Days"), help_text=_("None chosen: every day."))
    time_zone = TimeZoneField(
        label=_("Time zone"),
        required=False,
        help_text=_("Whose clock counts, for the hours and for a planned launch."),
    )

    class Meta:
        model = Campaign
        fields: Any = HOURS

    field_order = FIELDS

    class Media:
        js = ["csms_campaigns/hours.js"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        prepare_hours(self)

    def clean(self) -> dict[str, Any]:
        return check_hours(self, super().clean() or self.cleaned_data)


def prepare_hours(form: Any) -> None:
    if "hours_preset" in form.fields:
        form.fields["hours_preset"].choices = [("", "—"), *presets()]
    if "time_zone" in form.fields:
        form.fields["time_zone"].offer(form.instance.time_zone, empty=True)


def check_hours(form: Any, found: dict[str, Any]) -> dict[str, Any]:
    """The preset's hours instead of those below, and what cannot be said of hours."""
    if preset := found.get("hours_preset"):
        since, until, days = preset.split("|")
        found |= {
            "send_from": parse_time(since) if since else None,
            "send_until": parse_time(until) if until else None,
            "send_days": days,
        }
        # What differs now is a change, also where nothing was typed.
        form.data = form.data.copy()
        form.data.update({form.add_prefix("send_from"): since})
        form.data.update({form.add_prefix("send_until"): until})
        form.data.setlist(form.add_prefix("send_days"), list(days))
    since, until = found.get("send_from"), found.get("send_until")
    if since is not None and since == until:
        form.add_error(
            "send_until",
            _("This is the same time twice. Leave both empty for the whole day."),
        )
    if found.get("in_recipients_zone") and not zones.is_available():
        form.add_error(
            "in_recipients_zone",
            _(
                "This site does not know the time zones of numbers. Ask whoever runs it "
                "for the extra “zones”."
            ),
        )
    return found
