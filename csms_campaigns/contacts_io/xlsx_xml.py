"""The XML inside an Excel file, block by block, with bounds on what it may cost.

A small file may unpack to any size: so nothing is kept that has no bound, and what no
spreadsheet program writes (declarations of entities, endless names) is refused.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any, Final
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile, ZipInfo

from django.utils.translation import gettext as _

from csms_campaigns.contacts_io.errors import ImportFailed
from csms_campaigns.sms.storing import storable

BLOCK: Final = 1 << 16
LARGEST_PART: Final = 4 << 30
"""Bytes of one unpacked part: a million rows with fifty columns fit in."""
LONGEST_TOKEN: Final = 1 << 20
LONGEST_TEXT: Final = 1 << 17
"""Characters of a cell; Excel's own bound is 32,767."""

Start = Callable[[str, dict[str, str]], None]

_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")


class Part:
    """Reads one part; `steps()` gives the word after each block, so that a caller may stop."""

    def __init__(self, package: ZipFile, info: ZipInfo, start: Start, end: Any) -> None:
        self._package = package
        self._info = info
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.buffer_size = BLOCK
        self._parser.StartElementHandler = start
        self._parser.EndElementHandler = end
        self._parser.StartDoctypeDeclHandler = _refuse_declaration
        self.seen = 0

    def collect(self, handler: Callable[[str], None] | None) -> None:
        """Text between tags goes to this handler; None where nobody wants it."""
        self._parser.CharacterDataHandler = handler

    def steps(self) -> Iterator[None]:
        try:
            with self._package.open(self._info) as stream:
                yield from self._feed(stream)
        except (expat.ExpatError, BadZipFile, zlib.error, EOFError) as error:
            raise damaged() from error
        except RuntimeError as error:
            # A password, or a method of packing that Python has not.
            raise unreadable() from error

    def _feed(self, stream: IO[bytes]) -> Iterator[None]:
        while block := stream.read(BLOCK):
            self.seen += len(block)
            if self.seen > LARGEST_PART:
                raise too_large()
            self._parser.Parse(block)
            if self.seen - self._parser.CurrentByteIndex > LONGEST_TOKEN:
                raise too_large()
            yield
        self._parser.Parse(b"", True)
        yield


def local(name: str) -> str:
    """A tag or attribute without its prefix."""
    return name.rpartition(":")[2]


def plain(text: str) -> str:
    """Excel writes control characters as _x000D_."""
    if "_x" not in text:
        return text
    return storable(_ESCAPED.sub(lambda found: chr(int(found[1], 16)), text))


def whole(text: str | None) -> int | None:
    """A number of nine digits at most; Python refuses to read thousands of them."""
    return int(text) if text and text.isdecimal() and len(text) < 10 else None


def _refuse_declaration(*_declared: object) -> None:
    raise damaged()


def damaged() -> ImportFailed:
    message = _(
        "The Excel file is damaged. Open it in Excel, save it again and import that."
    )
    return ImportFailed(message, "damaged_workbook")


def too_large() -> ImportFailed:
    message = _(
        "The Excel file unpacks to more than can be read. Save the sheet as CSV and "
        "import that."
    )
    return ImportFailed(message, "workbook_too_large")


def unreadable() -> ImportFailed:
    message = _(
        "The Excel file is protected by a password. Remove the password and import it "
        "again."
    )
    return ImportFailed(message, "workbook_protected")
