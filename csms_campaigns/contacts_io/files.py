"""From bytes to lines of text: finds the encoding, and refuses what is no text at all.

The bytes are read twice, first only to decode them: so a file is known to be whole before
a row of it is used, and the old encoding is tried only where UTF-8 fails.
"""

from __future__ import annotations

import codecs
import io
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, cast

from django.utils.translation import gettext as _

from csms_campaigns.contacts_io.errors import ImportFailed

Source = str | os.PathLike[str] | BinaryIO

BLOCK: Final = 1 << 16
LONGEST_LINE: Final = 1 << 20
"""Characters; and of all lines of one row."""
MOST_LINES_OF_A_ROW: Final = 200
"""More, and a quotation mark was never closed: it would swallow the rest of the file."""

# The encoding of older Arabic Windows programs. Every byte means something in it.
OLD_ENCODING: Final = "cp1256"

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"
_ARCHIVE: Final = b"PK\x03\x04"


class Lines(Iterable[str]):
    """The physical lines, counted as an editor does, with bounds on what memory they take."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.number = 0
        self.row_began_after = 0
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        # A generator: half the time of an iterator written as a class.
        readline, length = self._text.readline, 0
        while line := readline(LONGEST_LINE):
            self.number += 1
            is_first = self.number - self.row_began_after == 1
            length = len(line) if is_first else length + len(line)
            if length >= LONGEST_LINE:
                message = _("Line %(line)s is too long for a CSV file.")
                raise ImportFailed(message % {"line": self.number}, "line_too_long")
            if self.number - self.row_began_after > MOST_LINES_OF_A_ROW:
                raise never_closed(self.row_began_after + 1)
            yield line
        self.ended = True


def never_closed(line: int) -> ImportFailed:
    message = _(
        'The row on line %(line)s has a quotation mark (") that is never closed. '
        "Close or remove it, and import the file again."
    )
    return ImportFailed(message % {"line": line}, "quote_never_closed")


class TextFile:
    """A seekable stream that is known to be text."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._start = stream.tell()
        self.encoding, self.line_count = self._examine()

    @contextmanager
    def lines(self) -> Iterator[Lines]:
        """From the beginning."""
        self._stream.seek(self._start)
        # newline="": the parser must see the line ends inside quotes as they are.
        text = io.TextIOWrapper(self._stream, encoding=self.encoding, newline="")
        try:
            yield Lines(text)
        finally:
            # Or the stream, which is the caller's, is closed together with the wrapper.
            text.detach()

    def _examine(self) -> tuple[str, int]:
        head = self._stream.read(8)
        _refuse_by_signature(head)
        encoding = next((name for bom, name in _BOMS if head.startswith(bom)), "utf-8")
        try:
            return encoding, self._count_lines(encoding)
        except UnicodeDecodeError:
            if encoding != "utf-8" or not self._is_hardly_utf8():
                raise _damaged() from None
        return OLD_ENCODING, self._count_lines(OLD_ENCODING)

    def _count_lines(self, encoding: str) -> int:
        """`UnicodeDecodeError` if the bytes are not in this encoding."""
        line_count, has_text = 0, False
        for text in self._decoded(encoding):
            if "\0" in text:
                raise _not_text()
            line_count += max(text.count("\n"), text.count("\r"))
            has_text = has_text or not text.isspace()
        if not has_text:
            message = _("The file is empty. Choose one with a header line and rows.")
            raise ImportFailed(message, "empty_file")
        return line_count + 1

    def _is_hardly_utf8(self) -> bool:
        """True if most of what is not ASCII isn't UTF-8: then the file is in another
        encoding; otherwise it is a damaged UTF-8 file, and a guess would garble names."""
        wrong = foreign = 0
        for text in self._decoded("utf-8", errors="replace"):
            wrong += text.count("\ufffd")
            foreign += len(text) - len(text.encode("ascii", "ignore"))
        return wrong * 2 > foreign

    def _decoded(self, encoding: str, errors: str = "strict") -> Iterator[str]:
        self._stream.seek(self._start)
        decoder = codecs.getincrementaldecoder(encoding)(errors)
        for block in iter(partial(self._stream.read, BLOCK), b""):
            if text := decoder.decode(block):
                yield text
        if rest := decoder.decode(b"", final=True):
            yield rest


@contextmanager
def open_source(source: Source) -> Iterator[BinaryIO]:
    """A stream that can be read twice. `ImportFailed` if there is none."""
    if isinstance(source, str | os.PathLike):
        with _opened(Path(source)) as stream, _seekable(stream) as seekable:
            yield seekable
    else:
        with _seekable(source) as seekable:
            yield seekable


def is_archive(stream: BinaryIO) -> bool:
    """Whether it begins as an .xlsx file does."""
    start = stream.tell()
    head = stream.read(len(_ARCHIVE))
    stream.seek(start)
    return head == _ARCHIVE


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        message, code = _("There is no file “%(path)s”."), "no_file"
    except IsADirectoryError:
        message = _("“%(path)s” is a folder. Give the path of a CSV or Excel file.")
        code = "is_folder"
    except (OSError, ValueError):
        message = _("“%(path)s” cannot be read. Check its name and permissions.")
        code = "unreadable"
    raise ImportFailed(message % {"path": path}, code)


@contextmanager
def _seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    if stream.seekable():
        yield stream
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(stream, copy, BLOCK)
        copy.seek(0)
        yield cast(BinaryIO, copy)


def _refuse_by_signature(head: bytes) -> None:
    if head.startswith(_OLD_EXCEL):
        message = _(
            "This is a file of an old Excel, or one with a password. Save it as .xlsx "
            "without a password, or as “CSV UTF-8”, and import that."
        )
        raise ImportFailed(message, "spreadsheet")
    if head.startswith(b"%PDF"):
        raise _not_text()


def _not_text() -> ImportFailed:
    message = _(
        "This is not a CSV file. Save the table as “CSV UTF-8” and import that."
    )
    return ImportFailed(message, "not_text")


def _damaged() -> ImportFailed:
    message = _(
        "The file is damaged: a part of its text cannot be decoded. Save it again as "
        "“CSV UTF-8”."
    )
    return ImportFailed(message, "damaged_text")
