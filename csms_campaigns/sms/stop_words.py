"""Replies that say nothing but “stop”, in English and Arabic, however they are written.

For sites that receive replies elsewhere. Only the whole reply counts: “Stop by tomorrow?”
opts nobody out.
"""

from __future__ import annotations

import unicodedata
from typing import Final

# What people leave out or write differently: forms of Alef, final Yeh and Teh Marbuta.
_ONE_FORM: Final = str.maketrans("أإآٱىة", "ااااية")

_ENGLISH: Final = (
    *("stop", "stop all", "stopall", "stop texting", "stop texting me", "stop sms"),
    *("stop messages", "stop please", "please stop", "unsubscribe", "unsubscribe me"),
    *("unsub", "end", "quit", "cancel", "opt out", "optout", "remove", "remove me"),
)
_ARABIC: Final = (
    *("إلغاء", "الغاء", "إلغاء الاشتراك", "الغي", "ألغ", "إلغاء الإشتراك"),
    *("إيقاف", "ايقاف", "إيقاف الرسائل", "أوقف", "أوقف الرسائل", "أوقفوا الرسائل"),
    *("توقف", "توقفوا", "قف", "كفى", "إنهاء", "ستوب"),
)
LONGEST: Final = 100
"""Characters of a reply that are looked at."""


def is_stop(text: str) -> bool:
    """Whether the whole reply is a stop word, or one of a few short phrases."""
    return len(text) <= LONGEST and _folded(text) in STOP_WORDS


def _folded(text: str) -> str:
    """No case, marks, tatweel or punctuation; one form of each letter; single spaces."""
    one_form = unicodedata.normalize("NFKC", text).translate(_ONE_FORM).casefold()
    kept = (_kept(char) for char in unicodedata.normalize("NFD", one_form))
    return " ".join("".join(kept).split())


def _kept(char: str) -> str:
    kind = unicodedata.category(char)
    if kind[0] in "MC" and not char.isspace() or char == "ـ":
        return (
            ""  # diacritics, what is not seen, and the line that only stretches a word
        )
    return char if kind[0] in "LN" else " "


STOP_WORDS: Final = frozenset(map(_folded, (*_ENGLISH, *_ARABIC)))
