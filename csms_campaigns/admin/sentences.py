"""The sentences of `sms`, repeated to be translated: it knows no Django.

A test keeps each of them equal to the original.
"""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from csms_campaigns.sms.numbers import NumberError
from csms_campaigns.sms.placeholders import PlaceholderProblem

NUMBERS: Final[dict[NumberError, Any]] = {
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

PLACEHOLDERS: Final[dict[PlaceholderProblem, Any]] = {
    PlaceholderProblem.UNCLOSED: _(
        'The placeholder "%(fragment)s" at character %(position)d is not closed. Write {{ name }}, with two braces on each side.'
    ),
    PlaceholderProblem.UNOPENED: _(
        'There are closing braces without a placeholder before them: "%(fragment)s" at character %(position)d. Write {{ name }}, or remove the braces.'
    ),
    PlaceholderProblem.EMPTY: _(
        'The placeholder "%(fragment)s" at character %(position)d is empty. Write the name of a column between the braces, for example {{ name }}.'
    ),
    PlaceholderProblem.BAD_NAME: _(
        'The placeholder "%(fragment)s" at character %(position)d has no usable name. A name begins with a letter or a digit, for example {{ name }}.'
    ),
    PlaceholderProblem.BAD_DEFAULT: _(
        'What follows the | in "%(fragment)s" at character %(position)d is not understood. Write {{ name }} or {{ name|default:"friend" }}.'
    ),
    PlaceholderProblem.TAG: _(
        'Tags such as "%(fragment)s" at character %(position)d do not work in a text message. Write {{ name }} or {{ name|default:"friend" }}.'
    ),
}
