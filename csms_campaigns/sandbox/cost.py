"""How many credits a text costs when the sandbox charges by the segment.

A count of its own, on purpose: if the app's count is wrong, the sandbox must not be
wrong in the same way.
"""

from __future__ import annotations

import math

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION = frozenset("\f^{}\\[~]|€")


def segment_count(text: str) -> int:
    """Ignore the rare escape pair that would straddle two segments."""
    characters = set(text)
    if characters <= GSM_BASIC | GSM_EXTENSION:
        units = len(text) + sum(character in GSM_EXTENSION for character in text)
        return _segments(units, alone=160, joined=153)
    return _segments(len(text.encode("utf-16-le")) // 2, alone=70, joined=67)


def _segments(units: int, *, alone: int, joined: int) -> int:
    return 1 if units <= alone else math.ceil(units / joined)
