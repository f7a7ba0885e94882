"""The box in which a text is written, with all that is said about it below and beside.

The page shows at once what the server knows; with JavaScript it asks again as one types.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms import Script
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from csms_campaigns.sms.segments import normalise_line_ends

PARTS = ("placeholders", "length", "warnings", "examples", "audience")
"""What is asked for again as one types: each a template, and a place in the page."""


def rendered(outlook: dict[str, Any]) -> dict[str, str]:
    """The parts as they stand in the page, from what `outlook.look` found."""
    return {
        part: render_to_string(f"admin/csms_campaigns/compose/{part}.html", outlook)
        for part in PARTS
    }


class MessageBox(forms.Textarea):
    template_name = "csms_campaigns/widgets/message_box.html"
    parts: dict[str, str] = {}
    url = ""
    counted = ""
    """Whose number the page shows: it is not counted again while it stays the same."""

    @property
    def media(self) -> forms.Media:
        names = ("message-box", "compose", "preview")
        scripts: Any = [
            Script(f"csms_campaigns/{name}.js", defer=True) for name in names
        ]
        return forms.Media(css={"all": ["csms_campaigns/compose.css"]}, js=scripts)

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["parts"] = self.parts
        context["widget"]["url"] = self.url
        context["widget"]["counted"] = self.counted
        return context


class MessageField(forms.CharField):
    """Browsers send CRLF, which would count as a change, and cost a character."""

    widget = MessageBox(attrs={"rows": 7, "dir": "auto", "class": "csms-message"})

    def to_python(self, value: Any) -> str:
        return str(super().to_python(normalise_line_ends(value or "")))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return normalise_line_ends(initial or "").strip() != self.to_python(data)


class TemplateChoice(forms.Select):
    """With a button beside it, which puts the text into the box."""

    template_name = "csms_campaigns/widgets/template_choice.html"


class TemplateField(forms.ChoiceField):
    widget = TemplateChoice
    SHOWN = 200

    def __init__(self, templates: Any, **kwargs: Any) -> None:
        self.templates = templates
        super().__init__(
            label=_("Begin with"), required=False, choices=self._choices, **kwargs
        )

    def _choices(self) -> list[tuple[str, Any]]:
        found = self.templates.order_by("name").values_list("pk", "name")
        rows = [(str(pk), name) for pk, name in found[: self.SHOWN]]
        return [("", _("A message template…")), *rows]
