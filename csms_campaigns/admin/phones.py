"""Phone numbers in forms and in search boxes: any digits, any way of writing them."""

from __future__ import annotations

import unicodedata
from typing import Any, Final

import phonenumbers
from django import forms
from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from csms_campaigns import conf
from csms_campaigns.models.fields import e164
from csms_campaigns.sms.numbers import InvalidNumber, NumberError, normalise

# `sms` knows no Django, so its sentences are repeated here to be translated.
SENTENCES: Final = {
    NumberError.EMPTY: _("There is no phone number. Fill it in."),
    NumberError.NOT_A_NUMBER: _(
        "This is not a phone number. Write it in digits, for example +12125551234."
    ),
    NumberError.SCIENTIFIC_NOTATION: _(
        "The spreadsheet has shortened this number and digits are lost. Format the "
        "column as text, enter the numbers again and export the file again."
    ),
    NumberError.SEVERAL_NUMBERS: _(
        "There is more than one number here. Keep one number in each row."
    ),
    NumberError.EXTENSION: _(
        "An extension can't receive texts. Write a number without an extension."
    ),
    NumberError.NO_COUNTRY: _(
        "The country is missing. Begin the number with + and the country code, "
        "or choose a region for numbers without one."
    ),
    NumberError.UNKNOWN_COUNTRY: _(
        "No country has this code. Check the digits after the +."
    ),
    NumberError.UNKNOWN_REGION: _(
        "The region for numbers without a country code is not known. Write two "
        "letters, for example US or SA."
    ),
    NumberError.AMBIGUOUS_PREFIX: _(
        "The 00 can be read in two ways in this region. Write + and the country code "
        "instead."
    ),
    NumberError.TOO_SHORT: _(
        "The number is too short. Check that no digit is missing, and that it has its "
        "area code or + and country code."
    ),
    NumberError.TOO_LONG: _(
        "The number is too long. Check the digits; if it begins with a country code, "
        "write + before it."
    ),
    NumberError.NOT_VALID: _(
        "No number of this country looks like this. Check the country code and the "
        "digits."
    ),
}


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
            sentence = SENTENCES.get(error.code, str(error))
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


def prefixes(term: str) -> list[str]:
    """How the E.164 form of `term` may begin: +… as written, and as a local number."""
    digits = "".join(str(unicodedata.decimal(c)) for c in term if c.isdecimal())
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
