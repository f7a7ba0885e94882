"""People from the site's own tables: beside lists, each number once, and never by surprise."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.utils import timezone

from csms_campaigns.audiences import AudiencePerson
from csms_campaigns.engine import (
    audience,
    keeping,
    site_audiences,
    site_people,
)
from csms_campaigns.engine.composition import check_parts, known_attributes
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.recording import skip_opted_out
from csms_campaigns.models import Batch, Campaign, Contact, ContactList, SendResult
from tests import factories
from tests.engine import site
from tests.engine.frozen import check_frozen
from tests.polling import wait_until

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _audiences(settings: Any) -> None:
    settings.CSMS_CAMPAIGNS = {**settings.CSMS_CAMPAIGNS, "AUDIENCES": site.AUDIENCES}


def users(count: int, first: int = 0, city: str = "Riyadh") -> None:
    User.objects.bulk_create(
        User(
            username=factories.number(index),
            first_name=f"Member {index}",
            last_name=city,
        )
        for index in range(first, first + count)
    )


def ready(*names: str, message: str = "Hello", **options: Any) -> Campaign:
    campaign = factories.draft(0, message, audiences=names, **options)
    audience.review(campaign.pk)
    check_frozen(campaign)
    return campaign


def rows() -> list[tuple[Any, ...]]:
    columns = ("phone", "name", "status", "skip_reason", "error")
    return list(SendResult.objects.order_by("pk").values_list(*columns))


# What an audience may be


def test_a_queryset_alone() -> None:
    users(12)
    campaign = ready("members", message="Hi {{ name }} of {{ City }}", lists=[])
    assert campaign.audience_count == 12
    assert set(SendResult.objects.values_list("contact", flat=True)) == {None}
    results = SendResult.objects.order_by("pk").select_related("batch")
    assert [(r.name, r.batch.message) for r in results if r.batch][:2] == [
        ("Member 0", "Hi Member 0 of Riyadh"),
        ("Member 1", "Hi Member 1 of Riyadh"),
    ]


def test_a_generator_with_numbers_as_people_write_them() -> None:
    message = 'Your size: {{ SHOE size|default:"?" }}'
    campaign = ready("hand_written", message=message, lists=[])
    assert rows() == [
        ("+12125550101", "Ann", "pending", "", ""),
        ("+966501234567", "نورة", "pending", "", ""),
        (None, "Bob", "skipped", "invalid_phone", "not a number"),
        (None, "Ann again", "skipped", "duplicate", "+12125550101"),
    ]
    texts = Batch.objects.order_by("number").values_list("message", flat=True)
    assert list(texts) == ["Your size: 44", "Your size: 38"]
    assert campaign.skipped_counts == {"invalid_phone": 1, "duplicate": 1}


def test_each_way_of_writing_a_person() -> None:
    ready("kinds", message="From {{ city }}", lists=[])
    assert sorted((phone, name) for phone, name, *_rest in rows()) == [
        ("+12125550101", "A"),
        ("+12125550102", "B"),
        ("+12125550103", "C"),
        ("+12125550104", "D"),
        ("+12125550105", ""),
    ]
    assert Batch.objects.get().size == 5


def test_half_a_character_of_one_person_stops_nobody() -> None:
    campaign = ready("broken", message="From {{ city }}", lists=[])
    assert campaign.audience_count == 2
    assert [row[1] for row in rows()] == ["A\ufffd", "B"]
    assert set(Batch.objects.values_list("message", flat=True)) == {
        "From \U0001f600\ufffd"
    }


def test_whole_rows_of_a_queryset() -> None:
    factories.people(3, city="Riyadh")
    ready("contacts", message="From {{ city }}", lists=[])
    assert [row[:2] for row in rows()] == [
        (factories.number(i), f"Person {i}") for i in range(3)
    ]


def test_what_stands_in_the_setting_may_be_any_callable() -> None:
    users(2)
    assert ready("everybody", lists=[]).audience_count == 2


# With lists, and with each other


def test_who_is_a_contact_too_is_reached_once() -> None:
    chosen = factories.people(5)
    users(6, first=3)
    campaign = ready("members", lists=[chosen])
    assert campaign.audience_count == 11
    assert campaign.skipped_counts == {"duplicate": 2}
    assert SendResult.objects.filter(phone=factories.number(3)).count() == 1
    assert [b.size for b in Batch.objects.order_by("number")] == [5, 4]


def test_two_audiences_reach_nobody_twice() -> None:
    users(7)
    campaign = ready("members", "everybody", lists=[])
    assert campaign.skipped_counts == {"duplicate": 7}
    assert campaign.batch_count == 2


def test_who_is_in_an_excluded_list_is_not_in_the_audience() -> None:
    users(6)
    without = factories.people(2, "Staff")
    campaign = ready("members", lists=[], exclude_lists=[without])
    assert campaign.audience_count == 4
    assert campaign.skipped_counts == {}


def test_opt_outs_hold_when_it_is_prepared_and_when_it_is_taken() -> None:
    users(4)
    factories.opt_out([factories.number(0)])
    campaign = ready("members", lists=[])
    assert campaign.skipped_counts == {"opted_out": 1}
    factories.opt_out([factories.number(1)])
    skip_opted_out(Batch.objects.get())
    left_out = SendResult.objects.filter(skip_reason="opted_out")
    assert set(left_out.values_list("phone", flat=True)) == {
        factories.number(0),
        factories.number(1),
    }


def test_a_second_review_reads_it_anew() -> None:
    users(3)
    campaign = ready("members", lists=[])
    users(2, first=3)
    audience.review(campaign.pk)
    check_frozen(campaign)
    assert campaign.audience_count == 5


# What goes wrong says so


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("failing", "ValueError: the shop is closed."),
        ("failing_later", "ValueError: the shop is closed."),
        ("not_iterable", "TypeError: 'int' object is not iterable."),
        ("without_phone", "holds somebody without a phone: dict."),
    ],
)
def test_a_fault_of_the_sites_code_ends_in_a_draft_with_one_sentence(
    name: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    campaign = factories.draft(0, audiences=[name], lists=[])
    with pytest.raises(CampaignError) as refused:
        audience.review(campaign.pk)
    assert str(refused.value).startswith(f"The audience “{name}” ")
    assert str(refused.value).endswith(words)
    campaign.refresh_from_db()
    assert (campaign.status, campaign.status_reason) == ("draft", str(refused.value))
    assert not SendResult.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_query_that_is_wrong_is_not_tried_for_ever() -> None:
    campaign = factories.draft(0, audiences=["failing_query"], lists=[])
    with pytest.raises(CampaignError, match="could not be read: .*no_such_column"):
        audience.review(campaign.pk)
    campaign.refresh_from_db()
    assert campaign.status == "draft"


def test_a_database_that_is_away_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its lease runs out, and the tick starts another process."""

    def away() -> None:
        message = "database is locked"
        raise OperationalError(message)

    campaign = factories.draft(0, audiences=["members"], lists=[])
    monkeypatch.setattr(site, "members", away)
    with pytest.raises(OperationalError):
        audience.review(campaign.pk)
    campaign.refresh_from_db()
    assert campaign.status == "preparing"


def test_an_audience_of_nobody() -> None:
    campaign = factories.draft(0, audiences=["nobody"], lists=[])
    with pytest.raises(CampaignError, match="empty"):
        audience.review(campaign.pk)


def test_an_audience_that_the_site_has_no_longer(settings: Any) -> None:
    campaign = factories.draft(0, audiences=["members"], lists=[])
    settings.CSMS_CAMPAIGNS = {**settings.CSMS_CAMPAIGNS, "AUDIENCES": {}}
    with pytest.raises(CampaignError, match="no audience “members” any more") as no:
        audience.review(campaign.pk)
    assert no.value.code == "no_such_audience"


def test_neither_a_list_nor_an_audience() -> None:
    with pytest.raises(CampaignError, match="contact list or audience") as no:
        check_parts(message="Hi", list_ids=[], account="default")
    assert no.value.code == "no_list"


# Its placeholders


def test_its_attributes_are_placeholders() -> None:
    users(1)
    known = known_attributes([], ["members", "hand_written"])
    assert known == ["name", "phone", "city", "shoe size"]
    with pytest.raises(CampaignError, match="{{ town }}"):
        check_parts(
            message="{{ town }}", list_ids=[], account="default", audiences=["members"]
        )


def test_who_has_no_value_is_left_out() -> None:
    ready("hand_written", message='{{ city|default:"x" }} {{ shoe size }}', lists=[])
    left_out = SendResult.objects.filter(skip_reason="missing_placeholder")
    assert not left_out.exists()
    users(2, city="")
    ready("members", message="In {{ city }}", lists=[people_of_riyadh()])
    assert left_out.filter(name__startswith="Member").count() == 2


def people_of_riyadh() -> ContactList:
    chosen = ContactList.objects.create(name="Riyadh")
    person = Contact.objects.create(
        phone="+966501230000", name="R", attributes={"city": "Riyadh"}
    )
    person.lists.add(chosen)
    return chosen


# Large


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def source(_name: str) -> Iterator[AudiencePerson]:
        for index in range(int(threading.current_thread().name.rpartition("-")[2])):
            yield AudiencePerson(f"+1212{index:07}", f"Somebody {index}")

    name = threading.current_thread().name
    monkeypatch.setattr(site_audiences, "_source", source)
    monkeypatch.setattr(site_people, "SLICE", 1000)
    yield
    threading.current_thread().name = name


def peak(count: int) -> int:
    threading.current_thread().name = f"count-{count}"
    campaign = factories.draft(0, audiences=["members"], lists=[])
    tracemalloc.start()
    try:
        audience.review(campaign.pk)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.usefixtures("endless")
def test_ten_times_the_people_need_no_more_memory() -> None:
    peak(2000)
    assert peak(20_000) < 1.3 * peak(3000)


@pytest.mark.django_db(transaction=True)
def test_the_lease_is_renewed_while_the_sites_code_is_busy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = factories.draft()
    token = audience.begin(campaign.pk)
    late = timezone.now() - timedelta(seconds=1)
    Campaign.objects.filter(pk=campaign.pk).update(prepare_lease_until=late)
    monkeypatch.setattr(keeping, "EVERY", 0.05)
    ours = Campaign.objects.filter(pk=campaign.pk, prepare_lease_until__gt=late)
    with keeping.kept(campaign.pk, token):
        wait_until(ours.exists)
    assert not any(t.name.startswith("csms-lease") for t in threading.enumerate())


@pytest.mark.django_db(transaction=True)
def test_a_lease_that_was_lost_is_not_taken_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = factories.draft()
    token = audience.begin(campaign.pk)
    Campaign.objects.filter(pk=campaign.pk).update(
        prepare_token=None, prepare_lease_until=None
    )
    monkeypatch.setattr(keeping, "EVERY", 0.01)
    with keeping.kept(campaign.pk, token):
        wait_until(
            lambda: (
                not any(t.name.startswith("csms-lease") for t in threading.enumerate())
            )
        )
    campaign.refresh_from_db()
    assert campaign.prepare_lease_until is None
