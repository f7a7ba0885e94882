"""Phone numbers in forms and in search boxes: any digits, any way of writing them."""

from __future__ import annotations

import unicodedata
from typing import Any, Final

import phonenumbers
from django import forms
from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models import CharField, Q, QuerySet
from django.db.models.functions import Reverse

from csms_campaigns import conf
from csms_campaigns.admin.sentences import NUMBERS
from csms_campaigns.models.fields import e164
from csms_campaigns.sms.numbers import InvalidNumber, normalise


class PhoneField(forms.CharField):
    """Text in, E.164 out. Numbers without a country code get the default region."""

    widget = forms.TextInput(
        attrs={"type": "tel", "dir": "ltr", "class": "vTextField", "inputmode": "tel"}
    )

    def prepare_value(self, value: Any) -> Any:
        return e164(value) if value else value

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        try:
            return normalise(text, conf.default_region())
        except InvalidNumber as error:
            sentence = NUMBERS.get(error.code, str(error))
            raise ValidationError(sentence, code=error.code) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(e164(initial) if initial else "", data)


def looks_like_number(term: str) -> bool:
    return any(char.isdecimal() for char in term) and not any(
        char.isalpha() for char in term
    )


def numbers_like(queryset: QuerySet, term: str) -> Q:
    """Rows whose `phone` is the number in `term`, or begins with it."""
    matches = Q(pk__in=[])
    for prefix in prefixes(term):
        matches |= _begins(queryset, prefix)
    return matches


LAST_DIGITS: Final = 4
"""So many at least, or half of all numbers would end with them."""


def ends_with(queryset: QuerySet, term: str) -> QuerySet | None:
    """Contacts whose number has these last digits; None for what cannot be meant so."""
    digits = _digits(term)
    if "+" in term or not looks_like_number(term) or len(digits) < LAST_DIGITS:
        return None
    backwards = Reverse("phone", output_field=CharField())
    found: QuerySet = queryset.alias(backwards=backwards)
    return found.filter(backwards__startswith=digits[::-1])


def _digits(term: str) -> str:
    return "".join(str(unicodedata.decimal(c)) for c in term if c.isdecimal())


def prefixes(term: str) -> list[str]:
    """How the E.164 form of `term` may begin: +… as written, and as a local number."""
    digits = _digits(term)
    found = {_whole(term)}
    if digits.startswith("00"):
        found.add(f"+{digits[2:]}")
    elif "+" in term:
        found.add(f"+{digits}")
    else:
        found |= {f"+{digits}", _as_local(digits)}
    return sorted(prefix for prefix in found if len(prefix) > 1)


def _whole(term: str) -> str:
    try:
        return normalise(term, conf.default_region())
    except InvalidNumber:
        return ""


def _as_local(digits: str) -> str:
    code = phonenumbers.country_code_for_region(conf.default_region() or "")
    own = digits.lstrip("0")
    return f"+{code}{own}" if code and own else ""


def _begins(queryset: QuerySet, prefix: str) -> Q:
    if connections[queryset.db].vendor == "sqlite":
        # Its LIKE scans the table; a range uses the index.
        after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        return Q(phone__gte=prefix, phone__lt=after)
    return Q(phone__startswith=prefix)
