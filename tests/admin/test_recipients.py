"""Recipients by cause, decision, time and list; their story; and all of them as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from csms_campaigns.admin import result_listing
from csms_campaigns.models import Batch, Campaign, Contact, ContactList, SendResult
from csms_campaigns.states import BatchStatus, SendStatus
from tests.admin import pages
from tests.admin.conftest import phone
from tests.admin.test_results import close, shown

EXPORT = "admin:csms_campaigns_sendresult_export"


@pytest.fixture
def mixed(sending: Campaign) -> Campaign:
    close(1000, status=SendStatus.SENT, message_id="m-1", updated_at=timezone.now())
    close(1001, status=SendStatus.FAILED, error="=Refused", error_code="E7")
    close(1002, status=SendStatus.UNKNOWN)
    return sending


def exported(office: Client, form: str, **filters: Any) -> bytes:
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    response = office.post(f"{reverse(EXPORT)}?{query}", {"format": form})
    assert response.status_code == 200
    return b"".join(response)


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        ({"cause": "E7"}, [1001]),
        ({"cause": "E8"}, []),
        ({"decision": "none"}, [1002]),
        ({"decision": "sent"}, []),
        ({"time": "hour"}, [1000]),
        ({"time": "yesterday"}, []),
        ({"time": "nonsense"}, [1000, 1001, 1002, 1003, 1004]),
    ],
)
@pytest.mark.parametrize("few", [0, 300])
@pytest.mark.parametrize("window", [1, 20_000])
def test_found_on_the_way_and_through_the_batches(
    office: Client,
    mixed: Campaign,
    monkeypatch: pytest.MonkeyPatch,
    filters: dict[str, str],
    numbers: list[int],
    few: int,
    window: int,
) -> None:
    monkeypatch.setattr(result_listing, "FEW_BATCHES", few)
    monkeypatch.setattr(result_listing, "WINDOW", window)
    Batch.objects.filter(status=BatchStatus.DONE).update(finished_at=timezone.now())
    expected = [phone(number) for number in numbers]
    assert shown(office, **filters) == expected
    assert shown(office, campaign__id=mixed.pk, **filters) == expected
    assert shown(office, last="1", **filters) == expected


def test_by_list(office: Client, mixed: Campaign) -> None:
    some = ContactList.objects.create(name="Some")
    some.contacts.add(Contact.objects.get(phone=phone(1003)))
    assert shown(office, list=some.pk) == [phone(1003)]
    assert shown(office, list=some.pk, status="sent") == []


def test_what_takes_too_long_is_gone_on_with_on_the_next_page(
    office: Client, mixed: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"WINDOW": 1, "BUDGET": -1, "FEW_BATCHES": -1}.items():
        monkeypatch.setattr(result_listing, name, value)
    address, found, query = pages.listing("sendresult"), [], "?status=sent"
    for _page in range(20):
        changelist = office.get(address + query).context["cl"]
        found += [row.phone for row in changelist.result_list]
        if not (query := changelist.next_link):
            break
    assert found == [phone(1000)]


def test_causes_with_counts_lead_to_who(office: Client, mixed: Campaign) -> None:
    address = reverse("admin:csms_campaigns_sendresult_causes", args=[mixed.pk])
    page = pages.text(office.get(address))
    assert "1 recipients failed." in page
    assert f"?campaign__id={mixed.pk}&amp;cause=E7" in page
    assert office.get(address.replace(str(mixed.pk), "99999")).status_code == 404


def test_the_story_of_a_recipient(office: Client, mixed: Campaign) -> None:
    result = SendResult.objects.get(phone=phone(1000))
    page = pages.text(office.get(pages.change(result)))
    assert "csms-story" in page
    assert "m-1" in page


def test_csv_with_the_filters_of_the_list(office: Client, mixed: Campaign) -> None:
    text = exported(office, "csv", campaign__id=mixed.pk, status="failed").decode()
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["phone"], row["error"]) == (phone(1001), "'=Refused")
    assert (row["campaign"], row["name"]) == ("Spring", "Person 1001")
    entry = LogEntry.objects.latest("pk")
    assert entry.object_id == str(mixed.pk)
    assert "Exported" in entry.change_message


def test_csv_for_spreadsheets_has_a_mark_and_numbers_as_text(
    office: Client, mixed: Campaign
) -> None:
    data = exported(office, "spreadsheet")
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert len(rows) == 5
    assert {row["phone"][:2] for row in rows} == {"'+"}


def test_excel_keeps_numbers_and_formulas_as_text(
    office: Client, mixed: Campaign
) -> None:
    book = openpyxl.load_workbook(io.BytesIO(exported(office, "xlsx")))
    rows = list(book.active.iter_rows(values_only=True))
    assert rows[0][0] == "phone"
    assert rows[2][0] == phone(1001)
    assert rows[2][5] == "=Refused"
    assert book.active["F3"].data_type == "s"


def test_only_who_may_exports(
    browse: Callable[..., Client], onlooker: User, mixed: Campaign
) -> None:
    client = browse(onlooker)
    assert client.post(reverse(EXPORT), {"format": "csv"}).status_code == 403
    assert "csms-format" not in pages.text(client.get(pages.listing("sendresult")))


def test_an_export_is_a_post_of_a_known_format(office: Client, mixed: Campaign) -> None:
    assert office.get(reverse(EXPORT)).status_code == 405
    assert office.post(reverse(EXPORT), {"format": "pdf"}).status_code == 302
