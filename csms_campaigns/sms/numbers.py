"""The one normaliser of phone numbers, for import, form and API alike.

A number is accepted when its length is possible in its country and its digits follow
the country's general pattern. That is on purpose less than `is_valid_number`, which
also wants a prefix that had been handed out when the metadata was made: countries open
new ones every month, and who is refused here can never be texted, while a number that
is not in use costs one refusal of the gateway. (Accepted too: +1 555…, as in examples.)
What could be read as two different numbers is refused: it would text a stranger.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

import phonenumbers

from csms_campaigns.sms.number_patterns import (
    calling_code_pattern,
    is_known_region,
    may_00_mean_a_carrier,
    national_patterns,
)


class NumberError(StrEnum):
    EMPTY = "empty"
    NOT_A_NUMBER = "not_a_number"
    SCIENTIFIC_NOTATION = "scientific_notation"
    SEVERAL_NUMBERS = "several_numbers"
    EXTENSION = "extension"
    NO_COUNTRY = "no_country"
    UNKNOWN_COUNTRY = "unknown_country"
    UNKNOWN_REGION = "unknown_region"
    AMBIGUOUS_PREFIX = "ambiguous_prefix"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NOT_VALID = "not_valid"


MESSAGES = {
    NumberError.EMPTY: "There is no phone number. Fill it in.",
    NumberError.NOT_A_NUMBER: (
        "This is not a phone number. Write it in digits, for example +12125551234."
    ),
    NumberError.SCIENTIFIC_NOTATION: (
        "The spreadsheet has shortened this number and digits are lost. Format the "
        "column as text, enter the numbers again and export the file again."
    ),
    NumberError.SEVERAL_NUMBERS: (
        "There is more than one number here. Keep one number in each row."
    ),
    NumberError.EXTENSION: (
        "An extension can't receive texts. Write a number without an extension."
    ),
    NumberError.NO_COUNTRY: (
        "The country is missing. Begin the number with + and the country code, "
        "or choose a region for numbers without one."
    ),
    NumberError.UNKNOWN_COUNTRY: (
        "No country has this code. Check the digits after the +."
    ),
    NumberError.UNKNOWN_REGION: (
        "The region for numbers without a country code is not known. Write two "
        "letters, for example US or SA."
    ),
    NumberError.AMBIGUOUS_PREFIX: (
        "The 00 can be read in two ways in this region. Write + and the country code "
        "instead."
    ),
    NumberError.TOO_SHORT: (
        "The number is too short. Check that no digit is missing, and that it has its "
        "area code or + and country code."
    ),
    NumberError.TOO_LONG: (
        "The number is too long. Check the digits; if it begins with a country code, "
        "write + before it."
    ),
    NumberError.NOT_VALID: (
        "No number of this country looks like this. Check the country code and the "
        "digits."
    ),
}
"""English sentences by code, for callers that translate them."""


class InvalidNumber(ValueError):
    def __init__(self, code: NumberError) -> None:
        super().__init__(MESSAGES[code])
        self.code = code

    def __reduce__(self) -> tuple[type[InvalidNumber], tuple[NumberError]]:
        return InvalidNumber, (self.code,)


class _Folding(dict[int, str]):
    """For `str.translate`: every script's digits, spaces, dashes and plus signs to
    ASCII, and what can't be seen (bidi marks, zero width) away."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        category = unicodedata.category(char)
        if category == "Nd":
            folded = str(unicodedata.decimal(char))
        elif category in {"Zs", "Zl", "Zp", "Pd"}:
            folded = "-" if category == "Pd" else " "
        elif category in {"Cf", "Cc"}:
            folded = " " if char.isspace() else ""
        else:
            # Not kept: only the few categories above bound the size of this table.
            return char
        self[code] = folded
        return folded


_FOLDING = _Folding(
    {code: chr(code) for code in range(0x20, 0x7F)}
    | {ord(char): "+" for char in "＋﹢⁺➕"}
    | {ord(char): "-" for char in "−⁃"}
    | {ord(char): "." for char in "．·•٫"}
    | {ord(char): "," for char in "，،٬、"}
    # Two lines in one cell are two numbers.
    | {ord(char): ";" for char in "；؛\n\r\v\f\x85\u2028\u2029"}
    | {ord(char): "/" for char in "／⁄∕"}
    | {ord(char): "(" for char in "（[［"}
    | {ord(char): ")" for char in "）]］"}
    | {ord(char): "'" for char in "’‘`´ʼ＇"}
)

MAX_LENGTH = 200
"""A longer cell holds no number; nor may it keep the expressions below busy."""

# Seven to fifteen digits, the limit of E.164. A few short lines of Germany and toll-free
# numbers of Japan lie beyond; none of them receives texts.
_E164 = re.compile(r"\+([1-9][0-9]{2})[0-9]{4,12}").fullmatch
_DIGITS = re.compile(r"[0-9]{4,17}").fullmatch
_SCHEME = re.compile(r"^(?:tel|sms|callto|phone|mobile|whatsapp) *: *", re.IGNORECASE)
_SCIENTIFIC = re.compile(r"\+?[0-9]+(?:[.,][0-9]*)?[eE] *[+-]?[0-9]+").fullmatch
_WHOLE_FLOAT = re.compile(r"(\+?[0-9]{5,})\.0").fullmatch
_EXTENSION = re.compile(
    r"[0-9) .-](?:;?ext(?:ension|n)?|x|#|تحويلة|داخلي) *[.:=]? *[0-9]{1,7}$",
    re.IGNORECASE,
).search
_SEVERAL = re.compile(
    r"[,;|&]|[0-9].*\+.*[0-9]|(?:[0-9][ .-]*){7} */ *(?:[0-9][ .-]*){7}"
)
_NOT_DIALLED = re.compile(r"[ .()/_-]+")
_NO_DIGIT = re.compile(r"[^0-9]+")

_PARSE_ERRORS = {
    # The parser sees digits only, and finds fewer than it wants.
    phonenumbers.NumberParseException.NOT_A_NUMBER: NumberError.TOO_SHORT,
    phonenumbers.NumberParseException.TOO_SHORT_AFTER_IDD: NumberError.TOO_SHORT,
    phonenumbers.NumberParseException.TOO_SHORT_NSN: NumberError.TOO_SHORT,
    phonenumbers.NumberParseException.TOO_LONG: NumberError.TOO_LONG,
}
_LENGTH_ERRORS = {
    phonenumbers.ValidationResult.TOO_SHORT: NumberError.TOO_SHORT,
    # A number that can only be dialled inside its town: the area code is missing.
    phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY: NumberError.TOO_SHORT,
    phonenumbers.ValidationResult.TOO_LONG: NumberError.TOO_LONG,
    phonenumbers.ValidationResult.INVALID_LENGTH: NumberError.NOT_VALID,
    phonenumbers.ValidationResult.INVALID_COUNTRY_CODE: NumberError.UNKNOWN_COUNTRY,
}


def normalise(raw: str | float | None, region: str | None = "") -> str:
    """E.164, or `InvalidNumber`. `region` is for numbers without a country code; cells
    of a spreadsheet may come as the int or float that they are."""
    if isinstance(raw, str) and _is_clean(raw):
        return raw
    region = (region or "").strip().upper()
    text = _with_plus(_dialled(_text(raw)), region)
    if _is_clean(text):
        return text
    return _clean_national(text, region) or _parse(text, region)


def digits(raw: object) -> str:
    """Only the ASCII digits of a text or a number, to match what the gateway answers
    with what it was sent; empty for anything else."""
    if isinstance(raw, str):
        return _NO_DIGIT.sub("", raw)
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    if isinstance(raw, int) and not isinstance(raw, bool):
        return str(abs(raw))
    return ""


def _text(raw: str | float | None) -> str:
    if isinstance(raw, float) and raw.is_integer():
        return str(int(raw))
    return "" if raw is None else str(raw)


def _is_clean(text: str) -> bool:
    """True for E.164 that the full parser would hand back as it is; 20 times faster."""
    shape = _E164(text)
    if shape is None:
        return False
    pattern = calling_code_pattern(shape[1])
    return pattern is not None and pattern.fullmatch(text) is not None


def _clean_national(text: str, region: str) -> str | None:
    """E.164 where the full parser would say the same, without it; None: ask it."""
    if not region or not _DIGITS(text):
        return None
    for pattern, calling_code in national_patterns(region):
        if match := pattern.fullmatch(text):
            e164 = f"+{calling_code}{match['own']}"
            return e164 if _E164(e164) else None
    return None


def _dialled(text: str) -> str:
    """Digits and at most one leading plus; what is not part of dialling is dropped."""
    if len(text) > MAX_LENGTH:
        raise InvalidNumber(NumberError.NOT_A_NUMBER)
    text = text.translate(_FOLDING).strip(" '\"=,;")
    text = _SCHEME.sub("", text)
    if not text:
        raise InvalidNumber(NumberError.EMPTY)
    if whole := _WHOLE_FLOAT(text):
        text = whole[1]
    dialled = _NOT_DIALLED.sub("", text)
    # Right-to-left typing leaves the plus at the end.
    if dialled.endswith("+") and dialled.count("+") == 1:
        dialled = "+" + dialled[:-1]
    number = dialled.removeprefix("+")
    if not number.isdecimal() or ("/" in text and _SEVERAL.search(text)):
        raise InvalidNumber(_why_not_dialled(text))
    return "+" + number.removeprefix("00") if dialled.startswith("+") else dialled


def _why_not_dialled(text: str) -> NumberError:
    if _SCIENTIFIC(text):
        return NumberError.SCIENTIFIC_NOTATION
    if _EXTENSION(text):
        return NumberError.EXTENSION
    if sum(char.isdigit() for char in text) >= 10 and _SEVERAL.search(text):
        return NumberError.SEVERAL_NUMBERS
    return NumberError.NOT_A_NUMBER


def _parse(text: str, region: str) -> str:
    if not text.startswith("+"):
        if not region:
            raise InvalidNumber(NumberError.NO_COUNTRY)
        if not is_known_region(region):
            raise InvalidNumber(NumberError.UNKNOWN_REGION)
    try:
        number = phonenumbers.parse(text, None if text.startswith("+") else region)
    except phonenumbers.NumberParseException as error:
        raise InvalidNumber(_why_not_parsed(error, text)) from None
    return _accept(number)


def _with_plus(text: str, region: str) -> str:
    """00 is read as + everywhere, but where it may announce a carrier's code
    (001 in Singapore, 0011 in Australia) the digits behind it would be misread."""
    if not text.startswith("00"):
        return text
    if may_00_mean_a_carrier(region, text):
        raise InvalidNumber(NumberError.AMBIGUOUS_PREFIX)
    return "+" + text[2:]


def _why_not_parsed(error: phonenumbers.NumberParseException, text: str) -> NumberError:
    if error.error_type in _PARSE_ERRORS:
        return _PARSE_ERRORS[error.error_type]
    return NumberError.UNKNOWN_COUNTRY if len(text) > 4 else NumberError.TOO_SHORT


def _accept(number: phonenumbers.PhoneNumber) -> str:
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason in _LENGTH_ERRORS:
        raise InvalidNumber(_LENGTH_ERRORS[reason])
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not _E164(e164):
        short = len(e164) < 10
        raise InvalidNumber(NumberError.TOO_SHORT if short else NumberError.TOO_LONG)
    pattern = calling_code_pattern(e164[1:4], exact=False)
    if pattern is None or not pattern.fullmatch(e164):
        raise InvalidNumber(NumberError.NOT_VALID)
    return e164
