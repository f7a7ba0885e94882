"""One cell: what comes in is cleaned, what goes out cannot run as a formula."""

from __future__ import annotations

import re
from typing import Final

# What makes a spreadsheet read a cell as a formula (OWASP, “CSV Injection”), with the
# full-width forms that East Asian editions take for the same signs.
FORMULA_SIGNS: Final = frozenset("=+-@\t\r\n＝＋－＠")

AFTER_SEPARATOR: Final = r"""([;\t\r\n][ \u00a0\u3000"']*)(?=[=+@＝＋－＠-])"""
"""Where Excel parts cells by semicolons, as in Arabic and German, what follows one in a text
begins a cell of its own. PostgreSQL understands the same expression."""

_INNER: Final = re.compile(AFTER_SEPARATOR)
_SHORTENED: Final = re.compile(r"([0-9])(?:[.,]([0-9]+))?[eE]\+?([0-9]{1,2})")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]+")
_SPACES: Final = " \xa0\u3000"
_PLAIN_PHONE: Final = re.compile(r"\+?[0-9]+")


def clean(text: str) -> str:
    """Without outer space; control characters, line ends too, become one space."""
    if not text.isprintable():
        text = _CONTROLS.sub(" ", text)
    return text.strip()


def lengthened(text: str) -> str:
    """What a spreadsheet has written as 9.66512345678E+11 in its digits, if they are all
    there; 9.665E+11 stays as it is: nobody knows its other digits."""
    found = _SHORTENED.fullmatch(text.strip())
    if found is None:
        return text
    decimals, exponent = found[2] or "", int(found[3])
    if len(decimals) < exponent or decimals[exponent:].strip("0"):
        return text
    return found[1] + decimals[:exponent]


def safe(text: str) -> str:
    """With an apostrophe before what a spreadsheet would run."""
    text = _INNER.sub(r"\1'", text)
    if text.lstrip(_SPACES)[:1] in FORMULA_SIGNS:
        return f"'{text}"
    return text


def safe_phone(text: str) -> str:
    """A plus and digits stay exactly as they are, for programs that compare numbers: the
    worst that a spreadsheet does with them is to drop the plus."""
    return text if _PLAIN_PHONE.fullmatch(text) else safe(text)
