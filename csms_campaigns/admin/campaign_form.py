"""The form in which a campaign is composed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from csms_campaigns import conf
from csms_campaigns.models import Campaign
from csms_campaigns.sms.segments import analyse, normalise_line_ends

PREPARED_FROM = frozenset({"account", "lists", "message"})
"""A change of one of these makes what was reviewed untrue."""


class MessageField(forms.CharField):
    """Browsers send CRLF, which would count as a change, and cost a character."""

    widget = forms.Textarea(
        attrs={"rows": 7, "dir": "auto", "class": "vLargeTextField csms-message"}
    )

    def to_python(self, value: Any) -> str:
        return str(super().to_python(normalise_line_ends(value or "")))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return normalise_line_ends(initial or "").strip() != self.to_python(data)


class CampaignForm(forms.ModelForm):
    account = forms.ChoiceField(
        label=_("Account"),
        help_text=_("The gateway account that sends it, by its name in the settings."),
    )
    message = MessageField(
        label=_("Message"),
        required=False,
        help_text=_(
            'Placeholders: {{ name }} or {{ name|default:"friend" }}. Each recipient '
            "gets the text with their own values."
        ),
    )

    class Meta:
        model = Campaign
        fields = ["name", "account", "lists", "message"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "account" in self.fields:
            known = [(alias, alias) for alias in conf.aliases()]
            self.fields["account"].choices = known  # type: ignore[attr-defined]
            if len(known) == 1:
                self.initial.setdefault("account", known[0][0])

    def changes_what_was_prepared(self) -> bool:
        return not PREPARED_FROM.isdisjoint(self.changed_data)


def length_in_words(message: str) -> str:
    """“72 characters, GSM-7, 1 segment”, for the text as it stands."""
    found = analyse(message)
    words = {
        "encoding": found.encoding,
        "segments": found.segments,
        "characters": len(message),
    }
    return (
        ngettext(
            "%(characters)d characters in %(encoding)s: %(segments)d segment",
            "%(characters)d characters in %(encoding)s: %(segments)d segments",
            found.segments,
        )
        % words
    )


class ScheduleForm(forms.Form):
    """A time of the site's zone, which the page names beside the field."""

    at = forms.DateTimeField(
        label=_("Launch at"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        error_messages={
            "required": _("Choose the day and the time."),
            "invalid": _("Choose a day and a time, such as 2030-01-31 14:30."),
        },
    )

    def clean_at(self) -> datetime:
        at: datetime = self.cleaned_data["at"]
        if at <= timezone.now():
            raise forms.ValidationError(
                _("This time has passed. Choose a later one, or launch now.")
            )
        return at
