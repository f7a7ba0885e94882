"""A CSV or Excel file as a stream of rows: separator, header, quotes, the line of each row."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Final

from django.utils.translation import gettext as _

from csms_campaigns.contacts_io import headers
from csms_campaigns.contacts_io.errors import ImportFailed
from csms_campaigns.contacts_io.files import (
    Lines,
    Source,
    TextFile,
    is_archive,
    never_closed,
    open_source,
)
from csms_campaigns.contacts_io.xlsx import open_sheet

SEPARATORS: Final = (",", ";", "\t", "|")

# Excel's own first line, which names the separator.
_SEPARATOR_LINE: Final = re.compile(r"sep=(.?)", re.IGNORECASE)

Row = tuple[int, list[str]]
"""The physical line on which the row begins, as an editor shows it, and its cells."""


Match = Callable[[list[str]], headers.Columns]
"""From the header line to what each column is."""

SAMPLES: Final = 3
MOST_COLUMNS: Final = 300
"""To choose from: each is two fields of a form, and Django takes a thousand fields."""
LARGEST_LOOK: Final = 32 << 20
"""Bytes unpacked until a header and a few rows must have come."""


@dataclass(frozen=True)
class Table:
    """A file with its header line behind it; `rows` are still to be read."""

    header: list[str]
    rows: Iterator[Row]
    share: Callable[[], tuple[int, int]]
    """How much has been read, and of how much."""


@dataclass(frozen=True)
class ContactFile:
    columns: headers.Columns
    rows: Iterator[Row]
    share: Callable[[], tuple[int, int]]


@contextmanager
def read(source: Source, match: Match = headers.match) -> Iterator[ContactFile]:
    """`ImportFailed` at once if the file or its header is refused, later if a quote never ends."""
    with open_table(source) as table:
        found = match(table.header)
        yield ContactFile(found, table.rows, table.share)


def look(source: Source) -> tuple[list[str], list[list[str]]]:
    """The header and the first rows, to choose columns by."""
    with open_table(source, LARGEST_LOOK) as table:
        if not any(map(str.strip, table.header)):
            raise headers.empty_file()
        header = _bounded(table.header)
        return header, [cells for _line, cells in islice(table.rows, SAMPLES)]


def _bounded(header: list[str]) -> list[str]:
    """Spreadsheets leave thousands of empty columns behind those that have a name."""
    if any(map(str.strip, header[MOST_COLUMNS:])):
        message = _(
            "The file has more than %(most)s columns. Remove those that no text needs."
        )
        raise ImportFailed(message % {"most": MOST_COLUMNS}, "too_many_columns")
    return header[:MOST_COLUMNS]


@contextmanager
def open_table(source: Source, bound: int | None = None) -> Iterator[Table]:
    with open_source(source) as stream:
        if is_archive(stream):
            with _open_sheet(stream, bound) as table:
                yield table
        else:
            with _open_text(stream) as table:
                yield table


@contextmanager
def _open_sheet(stream: BinaryIO, bound: int | None) -> Iterator[Table]:
    with open_sheet(stream) as sheet:
        rows = sheet.rows(bound)
        yield Table(next(rows, (0, []))[1], rows, lambda: sheet.share)


@contextmanager
def _open_text(stream: BinaryIO) -> Iterator[Table]:
    file = TextFile(stream)
    separator = _separator(file)
    with file.lines() as lines:
        rows = _rows(lines, separator)
        header = _header(rows)
        yield Table(header, rows, lambda: (lines.number, file.line_count))


def _separator(file: TextFile) -> str:
    """The one that shows a column of phone numbers; of several the one with most columns."""
    with file.lines() as lines:
        named = _SEPARATOR_LINE.fullmatch(next(iter(lines)).strip().strip('"'))
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
        if "".join(cells).strip():
            yield line, cells
