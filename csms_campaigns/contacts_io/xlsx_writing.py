"""An .xlsx file written as it is sent: no library, no temporary file, constant memory.

ECMA-376: a zip of a few XML files. Texts stand in their cells (`inlineStr`), since a table of
all texts could only be written when the last one is known.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final
from xml.sax.saxutils import escape

MOST_ROWS: Final = 1_048_576
"""In one sheet, with its header: the limit of Excel."""
MOST_BYTES: Final = 1_500_000_000
"""Of XML in one sheet: from 2 GiB on the zip would need an extension that Excel refuses here."""
LONGEST: Final = 32_767
"""Characters in one cell: the limit of Excel."""

_NO_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Excel reads _x000D_ as a carriage return: such a text is told apart by an escape of its own.
_LOOKS_ESCAPED: Final = re.compile("_(?=x[0-9A-Fa-f]{4}_)")

_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DOCUMENT: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
# 0 as it comes, 1 text (a number that is typed over stays a text), 2 the header.
_STYLES: Final = (
    f'<styleSheet xmlns="{_MAIN}"><fonts count="2"><font/><font><b/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
    '<cellXfs count="3"><xf/><xf numFmtId="49" applyNumberFormat="1"/>'
    '<xf fontId="1" applyFont="1"/></cellXfs><cellStyles count="1">'
    '<cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


def book(
    header: Sequence[str],
    parts: Iterable[Iterable[Sequence[Any]]],
    widths: Sequence[int],
) -> Iterator[bytes]:
    """The file in pieces. Cells: a whole number, or a text; None or "" for an empty one."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        sheets = 0
        lines = _Lines(parts)
        while lines.has_more or not sheets:
            sheets += 1
            with archive.open(f"xl/worksheets/sheet{sheets}.xml", "w") as sheet:
                for text in _sheet(header, lines, widths):
                    sheet.write(text.encode())
                    yield pipe.taken()
        for name, text in _frame(sheets).items():
            archive.writestr(name, _HEAD + text)
    yield pipe.taken()


class _Pipe(io.RawIOBase):
    """What is written waits here until it is taken; nobody may seek in it."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.pieces.append(bytes(data))
        return len(self.pieces[-1])

    def taken(self) -> bytes:
        found = b"".join(self.pieces)
        self.pieces.clear()
        return found


class _Lines:
    """Lines across sheets: a part may end in one and go on in the next."""

    def __init__(self, parts: Iterable[Iterable[Sequence[Any]]]) -> None:
        self._parts = iter(parts)
        self._part: list[Sequence[Any]] = []
        self._fill()

    @property
    def has_more(self) -> bool:
        return bool(self._part)

    def take(self, most: int) -> list[Sequence[Any]]:
        found, self._part = self._part[:most], self._part[most:]
        self._fill()
        return found

    def _fill(self) -> None:
        while not self._part:
            following = next(self._parts, None)
            if following is None:
                return
            self._part = list(following)


def _sheet(
    header: Sequence[str], lines: _Lines, widths: Sequence[int]
) -> Iterator[str]:
    yield _start(widths) + _row(header, ' s="2"')
    left, size = MOST_ROWS - 1, 0
    while lines.has_more and left and size < MOST_BYTES:
        part = lines.take(left)
        text = "".join([_row(line, ' s="1"') for line in part])
        left, size = left - len(part), size + len(text)
        yield text
    yield "</sheetData></worksheet>"


def _start(widths: Sequence[int]) -> str:
    columns = "".join(
        f'<col min="{i}" max="{i}" width="{width}" style="1" customWidth="1"/>'
        for i, width in enumerate(widths, 1)
    )
    # The header stays in sight.
    view = (
        '<sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" '
        'activePane="bottomLeft" state="frozen"/></sheetView>'
    )
    return (
        f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetViews>{view}</sheetViews>'
        f"<cols>{columns}</cols><sheetData>"
    )


def _row(line: Sequence[Any], style: str) -> str:
    return f"<row>{''.join([_cell(value, style) for value in line])}</row>"


def _cell(value: Any, style: str) -> str:
    if value is None or value == "":
        return "<c/>"
    if isinstance(value, int):
        return f"<c><v>{value}</v></c>"
    return f'<c t="inlineStr"{style}><is><t xml:space="preserve">{_text(value)}</t></is></c>'


def _text(value: str) -> str:
    if value.isascii() and value.isalnum():
        return value[:LONGEST]
    text = _NO_XML.sub("\ufffd", value[:LONGEST])
    return escape(_LOOKS_ESCAPED.sub("_x005F_", text)).replace("\r", "&#13;")


def _frame(sheets: int) -> dict[str, str]:
    """The files around the sheets, whose number is known at the end."""
    numbers = range(1, sheets + 1)
    names = "".join(
        f'<sheet name="Recipients{i if i > 1 else ""}" sheetId="{i}" r:id="rId{i}"/>'
        for i in numbers
    )
    links = "".join(
        f'<Relationship Id="rId{i}" Type="{_DOCUMENT}/worksheet" '
        f'Target="worksheets/sheet{i}.xml"/>'
        for i in numbers
    )
    types = "".join(
        f'<Override PartName="/xl/worksheets/sheet{i}.xml" '
        f'ContentType="{_TYPE}.worksheet+xml"/>'
        for i in numbers
    )
    styles = f'<Relationship Id="rId0" Type="{_DOCUMENT}/styles" Target="styles.xml"/>'
    return {
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOCUMENT}">'
        f"<sheets>{names}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": _relationships(links + styles),
        "xl/styles.xml": _STYLES,
        "_rels/.rels": _relationships(
            f'<Relationship Id="rId1" Type="{_DOCUMENT}/officeDocument" '
            'Target="xl/workbook.xml"/>'
        ),
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>{types}'
        "</Types>",
    }


def _relationships(links: str) -> str:
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>'
