"""Every recipient of a campaign, found by outcome, by reason and by number."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from csms_campaigns.admin.listing import LargeTableAdmin
from csms_campaigns.models import Batch, Campaign, Contact, SendResult
from csms_campaigns.states import BatchStatus, SendStatus
from tests.admin import pages
from tests.admin.conftest import phone


def shown(office: Client, **filters: Any) -> list[str]:
    page = office.get(pages.listing("sendresult"), filters)
    assert page.status_code == 200
    return sorted(result.phone for result in page.context["cl"].result_list)


def close(number: int, **outcome: Any) -> None:
    """One recipient has this outcome, and its batch is closed with it."""
    result = SendResult.objects.get(phone=phone(number))
    status = outcome["status"]
    SendResult.objects.filter(pk=result.pk).update(**outcome)
    Batch.objects.filter(pk=result.batch_id).update(
        status=BatchStatus.DONE, **{f"{status}_count": 1}
    )


@pytest.fixture
def mixed(sending: Campaign) -> Campaign:
    close(1000, status=SendStatus.SENT, message_id="m-1")
    close(1001, status=SendStatus.FAILED, error="<b>Refused</b>", error_code="E7")
    close(1002, status=SendStatus.UNKNOWN)
    return sending


@pytest.mark.parametrize(
    ("status", "numbers"),
    [
        ("sent", [1000]),
        ("failed", [1001]),
        ("unknown", [1002]),
        ("pending", [1003]),
        ("skipped", [1004]),
        ("cancelled", []),
        ("nonsense", [1000, 1001, 1002, 1003, 1004]),
    ],
)
def test_results_by_outcome(
    office: Client, mixed: Campaign, status: str, numbers: list[int]
) -> None:
    expected = [phone(number) for number in numbers]
    assert shown(office, campaign__id=mixed.pk, status=status) == expected
    assert shown(office, status=status) == expected


def test_results_by_the_reason_for_leaving_out(office: Client, mixed: Campaign) -> None:
    assert shown(office, skip_reason="opted_out") == [phone(1004)]
    assert shown(office, skip_reason="duplicate") == []
    assert len(shown(office, skip_reason="nonsense")) == 5


@pytest.mark.parametrize("chosen", ["0", "x", "99999", "9" * 40])
def test_an_unknown_campaign_has_no_results(
    office: Client, mixed: Campaign, chosen: str
) -> None:
    assert shown(office, campaign__id=chosen) == []


def test_a_campaign_is_found_by_its_range_of_ids(
    office: Client, mixed: Campaign
) -> None:
    page = office.get(pages.listing("sendresult"), {"campaign__id": mixed.pk})
    sql = str(page.context["cl"].queryset.query)
    assert f'"id" >= {mixed.first_result_id}' in sql
    assert f'"id" <= {mixed.last_result_id}' in sql


@pytest.mark.parametrize(
    ("term", "numbers"),
    [
        (phone(1001), [1001]),
        ("212 555 1001", [1001]),
        ("٢١٢٥٥٥١٠٠١", [1001]),
        ("+1212555100", [1000, 1001, 1002, 1003, 1004]),
        ("1001", [1001]),
        ("٥٥١٠٠١", [1001]),
        ("999", []),
        ("+1001", []),
        ("Person", [1000, 1001, 1002, 1003, 1004]),
        ("person 1001", [1001]),
        ("erson", []),
        ("\0", [1000, 1001, 1002, 1003, 1004]),
    ],
)
def test_results_are_found_by_number_and_by_name(
    office: Client, mixed: Campaign, term: str, numbers: list[int]
) -> None:
    assert shown(office, q=term) == [phone(number) for number in numbers]


def test_a_batch_leads_to_its_recipients_and_requests(
    office: Client, mixed: Campaign
) -> None:
    result = SendResult.objects.get(phone=phone(1001))
    assert shown(office, batch__id__exact=result.batch_id) == [phone(1001)]
    page = pages.text(office.get(pages.change(result)))
    assert f"?batch__id__exact={result.batch_id}" in page
    assert (
        office.get(
            pages.listing("attempt"), {"batch__id__exact": result.batch_id}
        ).status_code
        == 200
    )


def test_a_result_outlives_its_contact(office: Client, mixed: Campaign) -> None:
    Contact.objects.all().delete()
    result = SendResult.objects.get(phone=phone(1001))
    page = office.get(pages.change(result))
    assert page.status_code == 200
    assert "Hello Person 1001" in pages.text(page)


def test_the_words_of_the_gateway_are_escaped(office: Client, mixed: Campaign) -> None:
    page = pages.text(office.get(pages.listing("sendresult")))
    assert "&lt;b&gt;Refused&lt;/b&gt;" in page
    assert "<b>Refused</b>" not in page
    result = SendResult.objects.get(phone=phone(1001))
    assert "<b>Refused</b>" not in pages.text(office.get(pages.change(result)))


def test_a_name_beside_other_filters(office: Client, mixed: Campaign) -> None:
    """Few are meant by a name: they are looked up at once, from either end."""
    assert shown(office, q="person", status="unknown") == [phone(1002)]
    assert shown(office, q="Person", status="unknown", last=1) == [phone(1002)]
    assert shown(office, q="Person 1000", status="unknown") == []
    own = {"campaign__id": mixed.pk, "q": "Person"}
    assert shown(office, **own, status="failed") == [phone(1001)]
    assert len(shown(office, **own)) == 5


def test_pages_of_a_name(
    office: Client, mixed: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LargeTableAdmin, "list_per_page", 2)
    seen: list[str] = []
    link = "?q=Person"
    while link:
        page = office.get(pages.listing("sendresult") + link)
        changelist = page.context["cl"]
        seen += [result.phone for result in changelist.result_list]
        link = changelist.next_link
    assert sorted(seen) == [phone(1000 + number) for number in range(5)]
