"""The file of results: exact, safe in a spreadsheet, in slices."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from csms_campaigns.contacts_io import slices
from csms_campaigns.contacts_io.cells import safe
from csms_campaigns.contacts_io.exporting import rows, write_results
from csms_campaigns.models import Batch, Campaign, Contact, SendResult
from csms_campaigns.states import SendStatus, SkipReason

pytestmark = pytest.mark.django_db

HEADER = (
    "phone,name,status,message_id,error_code,error,skip_reason,segments,updated_at\n"
)
AT = datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)


@pytest.fixture
def campaign() -> Campaign:
    return Campaign.objects.create(name="Spring", message="Hello")


@pytest.fixture
def batch(campaign: Campaign) -> Batch:
    return Batch.objects.create(
        campaign=campaign, number=1, message="Hello", segments=2
    )


def add(campaign: Campaign, **fields: Any) -> SendResult:
    return SendResult.objects.create(campaign=campaign, **fields)


def exported(campaign: Campaign, **options: Any) -> list[dict[str, str]]:
    stream = io.StringIO(newline="")
    write_results(campaign, stream, **options)
    return list(csv.DictReader(io.StringIO(stream.getvalue(), newline="")))


def test_a_sent_result_with_all_its_columns(campaign: Campaign, batch: Batch) -> None:
    ann = Contact.objects.create(phone="+12125550101", name="Ann, Lee")
    add(
        campaign,
        contact=ann,
        batch=batch,
        phone="+12125550101",
        status=SendStatus.SENT,
        message_id="m-1",
        updated_at=AT.astimezone(timezone(timedelta(hours=3))),
    )
    stream = io.StringIO(newline="")
    write_results(campaign, stream)
    assert stream.getvalue() == HEADER + (
        '+12125550101,"Ann, Lee",sent,m-1,,,,2,2026-03-01T12:30:15.250Z\n'
    )


def test_a_campaign_without_results_has_a_header(campaign: Campaign) -> None:
    assert "".join(rows(campaign)) == HEADER


def test_who_has_no_contact_batch_or_number(campaign: Campaign) -> None:
    gone = Contact.objects.create(phone="+12125550101", name="Ann")
    add(campaign, contact=gone, phone="+12125550101")
    Contact.objects.all().delete()
    add(
        campaign,
        status=SendStatus.SKIPPED,
        skip_reason=SkipReason.INVALID_PHONE,
        error="12-ab",
    )
    first, second = exported(campaign)
    assert (first["phone"], first["name"], first["segments"]) == (
        *("+12125550101", ""),
        "",
    )
    assert first["updated_at"] == ""
    assert (second["phone"], second["error"]) == ("", "12-ab")
    assert second["skip_reason"] == "invalid_phone"


def test_no_part_of_a_cell_is_a_formula_where_semicolons_part_them(
    campaign: Campaign,
) -> None:
    """Excel opens a .csv file by the separator of its country."""
    name = "Ann;=cmd|' /C calc'!A0;x"
    error = "a\n =1;\u3000＝2;3, 4\t-5"
    evil = Contact.objects.create(phone="+12125550101", name=name)
    add(campaign, contact=evil, phone="+12125550101", error=error, message_id=";=1")
    text = "".join(rows(campaign)).splitlines()[1:]
    cells = [cell.strip(' \u3000\xa0"') for line in text for cell in line.split(";")]
    assert len(cells) > 5
    assert [cell for cell in cells if cell[:1] in set("=＝-@")] == []
    (row,) = exported(campaign)
    assert (row["name"], row["message_id"]) == (safe(name), ";'=1")
    assert row["error"] == "a\n '=1;\u3000'＝2;3, 4\t'-5"


def test_no_cell_is_a_formula_and_the_phone_stays_exact(campaign: Campaign) -> None:
    evil = Contact.objects.create(phone="+12125550101", name="=HYPERLINK(1)")
    add(
        campaign,
        contact=evil,
        phone="+12125550101",
        status=SendStatus.FAILED,
        message_id="@id",
        error_code="-1",
        error='+cmd\n"x"',
    )
    (row,) = exported(campaign)
    assert row["phone"] == "+12125550101"
    assert row["name"] == "'=HYPERLINK(1)"
    assert row["message_id"] == "'@id"
    assert row["error_code"] == "'-1"
    assert row["error"] == '\'+cmd\n"x"'


def test_only_the_wanted_statuses_and_only_this_campaign(campaign: Campaign) -> None:
    other = Campaign.objects.create(name="Other")
    add(campaign, phone="+12125550101", status=SendStatus.SENT)
    add(other, phone="+12125550101", status=SendStatus.SENT)
    add(campaign, phone="+12125550102", status=SendStatus.FAILED)
    add(campaign, phone="+12125550103", status=SendStatus.UNKNOWN)
    wanted = [SendStatus.FAILED, SendStatus.UNKNOWN]
    assert [row["phone"] for row in exported(campaign, statuses=wanted)] == [
        "+12125550102",
        "+12125550103",
    ]
    assert exported(campaign, statuses=[]) == []
    assert len(exported(campaign)) == 3


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 6, 7])
@pytest.mark.parametrize("has_range", [True, False])
def test_slices_join_without_a_gap(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch, count: int, has_range: bool
) -> None:
    monkeypatch.setattr(slices, "SLICE_ROWS", 3)
    other = Campaign.objects.create(name="Other")
    phones = [f"+121255501{i:02}" for i in range(count)]
    results = []
    for phone in phones:
        add(other, phone=phone)
        results.append(add(campaign, phone=phone))
    if has_range and results:
        campaign.first_result_id, campaign.last_result_id = (
            results[0].pk,
            results[-1].pk,
        )
    assert [row["phone"] for row in exported(campaign)] == phones


def test_each_slice_is_one_statement(
    campaign: Campaign, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "SLICE_ROWS", 100)
    SendResult.objects.bulk_create(
        SendResult(campaign=campaign, batch=batch, phone=f"+1212555{i:04}")
        for i in range(250)
    )
    ids = SendResult.objects.order_by("id").values_list("id", flat=True)
    campaign.first_result_id, campaign.last_result_id = ids[0], ids[249]
    with CaptureQueriesContext(connection) as queries:
        pieces = list(rows(campaign))
    assert len(queries) == 3
    assert len(pieces) == 4
    assert all(piece.endswith("\n") for piece in pieces)


def test_a_slice_is_found_by_the_primary_key(campaign: Campaign) -> None:
    add(campaign, phone="+12125550101")
    with CaptureQueriesContext(connection) as queries:
        list(rows(campaign))
    explain = "EXPLAIN " if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN "
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # One row would be read without an index.
            cursor.execute("SET LOCAL enable_seqscan = off")
        sql = queries[-1]["sql"]
        inner = re.search(r"FROM \((SELECT .*)\) AS q", sql, re.DOTALL)
        cursor.execute(explain + (inner[1] if inner else sql))
        plan = " ".join(str(row) for row in cursor.fetchall())
    assert "sendresult_pkey" in plan or "INTEGER PRIMARY KEY" in plan
    assert "contact_pkey" in plan or "SEARCH U0 USING INTEGER PRIMARY KEY" in plan
