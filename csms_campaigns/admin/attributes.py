"""The attributes of a contact as lines that a person can type: `city: Riyadh`."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from csms_campaigns.sms.placeholders import normalise_name


class AttributesField(forms.CharField):
    """One `name: value` on each line, or a JSON object of texts; gives a dict of texts."""

    widget = forms.Textarea(
        attrs={"rows": 5, "dir": "auto", "class": "vLargeTextField"}
    )

    def prepare_value(self, value: Any) -> Any:
        return as_lines(value) if isinstance(value, dict) else value

    def clean(self, value: Any) -> dict[str, str]:
        text = super().clean(value)
        return _from_json(text) if text.startswith("{") else _from_lines(text)

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool((initial or {}) != self.clean(data))
        except ValidationError:
            return True


def as_lines(attributes: dict[str, Any]) -> str:
    """Lines where they can be read back without loss, else JSON."""
    if all(_fits_line(name, value) for name, value in attributes.items()):
        return "\n".join(f"{name}: {value}" for name, value in attributes.items())
    return json.dumps(attributes, ensure_ascii=False, indent=2)


def _fits_line(name: str, value: Any) -> bool:
    text = f"{name}: {value}"
    return isinstance(value, str) and _line(text) == (name, value) and "{" not in name


def _line(text: str) -> tuple[str, str] | None:
    name, colon, value = text.partition(":")
    if not colon or not normalise_name(name) or len(text.splitlines()) != 1:
        return None
    return normalise_name(name), value.strip()


def _from_lines(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for place, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        pair = _line(line)
        if pair is None:
            raise ValidationError(
                _("Line %(line)d is not “name: value”. Write for example city: Paris.")
                % {"line": place}
            )
        if pair[0] in found:
            raise ValidationError(
                _("“%(name)s” stands there twice. Keep one of the lines.")
                % {"name": pair[0]}
            )
        found[pair[0]] = pair[1]
    return found


def _from_json(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise ValidationError(
            _("This is not valid JSON. Write “name: value” on each line instead.")
        ) from None
    if any(not isinstance(value, str) for value in found.values()):
        raise ValidationError(
            _('Every value must be text. Put it in quotes, such as {"age": "42"}.')
        )
    return {normalise_name(name): value for name, value in found.items()}
