"""What became of each row of an import, in the order of the file, with what to do about it.

Stored as codes, in packed pieces; the sentences are made for whoever downloads it.
"""

from __future__ import annotations

import csv
import io
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from django.utils.translation import gettext_lazy

from csms_campaigns.contacts_io import chunks
from csms_campaigns.contacts_io.cells import safe, safe_phone
from csms_campaigns.contacts_io.problems import sentence
from csms_campaigns.contacts_io.spool import Spool, SpooledRow
from csms_campaigns.contacts_io.upsert import Outcome
from csms_campaigns.states import ChunkKind

COLUMNS: Final = ("line", "phone", "outcome", "code", "what to do")
ROWS_OF_A_PIECE: Final = 20_000

OUTCOMES: Final = {
    Outcome.CREATED.value: "new",
    Outcome.UPDATED.value: "changed",
    Outcome.UNCHANGED.value: "unchanged",
}
DUPLICATE: Final = "duplicate"
INVALID: Final = "left out"
OPTED_OUT: Final = "opted_out"
SAME_PERSON: Final = "same_person"
OTHER_NAME: Final = "other_name"

_ADVICE: Final[dict[str, Any]] = {
    OPTED_OUT: gettext_lazy("Has opted out and is not texted. There is nothing to do."),
    SAME_PERSON: gettext_lazy(
        "The number stands in line %(line)s too: one person. There is nothing to do."
    ),
    OTHER_NAME: gettext_lazy(
        "The number stands in line %(line)s too, with another name; the later name stays. "
        "If they are two people, find out the other number."
    ),
}


def pieces(import_id: int, spool: Spool) -> Iterator[tuple[int, bytes]]:
    """Packed pieces of the report, each with how many rows are done."""
    outcomes = _outcomes(import_id, spool.row_count)
    found, done = [], 0
    for row in spool.rows():
        found.append(_stored(row, outcomes[row.ordinal]))
        done += 1
        if len(found) == ROWS_OF_A_PIECE:
            yield done, packed(found)
            found = []
    if found:
        yield done, packed(found)


def packed(found: Iterable[Sequence[Any]]) -> bytes:
    return zlib.compress(_csv(found).encode(), 1)


def unpacked(data: bytes) -> str:
    return zlib.decompress(data).decode()


def stored_rows(text: str) -> Iterator[list[str]]:
    """Line, number, outcome, code and what belongs to the code."""
    return csv.reader(io.StringIO(text, newline=""))


def _outcomes(import_id: int, row_count: int) -> bytearray:
    """By row: a byte each, so a million rows are a megabyte."""
    outcomes = bytearray(row_count)
    for piece in chunks.read(import_id, ChunkKind.OUTCOME):
        data = zlib.decompress(piece)
        ordinals = array("I")
        count = len(data) // (ordinals.itemsize + 1)
        ordinals.frombytes(data[: count * ordinals.itemsize])
        for ordinal, outcome in zip(ordinals, data[-count:], strict=True):
            outcomes[ordinal] = outcome
    return outcomes


def _stored(row: SpooledRow, outcome: int) -> tuple[Any, ...]:
    if row.code:
        return row.line, row.phone, INVALID, row.code, row.column
    if row.first_line:
        code = OTHER_NAME if row.is_other else SAME_PERSON
        return row.line, row.phone, DUPLICATE, code, row.first_line
    code = OPTED_OUT if outcome & Outcome.OPTED_OUT else ""
    return row.line, row.phone, OUTCOMES[outcome & 3], code, ""


def lines(import_id: int, *, only_problems: bool = False) -> Iterator[str]:
    """The CSV file for a person, in pieces; with `only_problems` what somebody should look at."""
    yield "\ufeff" + _csv([COLUMNS])
    for data in chunks.read(import_id, ChunkKind.REPORT):
        found = stored_rows(unpacked(data))
        yield _csv(_shown(row) for row in found if row[3] or not only_problems)


def _shown(row: list[str]) -> tuple[str, ...]:
    line, phone, outcome, code, extra = row
    return line, safe_phone(phone), outcome, code, safe(_advice(code, extra))


def _advice(code: str, extra: str) -> str:
    if not code:
        return ""
    if code in _ADVICE:
        return str(_ADVICE[code]) % {"line": extra}
    return sentence(code, extra)


def _csv(found: Any) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(found)
    return text.getvalue()
