"""Recipients as a file: CSV for programs, CSV for spreadsheets, or Excel's own.

A slice at a time, at a million rows as at ten. Nothing in a file runs as a formula.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from django.db.models import QuerySet

from csms_campaigns.contacts_io import xlsx_writing
from csms_campaigns.contacts_io.cells import (
    AFTER_SEPARATOR,
    FORMULA_SIGNS,
    safe,
    safe_phone,
)
from csms_campaigns.contacts_io.slices import (
    Recipient,
    as_csv,
    as_rows,
    can_copy,
    utc,
)
from csms_campaigns.models import Campaign, SendResult

COLUMNS: Final = (
    "phone",
    "name",
    "status",
    "message_id",
    "error_code",
    "error",
    "skip_reason",
    "segments",
    "updated_at",
)
MORE_COLUMNS: Final = (*COLUMNS, "decision", "campaign")
"""Of what is chosen in the admin: there it may be of many campaigns."""
BOM: Final = "\ufeff"
"""Without it Excel reads UTF-8 as the code page of the machine."""
PHONE_WIDTH, WIDTH = 18, 22

_PLAIN: Final[dict[str, Callable[[Recipient], Any]]] = {
    "phone": lambda r: r.phone or "",
    "name": lambda r: r.person or "",
    "status": lambda r: r.status,
    "message_id": lambda r: r.message_id,
    "error_code": lambda r: r.error_code,
    "error": lambda r: r.error,
    "skip_reason": lambda r: r.skip_reason,
    "segments": lambda r: r.request_segments,
    "updated_at": lambda r: utc(r.updated_at),
    "decision": lambda r: r.resolution,
    "campaign": lambda r: r.campaign_name or "",
}

_SIGNS: Final = ", ".join(f"U&'\\{ord(sign):04X}'" for sign in sorted(FORMULA_SIGNS))

_AFTER_SEPARATOR: Final = AFTER_SEPARATOR.replace("'", "''")


def _sql_safe(column: str) -> str:
    """As `cells.safe`. What is empty is nothing, or COPY would write it in quotes."""
    start = rf"left(ltrim({column}, U&' \00A0\3000'), 1)"
    # The expression is dear, and hardly any text has one of these.
    inner = (
        rf"CASE WHEN translate({column}, E';\t\r\n', '') = {column} THEN {column}"
        rf" ELSE regexp_replace({column}, '{_AFTER_SEPARATOR}', '\1''', 'g') END"
    )
    return (
        f"CASE WHEN {column} = '' THEN NULL"
        f" WHEN {start} IN ({_SIGNS}) THEN '''' || {inner} ELSE {inner} END"
    )


_SQL: Final[dict[str, str]] = {
    "phone": f"CASE WHEN q.phone ~ '^[+]?[0-9]+$' THEN q.phone ELSE {_sql_safe('q.phone')} END",
    "name": _sql_safe("q.person"),
    "status": "q.status",
    "message_id": _sql_safe("q.message_id"),
    "error_code": _sql_safe("q.error_code"),
    "error": _sql_safe("q.error"),
    "skip_reason": "NULLIF(q.skip_reason, '')",
    "segments": "q.request_segments",
    "updated_at": (
        "to_char(q.updated_at AT TIME ZONE 'UTC',"
        """ 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
    ),
    "decision": "NULLIF(q.resolution, '')",
    "campaign": _sql_safe("q.campaign_name"),
}


@dataclass(frozen=True)
class Chosen:
    """Recipients between two ids, and what is told of each."""

    found: QuerySet[SendResult]
    first: int
    last: int
    columns: tuple[str, ...] = COLUMNS
    width: int = 0

    def csv(self, *, for_spreadsheets: bool = False) -> Iterator[str]:
        """As pieces of text of many rows each, for a streamed HTTP response.

        For spreadsheets with a mark of UTF-8, and with an apostrophe before each number, or
        they would take it for an amount and drop its plus.
        """
        yield (BOM if for_spreadsheets else "") + _csv([self.columns])
        if can_copy(self.found):
            yield from as_csv(
                self.found,
                self.first,
                self.last,
                self._sql(for_spreadsheets),
                self.width,
            )
            return
        for recipients in self._slices():
            yield _csv(self._cells(one, for_spreadsheets) for one in recipients)

    def xlsx(self) -> Iterator[bytes]:
        """Every cell but the segments is a text, whatever it looks like."""
        widths = [PHONE_WIDTH if c == "phone" else WIDTH for c in self.columns]
        return xlsx_writing.book(self.columns, self._lines(), widths)

    def _lines(self) -> Iterator[list[list[Any]]]:
        for recipients in self._slices():
            yield [[_PLAIN[c](one) for c in self.columns] for one in recipients]

    def _slices(self) -> Iterator[list[Recipient]]:
        return as_rows(self.found, self.first, self.last, self.width)

    def _cells(self, recipient: Recipient, for_spreadsheets: bool) -> list[Any]:
        phone = safe if for_spreadsheets else safe_phone
        return [
            phone(value) if name == "phone" else _safe(value)
            for name in self.columns
            for value in [_PLAIN[name](recipient)]
        ]

    def _sql(self, for_spreadsheets: bool) -> list[str]:
        own = {"phone": _sql_safe("q.phone")} if for_spreadsheets else {}
        return [own.get(name) or _SQL[name] for name in self.columns]


def _safe(value: Any) -> Any:
    return safe(value) if isinstance(value, str) else value


def chosen(
    found: QuerySet[SendResult],
    campaign: Campaign | None = None,
    columns: tuple[str, ...] = MORE_COLUMNS,
    *,
    are_few: bool = False,
) -> Chosen:
    """`campaign` if they are all of one: its range of ids is shorter. `are_few`: some thousand
    at most, by their ids, so that one slice holds them."""
    if campaign and campaign.results_deleted_at:
        return Chosen(found.none(), 1, 0, columns)
    first = (campaign and campaign.first_result_id) or 1
    last = campaign.last_result_id if campaign else None
    if last is None:
        newest = SendResult.objects.order_by("-id").values_list("id", flat=True).first()
        last = newest or 0
    return Chosen(found, first, last, columns, last - first + 1 if are_few else 0)


def of_campaign(campaign: Campaign, statuses: Collection[str] | None = None) -> Chosen:
    found = SendResult.objects.filter(campaign=campaign)
    if statuses is not None:
        found = found.filter(status__in=statuses)
    return chosen(found, campaign, COLUMNS)


def write_results(
    campaign: Campaign, stream: TextIO, *, statuses: Collection[str] | None = None
) -> None:
    """To a text stream that was opened with `newline=""`."""
    stream.writelines(rows(campaign, statuses=statuses))


def write_file(campaign: Campaign, path: Path) -> None:
    """Excel's own format where the name ends with .xlsx, else CSV."""
    if path.suffix.lower() == ".xlsx":
        with path.open("wb") as stream:
            stream.writelines(of_campaign(campaign).xlsx())
        return
    with path.open("w", encoding="utf-8", newline="") as text:
        write_results(campaign, text)


def rows(
    campaign: Campaign, *, statuses: Collection[str] | None = None
) -> Iterator[str]:
    """The same file as pieces of text of many rows each."""
    return of_campaign(campaign, statuses).csv()


def _csv(lines: Any) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()
