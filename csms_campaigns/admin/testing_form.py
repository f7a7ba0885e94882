"""The numbers of a test send, as a person types them."""

from __future__ import annotations

import re
import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from csms_campaigns import conf
from csms_campaigns.admin.sentences import NUMBERS
from csms_campaigns.engine.testing import MOST
from csms_campaigns.sms.numbers import InvalidNumber, normalise


def read_number(raw: str) -> str:
    try:
        return normalise(raw, conf.default_region())
    except InvalidNumber as error:
        words = {"number": raw, "reason": NUMBERS[error.code]}
        raise forms.ValidationError(_("“%(number)s”: %(reason)s") % words) from error


class NumberField(forms.CharField):
    widget = forms.TextInput(attrs={"dir": "ltr", "inputmode": "tel"})

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        return read_number(text) if text else ""


class NumbersField(forms.CharField):
    """One on each line, or with commas between; in E.164, each once."""

    widget = forms.Textarea(
        attrs={"rows": 3, "dir": "ltr", "inputmode": "tel", "autocomplete": "off"}
    )

    def clean(self, value: Any) -> list[str]:
        typed = re.split(r"[\n,;،؛]+", super().clean(value))
        found = [read_number(raw.strip()) for raw in typed if raw.strip()]
        return list(dict.fromkeys(found))


class TestSendForm(forms.Form):
    numbers = NumbersField(
        label=gettext_lazy("Numbers"),
        help_text=gettext_lazy("At most %(most)s, one on each line."),
        error_messages={"required": gettext_lazy("Write at least one number.")},
    )
    like = NumberField(
        label=gettext_lazy("Reads as for"),
        required=False,
        help_text=gettext_lazy(
            "The number of a contact; empty: somebody of the audience."
        ),
    )
    form_key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # A new one for each page that is shown, so a second press finds the first test.
        kwargs.setdefault("initial", {"form_key": uuid.uuid4()})
        super().__init__(*args, **kwargs)
        numbers = self.fields["numbers"]
        numbers.help_text = numbers.help_text % {"most": MOST}
