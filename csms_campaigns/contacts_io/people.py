"""From the cells of a row to a person: number, name, attributes, each within its bounds."""

from __future__ import annotations

import json
from typing import Final, NamedTuple

from django.utils.translation import gettext as _

from csms_campaigns.contacts_io.cells import clean
from csms_campaigns.contacts_io.errors import BadRow
from csms_campaigns.contacts_io.headers import Columns
from csms_campaigns.models import Contact
from csms_campaigns.sms.numbers import InvalidNumber, normalise

LONGEST_NAME: Final = Contact._meta.get_field("name").max_length or 200
LONGEST_VALUE: Final = 1000


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
        self._columns = columns
        self._region = region

    def raw_phone(self, cells: list[str]) -> str:
        return clean(self._cell(cells, self._columns.phone))

    def person(self, cells: list[str]) -> Person:
        """`BadRow` says why it is left out."""
        width = self._columns.width
        if len(cells) > width and any(map(str.strip, cells[width:])):
            message = _(
                "The row has more cells than the header. Put a cell that contains the "
                "separator in quotation marks."
            )
            raise BadRow(message, "too_many_cells")
        number = self._number(cells)
        return Person(number, self._name(cells), self._attributes(cells))

    def _cell(self, cells: list[str], position: int) -> str:
        return cells[position] if position < len(cells) else ""

    def _number(self, cells: list[str]) -> int:
        raw = self._cell(cells, self._columns.phone)
        try:
            return int(normalise(raw, self._region))
        except InvalidNumber as error:
            # A variable: the catalogue takes the sentences from their own module.
            sentence = str(error)
            raise BadRow(_(sentence), error.code.value) from None

    def _name(self, cells: list[str]) -> str:
        if self._columns.name is None:
            return ""
        name = clean(self._cell(cells, self._columns.name))
        if len(name) > LONGEST_NAME:
            message = _("The name is longer than %(limit)s characters. Shorten it.")
            raise BadRow(message % {"limit": LONGEST_NAME}, "name_too_long")
        return name

    def _attributes(self, cells: list[str]) -> str:
        found = {}
        for position, name in self._columns.attributes:
            value = clean(self._cell(cells, position))
            if not value:
                continue
            if len(value) > LONGEST_VALUE:
                message = _(
                    "“%(column)s” is longer than %(limit)s characters. Shorten it."
                )
                parts = {"column": name, "limit": LONGEST_VALUE}
                raise BadRow(message % parts, "value_too_long")
            found[name] = value
        return json.dumps(found) if found else "{}"
