"""The time zone that a number belongs to, for quiet hours in the recipient's own zone.

The data is that of the `phonenumbers` package; its light edition, which is enough for all
else, comes without. Hence the optional extra `zones`.
"""

from __future__ import annotations

import importlib.util
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

PRINCIPAL: Final = (
    "America/Chicago",
    "America/Mexico_City",
    "America/Sao_Paulo",
    "Asia/Almaty",
    "Asia/Jakarta",
    "Asia/Ulaanbaatar",
    "Australia/Sydney",
    "Europe/Lisbon",
    "Europe/London",
    "Europe/Madrid",
    "Europe/Moscow",
    "Pacific/Auckland",
)
"""Where most people of a country with several zones live; of North America, the middle.
A mobile number there tells the country alone."""

_RENAMED: Final = {
    "Africa/Asmera": "Africa/Asmara",
    "America/Buenos_Aires": "America/Argentina/Buenos_Aires",
    "America/Godthab": "America/Nuuk",
    "Asia/Calcutta": "Asia/Kolkata",
    "Asia/Choibalsan": "Asia/Ulaanbaatar",
    "Asia/Katmandu": "Asia/Kathmandu",
    "Asia/Rangoon": "Asia/Yangon",
    "Atlantic/Faeroe": "Atlantic/Faroe",
    "Pacific/Enderbury": "Pacific/Kanton",
    "Pacific/Ponape": "Pacific/Pohnpei",
    "Pacific/Truk": "Pacific/Chuuk",
}
"""Old names that the data has, and that some systems no longer know."""

_SOME_WINTER: Final = datetime(2026, 1, 1, tzinfo=UTC)


def is_available() -> bool:
    """Whether the extra `zones` is installed."""
    return importlib.util.find_spec("phonenumbers.tzdata") is not None


def zone_of(phone: str) -> str:
    """The IANA name for a number in E.164; "" where its digits tell none.

    Of several zones the principal one, or else the one in the middle. Without the extra it
    raises `ImportError`: ask `is_available` first.
    """
    zones, longest = _data()
    for length in range(longest, 0, -1):
        if found := zones.get(phone[1 : length + 1]):
            return _one_of(found)
    return ""


@lru_cache(maxsize=1)
def _data() -> tuple[dict[str, tuple[str, ...]], int]:
    from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

    return TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX


@lru_cache(maxsize=4096)
def _one_of(found: tuple[str, ...]) -> str:
    known = [name for name in map(_renamed, found) if _exists(name)]
    for name in PRINCIPAL:
        if name in known:
            return name
    known.sort(key=_offset)
    return known[len(known) // 2] if known else ""


def _renamed(name: str) -> str:
    return _RENAMED.get(name, name)


def _exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # "Etc/Unknown", or a system without it
        return False
    return True


def _offset(name: str) -> float:
    offset = _SOME_WINTER.astimezone(ZoneInfo(name)).utcoffset()
    return offset.total_seconds() if offset else 0.0
