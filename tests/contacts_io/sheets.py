"""Excel files as a spreadsheet program writes them, and as none should."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from typing import Any

from openpyxl import Workbook

NS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def workbook(rows: Iterable[Iterable[Any]]) -> bytes:
    """By openpyxl, as it writes shared texts, numbers, dates and formats."""
    book = Workbook()
    for row in rows:
        book.active.append(list(row))
    return saved(book)


def saved(book: Workbook) -> bytes:
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def package(
    sheet: str,
    *,
    strings: str | None = None,
    styles: str | None = None,
    book: str = "",
    **more: str,
) -> bytes:
    """By hand: `sheet` is what stands between the tags of sheetData."""
    parts = {
        "xl/workbook.xml": f'<workbook {NS} xmlns:r="{REL}">{book}<sheets>'
        '<sheet name="One" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">'
        f'<Relationship Id="rId1" Type="{REL}/worksheet" Target="worksheets/one.xml"/>'
        "</Relationships>",
        "xl/worksheets/one.xml": f"<worksheet {NS}><sheetData>{sheet}</sheetData></worksheet>",
        **more,
    }
    if strings is not None:
        parts["xl/sharedStrings.xml"] = f"<sst {NS}>{strings}</sst>"
    if styles is not None:
        parts["xl/styles.xml"] = f"<styleSheet {NS}>{styles}</styleSheet>"
    return zipped(parts)


def zipped(parts: dict[str, str]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in parts.items():
            file.writestr(name, text)
    return data.getvalue()


def row(*cells: str, number: int = 0) -> str:
    place = f' r="{number}"' if number else ""
    return f"<row{place}>{''.join(cells)}</row>"


def inline(text: str, place: str = "") -> str:
    where = f' r="{place}"' if place else ""
    return f'<c{where} t="inlineStr"><is><t>{text}</t></is></c>'


HEADER = row(inline("phone"), inline("name"))
