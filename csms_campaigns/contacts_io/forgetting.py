"""Erasing a person from what imports have left: reports are kept for some weeks, and hold the
number of each row, as it was written where it was a bad one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from django.db.models import Q

from csms_campaigns.contacts_io import report
from csms_campaigns.contacts_io.rows import rows
from csms_campaigns.models import ContactImport, ImportChunk
from csms_campaigns.sms.numbers import InvalidNumber, normalise
from csms_campaigns.states import ChunkKind

LAST_DIGITS: Final = 8
"""In a bad cell nobody knows what is country code: so many digits are what tells a person."""

Told = Callable[[str], bool]


def forget(phone: str) -> int:
    """Of the number in E.164, wherever it is written; the line and its outcome stay. How many
    rows of reports. Files that wait for an import keep it."""
    reports = rows(ImportChunk).filter(kind=ChunkKind.REPORT).values("contact_import")
    found = rows(ContactImport).filter(
        Q(planned__has_key="examples") | Q(pk__in=reports)
    )
    return sum(_forget(job, phone) for job in found.order_by("pk"))


def _forget(job: ContactImport, phone: str) -> int:
    tells_of = _teller(phone, job.region or None)
    _forget_examples(job, tells_of)
    pieces = rows(ImportChunk).filter(contact_import=job.pk, kind=ChunkKind.REPORT)
    count = 0
    for pk in list(pieces.order_by("number").values_list("pk", flat=True)):
        count += _forget_in_piece(pieces.filter(pk=pk), phone, tells_of)
    return count


def _forget_in_piece(piece: Any, phone: str, tells_of: Told) -> int:
    text = report.unpacked(bytes(piece.values_list("data", flat=True).get()))
    # Reading each row of a million is what would take long.
    if phone not in text and f",{report.INVALID}," not in text:
        return 0
    kept, count = [], 0
    for line, number, *rest in report.stored_rows(text):
        is_theirs = number == phone or (rest[0] == report.INVALID and tells_of(number))
        kept.append([line, "" if is_theirs else number, *rest])
        count += is_theirs
    if count:
        piece.update(data=report.packed(kept))
    return count


def _forget_examples(job: ContactImport, tells_of: Told) -> None:
    examples = job.planned.get("examples", {})
    kept = {
        kind: [one for one in some if not tells_of(one["phone"])]
        for kind, some in examples.items()
    }
    if kept != examples:
        planned = {**job.planned, "examples": kept}
        rows(ContactImport).filter(pk=job.pk, stage=job.stage).update(planned=planned)


def _teller(phone: str, region: str | None) -> Told:
    """Whether a cell is this number, or is none and has its digits."""
    last = phone[-LAST_DIGITS:]

    def tells_of(cell: str) -> bool:
        if cell == phone:
            return True
        try:
            return normalise(cell, region) == phone
        except InvalidNumber:
            return last in "".join(_digits(cell))

    return tells_of


def _digits(cell: str) -> Iterator[str]:
    """Those of every script as ASCII."""
    return (str(int(digit)) for digit in re.findall(r"\d", cell))
