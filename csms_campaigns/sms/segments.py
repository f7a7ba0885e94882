"""How many segments a text costs, and which characters make it expensive.

Source of the rules: 3GPP TS 23.038 (GSM 03.38 alphabet, default extension table,
UCS-2) and TS 23.040 (six octets of each segment of a long text are its header).
National shift tables are left out: the gateway has no way to ask for them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

GSM_7 = "GSM-7"
UCS_2 = "UCS-2"

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = "\f^{}\\[~]|€"

ROOM = {GSM_7: (160, 153), UCS_2: (70, 67)}
"""Units in a text of one segment, and in each segment of a longer one."""

MAX_CULPRITS = 20
MAX_POSITIONS = 20

_outside_basic = re.compile(f"[^{re.escape(BASIC)}]").search
_outside_gsm = re.compile(f"[^{re.escape(BASIC + EXTENSION)}]")
_DOUBLE = {
    GSM_7: re.compile(f"[{re.escape(EXTENSION)}]"),
    UCS_2: re.compile("[\U00010000-\U0010ffff]"),
}


@dataclass(frozen=True, slots=True)
class Culprit:
    """A character that GSM-7 lacks. Positions count code points from 0 in the text
    with normalised line ends; `count` is complete, `positions` only the first ones."""

    char: str
    count: int
    positions: tuple[int, ...]

    @property
    def name(self) -> str:
        """For characters that can't be seen: `NO-BREAK SPACE`, `ZERO WIDTH SPACE`."""
        return unicodedata.name(self.char, f"U+{ord(self.char):04X}")


@dataclass(frozen=True, slots=True)
class Analysis:
    """Units are septets in GSM-7 and UTF-16 code units in UCS-2."""

    encoding: str
    units: int
    segments: int
    per_segment: int
    left: int
    text: str = field(repr=False)

    @property
    def culprits(self) -> tuple[Culprit, ...]:
        """In order of appearance, at most `MAX_CULPRITS` of them."""
        # Not a field: nobody asks for it when a million texts are counted.
        places: dict[str, list[int]] = {}
        for match in _outside_gsm.finditer(self.text):
            places.setdefault(match[0], []).append(match.start())
        return tuple(
            Culprit(char, len(found), tuple(found[:MAX_POSITIONS]))
            for char, found in list(places.items())[:MAX_CULPRITS]
        )


def normalise_line_ends(text: str) -> str:
    """Browsers post two characters for a line end, which would be paid for twice."""
    if "\r" not in text:
        return text
    return text.replace("\r\n", "\n").replace("\r", "\n")


def is_gsm(text: str) -> bool:
    return _outside_gsm.search(text) is None


def analyse(text: str) -> Analysis:
    """Counts the text as it is sent: with normalised line ends."""
    text = normalise_line_ends(text)
    length = len(text)
    if 0 < length <= 160 and not _outside_basic(text):
        return Analysis(GSM_7, length, 1, 160, 160 - length, text)
    return _analyse_any(text)


def count_segments(text: str) -> int:
    """As `analyse` does, for a million texts: most are short, and plain."""
    if 0 < len(text) <= 160 and not _outside_basic(text):
        return 1
    return analyse(text).segments


def _analyse_any(text: str) -> Analysis:
    encoding = GSM_7 if is_gsm(text) else UCS_2
    single, room = ROOM[encoding]
    doubles = [match.start() for match in _DOUBLE[encoding].finditer(text)]
    units = len(text) + len(doubles)
    if units <= single:
        return Analysis(encoding, units, 1 if text else 0, single, single - units, text)
    taken = units + _unused(doubles, room)
    segments = -(-taken // room)
    return Analysis(encoding, units, segments, room, segments * room - taken, text)


def _unused(doubles: list[int], room: int) -> int:
    """Units left empty at the ends of segments, since a pair never straddles two."""
    unused = 0
    for seen, position in enumerate(doubles):
        if (position + seen + unused) % room == room - 1:
            unused += 1
    return unused
