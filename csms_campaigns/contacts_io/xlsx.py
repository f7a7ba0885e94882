"""The rows of an Excel file's first sheet, streamed: constant memory at a million rows.

Libraries were measured for this: of 300,000 rows with three columns, openpyxl's reading mode
keeps all shared texts (120 MB, 9 s), calamine the whole sheet (100 MB, 1 s), and a single
stray cell in the last corner makes it ask for more memory than there is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final
from zipfile import ZipFile

from csms_campaigns.contacts_io.files import LONGEST_LINE
from csms_campaigns.contacts_io.xlsx_formats import date_text, number_text
from csms_campaigns.contacts_io.xlsx_strings import SharedStrings
from csms_campaigns.contacts_io.xlsx_workbook import (
    PLAIN,
    Workbook,
    find,
    open_package,
)
from csms_campaigns.contacts_io.xlsx_xml import (
    LONGEST_TEXT,
    Part,
    damaged,
    local,
    plain,
    too_large,
    whole,
)

MOST_ROWS: Final = 1 << 20
MOST_COLUMNS: Final = 1_000
"""What stands further right is one cell too many, however far."""

Row = tuple[int, list[str]]


class Sheet:
    """`rows()` gives the number of each row that isn't blank, as Excel shows it, and its cells."""

    def __init__(
        self, package: ZipFile, book: Workbook, strings: SharedStrings
    ) -> None:
        self._book = book
        self._strings = strings
        self._part = Part(package, book.sheet, self._start, self._end)
        self._ready: list[Row] = []
        self._columns: dict[str, int] = {}
        self._text: list[str] = []
        self._length = self._number = self._column = self._highest = 0
        self._row_length = 0
        self._cells: list[str] = []
        self._kind = self._style = ""
        self._muted = False

    @property
    def share(self) -> tuple[int, int]:
        """Unpacked bytes so far, and of how many."""
        return self._part.seen, max(self._book.sheet.file_size, 1)

    def rows(self, bound: int | None = None) -> Iterator[Row]:
        """With `bound`, no more than about so many bytes are unpacked."""
        for _step in self._part.steps():
            ready, self._ready = self._ready, []
            yield from ready
            if bound is not None and self._part.seen > bound:
                raise too_large()

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "c" or local(tag) == "c":
            self._begin_cell(attributes)
        elif tag in {"v", "t"} or local(tag) in {"v", "t"}:
            if not self._muted:
                self._part.collect(self._more)
        elif local(tag) == "row":
            self._begin_row(attributes)
        elif local(tag) == "rPh":
            self._muted = True

    def _end(self, tag: str) -> None:
        if tag in {"v", "t"} or local(tag) in {"v", "t"}:
            self._part.collect(None)
        elif tag == "c" or local(tag) == "c":
            self._end_cell()
        elif local(tag) == "row":
            self._end_row()
        elif local(tag) == "rPh":
            self._muted = False

    def _begin_row(self, attributes: dict[str, str]) -> None:
        number = attributes.get("r", "")
        named = whole(number) or 0
        self._number = named if number.isdecimal() else self._number + 1
        if not 0 < self._number <= MOST_ROWS or self._number <= self._highest:
            raise damaged()
        self._highest = self._number
        self._cells, self._column, self._row_length = [], -1, 0

    def _end_row(self) -> None:
        if "".join(self._cells).strip():
            self._ready.append((self._number, self._cells))

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        self._kind = attributes.get("t", "n")
        self._style = attributes.get("s", "")
        place = attributes.get("r")
        self._column = self._position(place) if place else self._column + 1
        self._text = []
        self._length = 0

    def _position(self, place: str) -> int:
        letters = place.rstrip("0123456789")
        found = self._columns.get(letters)
        if found is None:
            found = self._columns[letters] = _column(letters)
        return found

    def _more(self, text: str) -> None:
        self._length += len(text)
        if self._length > LONGEST_TEXT:
            raise too_large()
        self._text.append(text)

    def _end_cell(self) -> None:
        if not self._text:
            return
        text = self._value(
            self._text[0] if len(self._text) == 1 else "".join(self._text)
        )
        if text:
            self._put(text)

    def _put(self, text: str) -> None:
        width = len(self._cells)
        if self._column < width <= MOST_COLUMNS:
            # Two cells of one place, or out of order, are no sheet of Excel's.
            raise damaged()
        column = min(self._column, MOST_COLUMNS)
        self._row_length += len(text)
        if self._row_length > LONGEST_LINE:
            raise too_large()
        if column >= width:
            self._cells += [""] * (column - width)
            self._cells.append(text)

    def _value(self, raw: str) -> str:
        kind = self._kind
        if kind == "s":
            if (number := whole(raw)) is None:
                raise damaged()
            return self._strings[number]
        if kind == "n":
            return self._figure(raw)
        if kind == "b":
            return "TRUE" if raw == "1" else "FALSE"
        # An error of a formula, such as #N/A, is nothing that a text may say.
        return "" if kind == "e" else plain(raw)

    def _figure(self, raw: str) -> str:
        formats, style = self._book.formats, whole(self._style)
        shown = PLAIN
        if style is not None and style < len(formats):
            shown = formats[style]
        if shown.is_date:
            return date_text(raw, since_1904=self._book.since_1904)
        return number_text(raw, shown.places)


@contextmanager
def open_sheet(stream: BinaryIO) -> Iterator[Sheet]:
    """Of a seekable stream. `ImportFailed` if it is no workbook."""
    with open_package(stream) as package:
        book = find(package)
        with SharedStrings(package, book.strings) as strings:
            yield Sheet(package, book, strings)


def _column(letters: str) -> int:
    """A → 0, AA → 26."""
    if not letters.isascii() or not letters.isalpha() or len(letters) > 3:
        raise damaged()
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1
