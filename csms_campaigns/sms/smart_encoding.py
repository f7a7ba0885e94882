"""Typographic characters that a word processor put in, written as GSM-7 has them.

One curly quote turns a text of 160 characters into three segments. Only the look
changes here, never the spelling: letters with accents that GSM-7 lacks stay, and so
does every text that needs UCS-2 anyway (Arabic, emoji), down to its last mark.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from csms_campaigns.sms.segments import analyse, is_gsm, normalise_line_ends

_GROUPS = {
    '"': "“”„‟«»″〝〞",
    "'": "‘’‚‛‹›′`´｀ʹʻʼʽˈ",
    "-": "‐‑‒–—―−⁃﹘﹣•‣",
    "...": "…",
    "..": "‥",
    " ": "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u202f\u205f\u3000",
    "\n": "\v\x85\u2028\u2029",
    # Zero width: joiners, bidi marks and isolates, soft hyphen, byte-order mark,
    # variation selectors.
    "": "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061"
    "\u2062\u2063\u2064\u2066\u2067\u2068\u2069\u061c\u00ad\ufeff\ufe0e\ufe0f",
    "/": "⁄∕",
    "x": "×",
    "*": "∗",
    "~": "∼˜",
    "|": "¦",
    "Δ": "∆",
    "Ω": "\u2126",
    "Å": "\u212b",
    "Σ": "∑",
    "Π": "∏",
}
_FULL_WIDTH = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
REPLACEMENTS = _FULL_WIDTH | {
    char: replacement for replacement, chars in _GROUPS.items() for char in chars
}
"""Character → what GSM-7 has for it."""

_HINTS = dict(
    pair.split("=")
    for pair in [
        "ł=l",
        "Ł=L",
        "đ=d",
        "Đ=D",
        "ı=i",
        "ħ=h",
        "ŧ=t",
        "œ=oe",
        "Œ=OE",
        "þ=th",
        "Þ=Th",
        "©=(c)",
        "®=(R)",
        "→=->",
        "←=<-",
        "★=*",
        "₤=£",
        "₨=Rs",
    ]
)
"""What a person may write instead, though it changes more than the look."""

# A letter and its accent as two characters (macOS writes so) are first joined.
_CANDIDATE = re.compile(
    "[^\\W\\d_][\u0300-\u036f]+|[" + re.escape("".join(REPLACEMENTS)) + "]"
)
_IN_BRACES = re.compile(r"(\{\{[^{}]*\}\})")


@dataclass(frozen=True, slots=True)
class Replacement:
    """Positions count code points from 0 in the text with normalised line ends."""

    char: str
    replacement: str
    positions: tuple[int, ...]

    @property
    def name(self) -> str:
        """For characters that can't be seen: `NO-BREAK SPACE`."""
        return " + ".join(
            unicodedata.name(char, f"U+{ord(char):04X}") for char in self.char
        )


def smart_encoding(text: str) -> str:
    """The text in GSM-7 where that lowers its number of segments, else the text itself."""
    encoded = _CANDIDATE.sub(_replace, normalise_line_ends(text))
    # What stays UCS-2 is never touched: in it a joiner or a mark carries meaning.
    if is_gsm(encoded) and analyse(encoded).segments < analyse(text).segments:
        return encoded
    return text


def replacements(text: str) -> tuple[Replacement, ...]:
    """What `smart_encoding` changes, in order of appearance; empty if nothing."""
    if smart_encoding(text) == text:
        return ()
    places: dict[str, list[int]] = {}
    for match in _CANDIDATE.finditer(normalise_line_ends(text)):
        places.setdefault(match[0], []).append(match.start())
    return tuple(
        Replacement(char, _encode(char), tuple(found)) for char, found in places.items()
    )


@dataclass(frozen=True, slots=True)
class Change:
    """A stretch of a text before and after; the same where nothing changes."""

    old: str
    new: str


def simplified(text: str) -> str:
    """Every typographic character of a text in the box as GSM-7 has it, outside of its
    placeholders, if nothing is left then that needs UCS-2; else the text itself."""
    return "".join(change.new for change in changes(text))


def changes(text: str) -> tuple[Change, ...]:
    """What `simplified` does, for a diff: their `old` make the text, their `new` the other."""
    text = normalise_line_ends(text)
    found = tuple(change for piece in _IN_BRACES.split(text) for change in _diff(piece))
    after = _IN_BRACES.sub("", "".join(change.new for change in found))
    return found if is_gsm(after) else (Change(text, text),)


def instead(char: str) -> str | None:
    """What GSM-7 has for a character: the same with another look, or without its accent.
    "" for what cannot be seen anyway; None where there is nothing alike (Arabic, emoji)."""
    if char in REPLACEMENTS:
        return REPLACEMENTS[char]
    if char in _HINTS:
        return _HINTS[char]
    if unicodedata.category(char) == "Cf":
        return ""
    bare = "".join(
        REPLACEMENTS.get(part, part)
        for part in unicodedata.normalize("NFKD", char)
        if not unicodedata.combining(part)
    )
    return bare if bare != char and is_gsm(bare) else None


def _diff(piece: str) -> Iterator[Change]:
    end = 0
    for match in () if _IN_BRACES.fullmatch(piece) else _CANDIDATE.finditer(piece):
        if match.start() > end:
            yield Change(piece[end : match.start()], piece[end : match.start()])
        yield Change(match[0], _encode(match[0]))
        end = match.end()
    if end < len(piece):
        yield Change(piece[end:], piece[end:])


def _replace(match: re.Match[str]) -> str:
    return _encode(match[0])


def _encode(char: str) -> str:
    replacement = REPLACEMENTS.get(char)
    return unicodedata.normalize("NFC", char) if replacement is None else replacement
