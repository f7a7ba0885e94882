"""From the cells of a row to a person: number, name, attributes, each within its bounds."""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as quote
from typing import NamedTuple

from csms_campaigns.contacts_io.cells import clean, lengthened
from csms_campaigns.contacts_io.errors import BadRow
from csms_campaigns.contacts_io.headers import Columns
from csms_campaigns.contacts_io.problems import (
    LONGEST_NAME,
    LONGEST_VALUE,
    NAME_TOO_LONG,
    TOO_MANY_CELLS,
    VALUE_TOO_LONG,
)
from csms_campaigns.sms.numbers import InvalidNumber, normalise


class Person(NamedTuple):
    """`number` is E.164 without the plus; `attributes` is the JSON of an object of texts."""

    number: int
    name: str
    attributes: str

    @property
    def phone(self) -> str:
        return f"+{self.number}"


class RowParser:
    def __init__(self, columns: Columns, region: str | None) -> None:
        self._width = columns.width
        self._phone = columns.phone
        self._name_at = columns.name
        self._attributes_at = [
            (position, name, quote(name)) for position, name in columns.attributes
        ]
        self._region = region

    def raw_phone(self, cells: list[str]) -> str:
        return clean(cells[self._phone]) if self._phone < len(cells) else ""

    def person(self, cells: list[str]) -> Person:
        """`BadRow` says why it is left out."""
        missing = self._width - len(cells)
        if missing > 0:
            cells = cells + [""] * missing
        elif missing < 0 and any(map(str.strip, cells[self._width :])):
            raise BadRow(TOO_MANY_CELLS)
        number = self._number(cells[self._phone])
        name = "" if self._name_at is None else clean(cells[self._name_at])
        if len(name) > LONGEST_NAME:
            raise BadRow(NAME_TOO_LONG)
        return Person(number, name, self._attributes(cells))

    def _number(self, raw: str) -> int:
        try:
            return int(normalise(raw, self._region))
        except InvalidNumber as error:
            code = error.code.value
        try:
            return int(normalise(lengthened(raw), self._region))
        except InvalidNumber:
            raise BadRow(code) from None

    def _attributes(self, cells: list[str]) -> str:
        """As `json.dumps` writes it, in a sixth of the time."""
        found = []
        for position, name, quoted in self._attributes_at:
            value = clean(cells[position])
            if not value:
                continue
            if len(value) > LONGEST_VALUE:
                raise BadRow(VALUE_TOO_LONG, name)
            found.append(f"{quoted}: {quote(value)}")
        return f"{{{', '.join(found)}}}" if found else "{}"
