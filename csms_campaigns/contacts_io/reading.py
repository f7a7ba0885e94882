"""A CSV file as a stream of rows: separator, header, quotes, and the line of each row."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from csms_campaigns.contacts_io import headers
from csms_campaigns.contacts_io.errors import ImportFailed
from csms_campaigns.contacts_io.files import (
    Lines,
    Source,
    TextFile,
    never_closed,
    open_text,
)

SEPARATORS: Final = (",", ";", "\t", "|")

# Excel's own first line, which names the separator.
_SEPARATOR_LINE: Final = re.compile(r"sep=(.?)", re.IGNORECASE)

Row = tuple[int, list[str]]
"""The physical line on which the row begins, as an editor shows it, and its cells."""


@dataclass(frozen=True)
class ContactFile:
    columns: headers.Columns
    rows: Iterator[Row]
    line_count: int
    """For progress; a row may take several lines."""


@contextmanager
def read(source: Source) -> Iterator[ContactFile]:
    """`ImportFailed` at once if the file or its header is refused, later if a quote never ends."""
    with open_text(source) as file:
        separator = _separator(file)
        with file.lines() as lines:
            rows = _rows(lines, separator)
            columns = headers.match(_header(rows))
            yield ContactFile(columns, rows, file.line_count)


def _separator(file: TextFile) -> str:
    """The one that shows a column of phone numbers; of several the one with most columns."""
    with file.lines() as lines:
        named = _SEPARATOR_LINE.fullmatch(next(lines).strip().strip('"'))
    if named and named[1]:
        return named[1]
    return max(SEPARATORS, key=lambda separator: _fit(file, separator))


def _fit(file: TextFile, separator: str) -> tuple[bool, int]:
    with file.lines() as lines:
        try:
            header = _header(_rows(lines, separator))
        except ImportFailed:
            # By this separator a quote may stand in the midst of a cell.
            return False, 0
        return headers.has_phone(header), len(header)


def _header(rows: Iterator[Row]) -> list[str]:
    for _line, cells in rows:
        if not _SEPARATOR_LINE.fullmatch("".join(cells).strip()):
            return cells
    return []


def _rows(lines: Lines, separator: str) -> Iterator[Row]:
    parser = csv.reader(lines, delimiter=separator)
    while True:
        lines.row_began_after = lines.number
        line = lines.number + 1
        try:
            cells = next(parser)
        except StopIteration:
            return
        except csv.Error:
            # The parser's only complaint here: a cell of more than 128 KiB.
            raise never_closed(line) from None
        if lines.ended:
            # The row took the end of the file for its own end.
            raise never_closed(line)
        if any(map(str.strip, cells)):
            yield line, cells
