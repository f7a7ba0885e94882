"""The form in which a campaign is composed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from csms_campaigns import conf
from csms_campaigns.admin.composing import template_text
from csms_campaigns.admin.hours_form import HoursForm
from csms_campaigns.admin.message_box import MessageField, TemplateField
from csms_campaigns.engine import site_audiences
from csms_campaigns.models import MessageTemplate

PREPARED_FROM = frozenset(
    {
        "account",
        "lists",
        "exclude_lists",
        "audiences",
        "message",
        "smart_encoding",
        "in_recipients_zone",
    }
)
"""A change of one of these makes what was reviewed untrue."""


class CampaignForm(HoursForm):
    account = forms.ChoiceField(
        label=_("Account"),
        help_text=_("The gateway account that sends it, by its name in the settings."),
    )
    audiences = forms.MultipleChoiceField(
        label=_("From the site"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("People of the site's own tables."),
    )
    template = TemplateField(MessageTemplate.objects)
    message = MessageField(
        label=_("Message"),
        required=False,
        help_text=_(
            'Placeholders: {{ name }} or {{ name|default:"friend" }}. Each recipient '
            "gets the text with their own values."
        ),
    )

    class Meta(HoursForm.Meta):
        fields = ["name", "account", "lists", "message"]

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        if data is not None and "_template" in data:
            # The button of a page without JavaScript: its text is saved as if typed.
            data = data.copy()
            data["message"] = template_text(data) or data.get("message", "")
        super().__init__(data, *args, **kwargs)
        if "account" in self.fields:
            known = [(alias, alias) for alias in conf.aliases()]
            self.fields["account"].choices = known  # type: ignore[attr-defined]
            if len(known) == 1:
                self.initial.setdefault("account", known[0][0])
        if "audiences" in self.fields:
            # With those that have left the settings, so that they can be taken out.
            names = {*site_audiences.names(), *(self.instance.audiences or [])}
            choices = [(name, name) for name in sorted(names)]
            self.fields["audiences"].choices = choices  # type: ignore[attr-defined]

    def changes_what_was_prepared(self) -> bool:
        return not PREPARED_FROM.isdisjoint(self.changed_data)
