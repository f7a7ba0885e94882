from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from csms_campaigns.contacts_io import invalid_numbers
from csms_campaigns.models import (
    Batch,
    Campaign,
    Contact,
    ContactList,
    OptOut,
    SendResult,
)
from csms_campaigns.states import BatchStatus
from tests import factories

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture(autouse=True)
def three_people() -> ContactList:
    return factories.people(3)


def outcomes(*found: tuple[int, str, str], at: datetime = NOW) -> None:
    """One campaign: who, the status and the gateway's code."""
    campaign = Campaign.objects.create(name="c")
    failed = sum(status == "failed" for _who, status, _code in found)
    batch = Batch.objects.create(
        campaign=campaign,
        number=1,
        message="Hello",
        segments=1,
        size=len(found),
        status=BatchStatus.DONE,
        finished_at=at,
        failed_count=failed,
        sent_count=len(found) - failed,
    )
    for who, status, code in found:
        SendResult.objects.create(
            campaign=campaign,
            batch=batch,
            phone=factories.number(who),
            status=status,
            error_code=code,
            updated_at=at,
        )


def proposed() -> list[tuple[str, int]]:
    found = invalid_numbers.proposed().invalid
    return [(str(one.contact.phone), one.times) for one in found]


def test_twice_invalid_is_proposed_and_once_is_not() -> None:
    outcomes((0, "failed", "INVALID_NUMBER"), (1, "failed", "INVALID_NUMBER"))
    assert proposed() == []
    outcomes((0, "failed", "INVALID_NUMBER"), (1, "sent", ""))
    assert proposed() == [(factories.number(0), 2)]


def test_a_success_since_counts_and_one_before_does_not() -> None:
    outcomes((0, "failed", "INVALID_NUMBER"), (1, "sent", ""))
    outcomes((0, "failed", "INVALID_NUMBER"), (1, "failed", "INVALID_NUMBER"))
    outcomes((0, "sent", ""), (1, "failed", "INVALID_NUMBER"))
    assert proposed() == [(factories.number(1), 2)]


def test_a_cause_that_may_pass_is_no_proof() -> None:
    outcomes((0, "failed", "NETWORK_BUSY"))
    outcomes((0, "failed", "NETWORK_BUSY"))
    outcomes((0, "failed", "INVALID_NUMBER"))
    assert proposed() == []
    outcomes((0, "failed", "INVALID_NUMBER"))
    assert proposed() == [(factories.number(0), 2)]


def test_who_is_no_contact_is_not_shown() -> None:
    outcomes((0, "failed", "LANDLINE"))
    outcomes((0, "failed", "LANDLINE"))
    Contact.objects.filter(phone=factories.number(0)).delete()
    assert proposed() == []


def test_it_goes_on_behind_the_batches_that_were_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(invalid_numbers, "BATCHES", 2)
    for hours in (4, 3):
        outcomes((0, "failed", "LANDLINE"), at=NOW - timedelta(hours=hours))
    for hours in (2, 1):
        outcomes((1, "failed", "LANDLINE"), at=NOW - timedelta(hours=hours))
    first = invalid_numbers.proposed()
    assert [one.contact.name for one in first.invalid] == ["Person 1"]
    second = invalid_numbers.proposed(first.next_before)
    assert [one.contact.name for one in second.invalid] == ["Person 0"]
    assert invalid_numbers.proposed(second.next_before).next_before is None


def test_so_many_queries_for_any_number_of_people(
    django_assert_max_num_queries: Any,
) -> None:
    for _each in range(2):
        outcomes(*((who, "failed", "LANDLINE") for who in range(3)))
    with django_assert_max_num_queries(4):
        assert len(proposed()) == 3


def test_they_leave_all_lists_or_go_and_the_rest_stays(
    three_people: ContactList,
) -> None:
    outcomes((0, "sent", ""), (1, "sent", ""))
    first, second, third = Contact.objects.order_by("pk")
    OptOut.objects.create(phone=second.phone)
    assert invalid_numbers.leave_lists([first.pk]) == 1
    invalid_numbers.delete([second.pk])
    assert list(Contact.objects.order_by("pk")) == [first, third]
    assert list(three_people.contacts.all()) == [third]
    assert SendResult.objects.count() == 2
    assert OptOut.objects.count() == 1
