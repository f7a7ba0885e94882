"""A list of phone numbers in a file: a table with a header, or only numbers, one in each row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from csms_campaigns.contacts_io import headers
from csms_campaigns.contacts_io.errors import ImportFailed
from csms_campaigns.contacts_io.files import Source
from csms_campaigns.contacts_io.reading import open_table

WITHOUT_HEADER: Final = "no_header"


def numbers_in(source: Source) -> Iterator[tuple[int, str]]:
    """Lines and numbers as they are written. `ImportFailed` for a file that cannot be read."""
    with open_table(source) as table:
        try:
            column = headers.match(table.header).phone
        except ImportFailed as error:
            if error.code != WITHOUT_HEADER:
                raise
            column = _first_number(table.header)
            yield 1, table.header[column]
        for line, cells in table.rows:
            yield line, cells[column] if column < len(cells) else ""


def _first_number(cells: list[str]) -> int:
    found = (n for n, cell in enumerate(cells) if headers.looks_like_phone(cell))
    return next(found, 0)


def numbers_of(text: str) -> Iterator[tuple[int, str]]:
    """The same of a text that somebody has pasted; several in a line are parted by commas."""
    for line, written in enumerate(text.splitlines(), start=1):
        for one in re.split("[,;،؛\t]", written):
            if one.strip():
                yield line, one.strip()
