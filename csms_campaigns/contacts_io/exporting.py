"""A campaign's results as CSV: a slice at a time, by keyset, at a million rows as at ten.

Each slice is a short statement of its own. One long cursor would keep a snapshot open for as
long as somebody's download takes, and that slows the claims of running campaigns down.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator
from typing import Any, Final, TextIO

from django.db import connections, router

from csms_campaigns.contacts_io.cells import safe, safe_phone
from csms_campaigns.models import Batch, Campaign, Contact, SendResult

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
SLICE_ROWS: Final = 10_000

_UTC: Final = {
    "postgresql": (
        "to_char(r.updated_at AT TIME ZONE 'UTC',"
        """ 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
    ),
    "sqlite": "strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', r.updated_at)",
}


def write_results(
    campaign: Campaign, stream: TextIO, *, statuses: Collection[str] | None = None
) -> None:
    """To a text stream that was opened with `newline=""`."""
    stream.writelines(rows(campaign, statuses=statuses))


def rows(
    campaign: Campaign, *, statuses: Collection[str] | None = None
) -> Iterator[str]:
    """The same file as pieces of text of many rows each, for a streamed HTTP response."""
    yield _csv([COLUMNS])
    for results in _slices(campaign, statuses):
        yield _csv(map(_cells, results))


def _cells(result: tuple[Any, ...]) -> tuple[Any, ...]:
    _id, phone, name, status, message_id, code, error, skip_reason, *rest = result
    return (
        safe_phone(phone or ""),
        safe(name or ""),
        status,
        safe(message_id),
        safe(code),
        safe(error),
        skip_reason,
        *rest,
    )


def _csv(lines: Any) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()


def _slices(
    campaign: Campaign, statuses: Collection[str] | None
) -> Iterator[list[tuple[Any, ...]]]:
    connection = connections[router.db_for_read(SendResult)]
    sql, params = _statement(connection.vendor, campaign, statuses)
    after = (campaign.first_result_id or 1) - 1
    while True:
        with connection.cursor() as cursor:
            cursor.execute(sql, [after, *params])
            results = cursor.fetchall()
        if results:
            yield results
        if len(results) < SLICE_ROWS:
            return
        after = results[-1][0]


def _statement(
    vendor: str, campaign: Campaign, statuses: Collection[str] | None
) -> tuple[str, list[Any]]:
    conditions = ["r.id > %s", "r.campaign_id = %s"]
    params: list[Any] = [campaign.pk]
    if campaign.last_result_id is not None:
        conditions.append("r.id <= %s")
        params.append(campaign.last_result_id)
    if statuses is not None:
        places = ", ".join(["%s"] * len(statuses)) or "NULL"
        conditions.append(f"r.status IN ({places})")
        params.extend(statuses)
    sql = (
        "SELECT r.id, r.phone, c.name, r.status, r.message_id, r.error_code, r.error,"  # noqa: S608 - constants only
        f" r.skip_reason, b.segments, {_UTC[vendor]}"
        f" FROM {SendResult._meta.db_table} AS r"
        f" LEFT JOIN {Batch._meta.db_table} AS b ON b.id = r.batch_id"
        f" LEFT JOIN {Contact._meta.db_table} AS c ON c.id = r.contact_id"
        f" WHERE {' AND '.join(conditions)} ORDER BY r.id LIMIT {SLICE_ROWS}"
    )
    return sql, params
