"""Which column is what: names in English and Arabic, without case, spaces or signs."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

from csms_campaigns.contacts_io.cells import clean
from csms_campaigns.contacts_io.errors import ImportFailed
from csms_campaigns.sms.placeholders import normalise_name

LONGEST_ATTRIBUTE_NAME: Final = 100
NAMES_SHOWN: Final = 8

# Spellings of one Arabic letter that people do not keep apart.
_ARABIC: Final = str.maketrans("أإآىة", "ااايه")


@dataclass(frozen=True, slots=True)
class Columns:
    """Positions in a row; `attributes` are (position, name)."""

    width: int
    phone: int
    name: int | None
    attributes: tuple[tuple[int, str], ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Columns:
        attributes = tuple((i, name) for i, name in found["attributes"])
        return cls(found["width"], found["phone"], found["name"], attributes)


def key(header: str) -> str:
    folded = unicodedata.normalize("NFKC", header).casefold().translate(_ARABIC)
    return "".join(char for char in folded if char.isalnum())


def _keys(*headers: str) -> frozenset[str]:
    return frozenset(map(key, headers))


PHONE: Final = _keys("phone")
NAME: Final = _keys("name")
PHONE_ALIASES: Final = _keys(
    *("phone number", "phone no", "mobile", "mobile number", "mobile no"),
    *("mobile phone", "cell", "cell phone", "cell number", "msisdn"),
    *("tel", "telephone", "telephone number"),
    *("الجوال", "رقم الجوال", "جوال", "الهاتف", "رقم الهاتف", "هاتف", "رقم هاتف"),
    *("الموبايل", "رقم الموبايل", "موبايل", "المحمول", "رقم المحمول", "التليفون"),
    *("الهاتف المحمول", "رقم جوال", "رقم التليفون", "الهاتف الجوال"),
)
# These may as well count the rows, so any better name goes first.
PHONE_WEAK_ALIASES: Final = _keys("number", "رقم", "الرقم")
NAME_ALIASES: Final = _keys(
    "full name", "الاسم", "اسم", "الاسم الكامل", "الاسم بالكامل"
)


def has_phone(headers: Sequence[str]) -> bool:
    return any(key(header) in ALL_PHONE for header in headers)


ALL_PHONE: Final = PHONE | PHONE_ALIASES | PHONE_WEAK_ALIASES


def match(
    headers: Sequence[str], *, phone_header: str = "", name_header: str = ""
) -> Columns:
    """`ImportFailed` if it isn't certain which column holds the phone numbers."""
    headers = [clean(header) for header in headers]
    phone = (
        _named(headers, phone_header)
        if phone_header
        else _pick(headers, "phone", PHONE, PHONE_ALIASES, PHONE_WEAK_ALIASES)
    )
    if phone is None:
        raise _no_phone(headers)
    name = (
        _named(headers, name_header)
        if name_header
        else _pick(headers, "name", NAME, NAME_ALIASES)
    )
    attributes = _attributes(headers, taken={phone, name})
    return Columns(len(headers), phone, name, attributes)


def _named(headers: Sequence[str], wanted: str) -> int:
    found = [i for i, header in enumerate(headers) if key(header) == key(wanted)]
    if len(found) != 1:
        message = _("The file must have one column “%(name)s” (found: %(names)s).")
        names = ", ".join(header[:40] for header in headers[:NAMES_SHOWN])
        parts = {"name": wanted, "names": names}
        raise ImportFailed(message % parts, "no_such_column")
    return found[0]


def _pick(headers: Sequence[str], wanted: str, *groups: frozenset[str]) -> int | None:
    """The literal name goes before an alias; two of one rank are no guess of ours."""
    for group in groups:
        found = [i for i, header in enumerate(headers) if key(header) in group]
        if len(found) > 1:
            message = _(
                "Both “%(first)s” and “%(second)s” can be the column “%(wanted)s”. "
                "Name the right one “%(wanted)s” and the other something else."
            )
            first, second = (headers[i] for i in found[:2])
            parts = {"first": first, "second": second, "wanted": wanted}
            raise ImportFailed(message % parts, "ambiguous_column")
        if found:
            return found[0]
    return None


def _attributes(
    headers: Sequence[str], taken: set[int | None]
) -> tuple[tuple[int, str], ...]:
    positions: dict[str, int] = {}
    for i, header in enumerate(headers):
        name = normalise_name(header)
        if i in taken or not name:
            continue
        if name in positions:
            message = _("Two columns are named “%(name)s”. Rename or remove one.")
            raise ImportFailed(message % {"name": name}, "repeated_column")
        if len(name) > LONGEST_ATTRIBUTE_NAME:
            message = _("The column name “%(name)s…” is too long. Shorten it.")
            raise ImportFailed(message % {"name": name[:40]}, "column_name_too_long")
        positions[name] = i
    return tuple((i, name) for name, i in positions.items())


def _no_phone(headers: Sequence[str]) -> ImportFailed:
    if any(map(looks_like_phone, headers)):
        message = _(
            "The first line holds a phone number instead of column names. Add a header "
            "line, such as: phone,name"
        )
        return ImportFailed(message, "no_header")
    names = [header[:40] for header in headers if key(header)][:NAMES_SHOWN]
    if not names:
        return empty_file()
    message = _(
        "No column holds phone numbers: name one “phone” in the header line (found: "
        "%(names)s)."
    )
    return ImportFailed(message % {"names": ", ".join(names)}, "no_phone_column")


def empty_file() -> ImportFailed:
    message = _("The file is empty. Choose one with a header line and rows.")
    return ImportFailed(message, "empty_file")


def looks_like_phone(cell: str) -> bool:
    has_letters = any(char.isalpha() for char in cell)
    return not has_letters and sum(char.isdecimal() for char in cell) >= 6
