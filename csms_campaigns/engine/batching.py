"""People who get the same final text share a request. Decides; writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple

from csms_campaigns.engine.opt_out_links import OF_PERSON
from csms_campaigns.engine.people import Person
from csms_campaigns.engine.zones import zone_of
from csms_campaigns.models.fields import E164
from csms_campaigns.sms.placeholders import Message, MissingValue
from csms_campaigns.sms.segments import count_segments, is_gsm
from csms_campaigns.sms.smart_encoding import smart_encoding
from csms_campaigns.states import SkipReason

CANARY_SIZE: Final = 5
"""The first batch is small: what is wrong shows on five people."""
MAX_OPEN_GROUPS: Final = 50_000
"""Bounds the memory. A text whose group was closed for room just begins another batch."""

_is_e164: Final = E164.fullmatch
_OPTED_OUT: Final = SkipReason.OPTED_OUT.value
_INVALID_PHONE: Final = SkipReason.INVALID_PHONE.value
_MISSING: Final = SkipReason.MISSING_PLACEHOLDER.value


@dataclass(slots=True)
class Group:
    """A batch in the making: the people of one text and time zone, up to its capacity."""

    number: int
    message: str
    segments: int
    capacity: int
    time_zone: str = ""
    size: int = 0
    written: int = 0
    """Of them, those who are written down: others may be added while these are."""
    batch_id: int | None = None

    def write_all(self) -> None:
        self.written = self.size


class Row(NamedTuple):
    """A recipient to be written: in a group, or skipped with a reason. What the text was
    filled in with is left behind: it was half of the memory."""

    contact_id: int | None
    phone: str
    name: str
    group: Group | None
    skip_reason: str = ""
    error: str = ""


@dataclass
class Batcher:
    """Assigns people to batches, in the order in which they come."""

    message: Message
    batch_size: int
    by_zone: bool = False
    """Each is texted in the hours of their own time zone."""
    smart: bool = False
    """Texts are written in plain letters where that saves a segment."""
    personal_link: Callable[[str], str] | None = None
    """Where the text has one: from a number to its link."""
    batch_count: int = 0
    open_groups: dict[tuple[str, str], Group] = field(default_factory=dict)

    @property
    def wanted(self) -> tuple[str, ...]:
        """Placeholders whose values people have themselves."""
        return tuple(name for name in self.message.names if name != OF_PERSON)

    def assign(self, people: Iterable[Person]) -> list[Row]:
        return [self.row(person) for person in people]

    def row(self, person: Person) -> Row:
        contact_id, phone, opted_out, values, name, left_out = person
        if left_out:
            return Row(contact_id, phone, name, None, left_out, phone)
        if opted_out:
            return Row(contact_id, phone, name, None, _OPTED_OUT)
        if not _is_e164(phone):
            return Row(contact_id, phone, name, None, _INVALID_PHONE, phone)
        try:
            text = self._text(phone, values)
        except MissingValue as missing:
            return Row(contact_id, phone, name, None, _MISSING, missing.name)
        zone = zone_of(phone) if self.by_zone else ""
        return Row(contact_id, phone, name, self.place(text, zone))

    def _text(self, phone: str, values: Mapping[str, str]) -> str:
        if self.personal_link is not None:
            values = {**values, OF_PERSON: self.personal_link(phone)}
        text = self.message.fill(values)
        return smart_encoding(text) if self.smart and not is_gsm(text) else text

    def place(self, text: str, zone: str) -> Group:
        key = (text, zone)
        group = self.open_groups.get(key) or self._begin(text, zone)
        group.size += 1
        if group.size == group.capacity:
            del self.open_groups[key]
        return group

    def _begin(self, text: str, zone: str) -> Group:
        if len(self.open_groups) >= MAX_OPEN_GROUPS:
            # Many at once: taking the first out of a dict gets slower each time.
            newer = islice(self.open_groups.items(), MAX_OPEN_GROUPS // 2 + 1, None)
            self.open_groups = dict(newer)
        size = self.batch_size
        capacity = size if self.batch_count else min(CANARY_SIZE, size)
        self.batch_count += 1
        segments = count_segments(text)
        group = Group(self.batch_count, text, segments, capacity, zone)
        self.open_groups[text, zone] = group
        return group
