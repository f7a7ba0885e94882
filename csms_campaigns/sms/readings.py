"""How one text reads for several people: what it costs at least and at most, and for whom
something is missing. Bounded: as many people are read as the length of the text allows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from csms_campaigns.sms.links import TouchedLink, broken_by, touched_links
from csms_campaigns.sms.placeholders import Message, MissingValue
from csms_campaigns.sms.segments import UCS_2, Analysis, analyse
from csms_campaigns.sms.smart_encoding import smart_encoding

MAX_CHARACTERS: Final = 400_000
"""Of all texts together, or a long text for many people would keep a page waiting."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The text of one person; `place` is theirs among those who were asked for."""

    place: int
    text: str
    analysis: Analysis
    filled: int
    """How many of its placeholders hold a value of the person's own."""


@dataclass
class Readings:
    found: list[Reading] = field(default_factory=list)
    read: int = 0
    """Those who were looked at, with those for whom a value is missing."""
    missing: dict[str, int] = field(default_factory=dict)
    """Placeholder → people who are left out, since they have no value for it."""
    missing_places: dict[str, int] = field(default_factory=dict)
    """Placeholder → the first of them."""
    broken: dict[TouchedLink, int] = field(default_factory=dict)
    """A link that is broken → the first person for whom it is."""

    @property
    def least(self) -> int:
        return min((r.analysis.segments for r in self.found), default=0)

    @property
    def most(self) -> int:
        return max((r.analysis.segments for r in self.found), default=0)

    @property
    def longest(self) -> Reading | None:
        return max(self.found, key=_cost, default=None)

    @property
    def emptiest(self) -> Reading | None:
        return min(self.found, key=lambda r: (r.filled, _cost(r)), default=None)

    @property
    def in_ucs_2(self) -> list[Reading]:
        return [r for r in self.found if r.analysis.encoding == UCS_2]


def read(
    message: Message, people: Iterable[Mapping[str, str]], *, smart: bool = False
) -> Readings:
    """`smart`: with smart encoding, as it will be sent."""
    readings, touched, characters = Readings(), touched_links(message), 0
    for place, values in enumerate(people):
        if characters > MAX_CHARACTERS:
            break
        readings.read += 1
        try:
            text = message.fill(values)
        except MissingValue as missing:
            _miss(readings, missing.name, place)
            continue
        text = smart_encoding(text) if smart else text
        characters += len(text)
        filled = sum(bool(values.get(name)) for name in message.names)
        readings.found.append(Reading(place, text, analyse(text), filled))
        for link in touched:
            if broken_by(link, values):
                readings.broken.setdefault(link, place)
    return readings


def _miss(readings: Readings, name: str, place: int) -> None:
    readings.missing[name] = readings.missing.get(name, 0) + 1
    readings.missing_places.setdefault(name, place)


def _cost(reading: Reading) -> tuple[int, int]:
    return reading.analysis.segments, reading.analysis.units
