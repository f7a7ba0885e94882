"""What a number in an Excel cell shows: digits as they are, dates and times as ISO text."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

EXACT: Final = 10**15
"""Excel keeps fifteen digits; behind them it writes noughts for what it has lost."""

MOST_PLACES: Final = 20

_BUILT_IN_DATES: Final = frozenset(
    [*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)]
)
_NO_LETTERS: Final = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
_ELAPSED: Final = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet has no time zone
_EPOCH_1904: Final = datetime(1904, 1, 1)  # noqa: DTZ001 - the same
_LAST_SERIAL: Final = 2_958_466


def is_date_format(number: int, code: str | None) -> bool:
    if code is None:
        return number in _BUILT_IN_DATES
    first = code.split(";", 1)[0]
    if _ELAPSED.search(first):
        return True
    bare = _NO_LETTERS.sub("", first).lower()
    return "general" not in bare and any(letter in bare for letter in "dmyhs")


def zero_places(code: str | None) -> int:
    """How many digits a format such as 0000000000 shows at least: leading noughts of local
    numbers stand nowhere else. No number has more; a format of a million noughts is an attack."""
    return min(len(code), MOST_PLACES) if code and not code.strip("0") else 0


def number_text(value: str, places: int = 0) -> str:
    """`9.66512345678E+11` → `966512345678`; with more than fifteen digits it stays short, and
    so is refused as a phone number."""
    if value.isdecimal() and len(value) <= 15:
        return value.zfill(places)
    try:
        number = Decimal(value)
        if not number.is_finite():
            return value
        if number == number.to_integral_value():
            whole = abs(number) < EXACT
            return str(int(number)).zfill(places) if whole else f"{number:.14E}"
    except InvalidOperation:
        return value
    return f"{float(number):.15g}"


def date_text(value: str, *, since_1904: bool) -> str:
    """ISO 8601: a day, a time of day, or both."""
    try:
        serial = float(value)
    except ValueError:
        return value
    if not 0 <= serial < _LAST_SERIAL:
        return value
    # To the second: a fraction of a day is never exact.
    seconds = round(serial * 86_400)
    if not since_1904 and 86_400 <= seconds < 61 * 86_400:
        # Excel believes in the 29th of February 1900.
        seconds += 86_400
    moment = (_EPOCH_1904 if since_1904 else _EPOCH) + timedelta(seconds=seconds)
    if seconds < 86_400 and not since_1904:
        return f"{moment:%H:%M:%S}".removesuffix(":00")
    if not seconds % 86_400:
        return f"{moment:%Y-%m-%d}"
    return f"{moment:%Y-%m-%d %H:%M:%S}".removesuffix(":00")
