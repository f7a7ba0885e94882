"""A phone number column that always holds E.164 text, whatever the site's PHONENUMBER_ settings say."""

from __future__ import annotations

import re
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from phonenumber_field.modelfields import PhoneNumberField
from phonenumber_field.phonenumber import PhoneNumber, to_python

E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")


def validate_e164(value: Any) -> None:
    if not E164.fullmatch(e164(value)):
        message = _("Write the number with its country code, such as +12125551234.")
        raise ValidationError(message, code="invalid_phone")


def e164(value: Any) -> str:
    if isinstance(value, PhoneNumber):
        return value.as_e164 if value.country_code else str(value.raw_input or "")
    return str(value)


class E164Field(PhoneNumberField):  # type: ignore[misc] # it is not typed
    """`PhoneNumberField` at 16 characters; stores E.164 and never reads a region."""

    default_validators = [validate_e164]
    description = _("Phone number (E.164)")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 16)
        super().__init__(*args, **kwargs)

    def to_python(self, value: Any) -> Any:
        return to_python(value, region=None)

    def get_prep_value(self, value: Any) -> Any:
        # Search terms are only the beginning of a number: they pass as they are.
        return value if value is None else e164(value)
