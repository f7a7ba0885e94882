"""Where things are in an Excel file: its first sheet, its shared texts, its formats."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, Final
from zipfile import BadZipFile, LargeZipFile, ZipFile, ZipInfo

from django.utils.translation import gettext as _

from csms_campaigns.contacts_io.errors import ImportFailed
from csms_campaigns.contacts_io.xlsx_formats import is_date_format, zero_places
from csms_campaigns.contacts_io.xlsx_xml import (
    BLOCK,
    Part,
    damaged,
    local,
    too_large,
    whole,
)

WORKBOOK: Final = "xl/workbook.xml"
MOST_PARTS: Final = 10_000
HEADER: Final = b"PK\x01\x02"
LARGEST_INDEX: Final = 16 << 20
"""Bytes of an unpacked part that is kept in memory: formats and the list of sheets."""


@dataclass(frozen=True, slots=True)
class Format:
    is_date: bool = False
    places: int = 0


PLAIN: Final = Format()


@dataclass
class Workbook:
    sheet: ZipInfo
    strings: ZipInfo | None
    formats: list[Format] = field(default_factory=list)
    since_1904: bool = False


def open_package(stream: BinaryIO) -> ZipFile:
    # Before they are listed: two million of them fit into 100 MB, and take a gigabyte.
    if _count_parts(stream) > MOST_PARTS:
        raise too_large()
    try:
        return ZipFile(stream)
    except (BadZipFile, LargeZipFile, OSError, ValueError) as error:
        raise damaged() from error


def _count_parts(stream: BinaryIO) -> int:
    """Headers of the list of parts; packed data hardly ever looks like one."""
    start, count, before = stream.tell(), 0, b""
    while block := stream.read(BLOCK):
        count += (before + block).count(HEADER)
        before = block[-len(HEADER) + 1 :]
    stream.seek(start)
    return count


def find(package: ZipFile) -> Workbook:
    """`ImportFailed` if it is some other archive, or has no sheet with cells."""
    workbook = _part(package, _main(package))
    if workbook is None:
        raise no_workbook()
    folder = posixpath.dirname(workbook.filename)
    targets = _targets(package, workbook.filename)
    sheets, since_1904 = _sheets(package, workbook)
    places = [_target(folder, targets[key]) for key in sheets if key in targets]
    sheet = next(filter(None, (_part(package, place) for place in places)), None)
    if sheet is None:
        raise no_workbook()
    strings = _part(package, posixpath.join(folder, "sharedStrings.xml"))
    styles = _part(package, posixpath.join(folder, "styles.xml"))
    formats = _formats(package, styles) if styles else []
    return Workbook(sheet, strings, formats, since_1904)


def _main(package: ZipFile) -> str:
    """Excel's own place, or where the package says that its workbook is."""
    if _part(package, WORKBOOK):
        return WORKBOOK
    found = _relations(package, "_rels/.rels")
    return next(
        (t.lstrip("/") for _id, kind, t in found if kind == "officeDocument"), ""
    )


def _part(package: ZipFile, name: str) -> ZipInfo | None:
    wanted = name.casefold()
    return next(
        (i for i in package.infolist() if i.filename.casefold() == wanted), None
    )


def _target(folder: str, target: str) -> str:
    path = target if target.startswith("/") else posixpath.join(folder, target)
    return posixpath.normpath(path).lstrip("/")


def _targets(package: ZipFile, name: str) -> dict[str, str]:
    folder, base = posixpath.split(name)
    found = _relations(package, posixpath.join(folder, "_rels", f"{base}.rels"))
    return {key: target for key, kind, target in found if kind == "worksheet"}


def _relations(package: ZipFile, name: str) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        if local(tag) == "Relationship":
            kind = attributes.get("Type", "").rpartition("/")[2]
            target = attributes.get("Target", "")
            found.append((attributes.get("Id", ""), kind, target))

    _read_small(package, _part(package, name), start)
    return found


def _sheets(package: ZipFile, workbook: ZipInfo) -> tuple[list[str], bool]:
    """The relations of the sheets that can be seen, in their order."""
    keys: list[str] = []
    since_1904: list[bool] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        name = local(tag)
        if name == "sheet" and attributes.get("state", "visible") == "visible":
            keys.extend(
                v for k, v in attributes.items() if ":" in k and local(k) == "id"
            )
        elif name == "workbookPr":
            since_1904.append(attributes.get("date1904", "0") in {"1", "true"})

    _read_small(package, workbook, start)
    return keys, any(since_1904)


def _formats(package: ZipFile, styles: ZipInfo) -> list[Format]:
    codes: dict[int, str] = {}
    found: list[Format] = []
    inside: list[str] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        name = local(tag)
        if name == "numFmt":
            codes[whole(attributes.get("numFmtId")) or 0] = attributes.get(
                "formatCode", ""
            )
        elif name in {"cellXfs", "cellStyleXfs"}:
            inside.append(name)
        elif name == "xf" and inside[-1:] == ["cellXfs"]:
            number = whole(attributes.get("numFmtId")) or 0
            found.append(_format(number, codes.get(number)))

    _read_small(package, styles, start)
    return found


def _format(number: int, code: str | None) -> Format:
    is_date, places = is_date_format(number, code), zero_places(code)
    return Format(is_date, places) if is_date or places else PLAIN


def _read_small(
    package: ZipFile, info: ZipInfo | None, start: Callable[..., None]
) -> None:
    if info is None:
        return
    part = Part(package, info, start, None)
    for _step in part.steps():
        if part.seen > LARGEST_INDEX:
            raise too_large()


def no_workbook() -> ImportFailed:
    message = _(
        "This archive is no Excel workbook. Save the table as .xlsx or “CSV UTF-8” and "
        "import that."
    )
    return ImportFailed(message, "spreadsheet")
