"""Which way a text runs: by its first letter outside of placeholders and links.

`dir="auto"` takes `{{ name }}` at the head of an Arabic text for its language.
"""

from __future__ import annotations

import re
import unicodedata

_ASIDE = re.compile(r"\{\{[^{}]*\}\}|(?:https?://|www\.)\S*", re.IGNORECASE)


def direction(text: str) -> str:
    """ "rtl", "ltr", or "auto" where it has no letter."""
    for char in _ASIDE.sub("", text):
        kind = unicodedata.bidirectional(char)
        if kind in {"R", "AL"}:
            return "rtl"
        if kind == "L":
            return "ltr"
    return "auto"
