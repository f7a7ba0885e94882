"""Prepare: who is reached, with which text, and nobody twice or lost, whoever dies meanwhile."""

from __future__ import annotations

import tracemalloc
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.utils import timezone

from csms_campaigns.engine import audience, lifecycle, people, ticking, writing
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.models import Batch, Campaign, Contact, ContactList, SendResult
from csms_campaigns.signals import campaign_status_changed
from csms_campaigns.states import CampaignStatus
from tests import factories
from tests.engine.crowds import crowd
from tests.engine.frozen import check_frozen
from tests.engine.scenes import heard, together, told

pytestmark = pytest.mark.django_db

S = CampaignStatus


class Killed(BaseException):
    """The process dies: nothing of ours catches it, so nothing is tidied up."""


def reasons(campaign: Campaign) -> dict[str, str]:
    """Why each contact was left out, by name."""
    names = dict(Contact.objects.values_list("pk", "name"))
    left_out = SendResult.objects.filter(campaign=campaign, status="skipped")
    return {
        names[pk]: why for pk, why in left_out.values_list("contact", "skip_reason")
    }


def raw_contact(phone: str, *lists: ContactList, **fields: Any) -> Contact:
    """A row as an older version or another program may have left it."""
    contact = Contact.objects.create(phone="+12125559998", **fields)
    contact.lists.set(lists)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE csms_campaigns_contact SET phone = %s WHERE id = %s",
            [phone, contact.pk],
        )
    return contact


# Who


def test_a_person_in_two_lists_is_one_recipient() -> None:
    first = factories.people(6, "A")
    second = factories.people(4, "B")
    second.contacts.add(*first.contacts.all()[:3])
    campaign = factories.ready(lists=[first, second])
    check_frozen(campaign)
    assert campaign.audience_count == 10
    assert campaign.skipped_counts == {}


def test_people_of_no_chosen_list_are_not_reached() -> None:
    chosen = factories.people(3, "A")
    factories.people(3, "B")
    campaign = factories.ready(lists=[chosen])
    reached = set(SendResult.objects.values_list("contact", flat=True))
    assert reached == set(chosen.contacts.values_list("pk", flat=True))
    assert campaign.audience_count == 3


def test_who_is_left_out_is_kept_with_the_reason() -> None:
    chosen = factories.people(8, city="Riyadh")
    factories.opt_out([factories.number(0), factories.number(1)])
    Contact.objects.filter(name="Person 2").update(attributes={})
    Contact.objects.filter(name="Person 3").update(attributes={"city": "  "})
    raw_contact("0501234567", chosen, name="Old", attributes={"city": "Riyadh"})
    campaign = factories.ready(message="Hi {{ city }}", lists=[chosen])
    check_frozen(campaign)
    assert reasons(campaign) == {
        "Person 0": "opted_out",
        "Person 1": "opted_out",
        "Person 2": "missing_placeholder",
        "Person 3": "missing_placeholder",
        "Old": "invalid_phone",
    }
    assert campaign.skipped_counts == {
        "opted_out": 2,
        "missing_placeholder": 2,
        "invalid_phone": 1,
    }


def test_an_invalid_number_stands_in_the_error_and_not_in_the_number() -> None:
    chosen = factories.people(1)
    raw_contact("0501234567", chosen, name="Old")
    factories.ready(lists=[chosen])
    left_out = SendResult.objects.get(status="skipped")
    assert (left_out.phone, left_out.error) == (None, "0501234567")
    assert str(left_out) == "0501234567"


def test_a_missing_placeholder_is_named() -> None:
    chosen = factories.people(2, city="Riyadh")
    Contact.objects.filter(name="Person 1").update(attributes={"town": "x"})
    factories.ready(message="{{ name }} of {{ City }}", lists=[chosen])
    left_out = SendResult.objects.get(status="skipped")
    assert (left_out.error, left_out.phone) == ("city", factories.number(1))


def test_an_opt_out_of_somebody_else_leaves_nobody_out() -> None:
    factories.opt_out(["+12125550000"])
    assert factories.ready(3).skipped_counts == {}


# Which text


def texts() -> dict[str, str]:
    found = SendResult.objects.exclude(batch=None)
    return dict(found.values_list("phone", "batch__message"))


def test_each_gets_their_own_text_and_equal_texts_share_a_request() -> None:
    chosen = factories.people(40, city="Riyadh")
    factories.people(40, city="جدة")
    campaign = factories.ready(message="Hi {{ city }}", lists=[chosen])
    batches = check_frozen(campaign)
    assert [(b.message, b.size) for b in batches] == [
        ("Hi Riyadh", 5),
        ("Hi Riyadh", 35),
        ("Hi جدة", 40),
    ]
    assert texts()[factories.number(3)] == "Hi Riyadh"
    assert texts()[factories.number(43)] == "Hi جدة"


def test_name_phone_and_defaults() -> None:
    chosen = factories.people(2)
    Contact.objects.filter(name="Person 1").update(name="")
    message = 'Dear {{ Name|default:"friend" }}, {{ phone }}'
    factories.ready(message=message, lists=[chosen])
    assert texts() == {
        factories.number(0): f"Dear Person 0, {factories.number(0)}",
        factories.number(1): f"Dear friend, {factories.number(1)}",
    }


def test_the_name_column_is_stronger_than_an_attribute_of_that_name() -> None:
    chosen = factories.people(2, name="Attribute")
    Contact.objects.filter(name="Person 1").update(name="")
    factories.ready(message="{{ name }}", lists=[chosen])
    assert texts() == {
        factories.number(0): "Person 0",
        factories.number(1): "Attribute",
    }


def test_line_ends_are_normalised_before_they_are_counted() -> None:
    message = "م" * 68 + "\r\nم"
    [batch] = check_frozen(factories.ready(1, message))
    assert batch.message == "م" * 68 + "\nم"
    assert batch.segments == 1


def test_arabic_costs_what_it_costs() -> None:
    chosen = factories.people(3, city="الرياض")
    message = "مرحبا {{ name }} من {{ city }} " + "س" * 50
    campaign = factories.ready(message=message, lists=[chosen])
    batches = check_frozen(campaign)
    assert {b.segments for b in batches} == {2}
    assert campaign.segment_count == 6


@pytest.mark.parametrize("size", [1, 4, 5, 30])
def test_no_request_has_more_numbers_than_the_account_may(
    configure: Any, size: int
) -> None:
    configure(BATCH_SIZE=size)
    batches = check_frozen(factories.ready(61), size)
    full = [b.size for b in batches[1:-1]]
    assert set(full) <= {size}
    assert batches[0].size == min(5, size)


# Many


def test_45000_people_with_texts_of_their_own_over_many_slices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(people, "SLICE", 7000)
    chosen = crowd(45_000, cities=50)
    factories.opt_out(f"+{121230000000 + i}" for i in range(0, 45_000, 450))
    campaign = factories.ready(message="Offer in {{ city }}", lists=[chosen])
    batches = check_frozen(campaign)
    assert campaign.audience_count == 45_000
    assert campaign.skipped_counts == {"opted_out": 100}
    # City 0 has all who opted out; City 1 has the canary: 900 = 5 + 8 * 100 + 95.
    requests = Counter(b.message.removeprefix("Offer in ") for b in batches)
    assert requests.pop("City 0") == 8
    assert requests.pop("City 1") == 10
    assert requests == {f"City {i}": 9 for i in range(2, 50)}


def test_the_same_people_without_a_placeholder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(people, "SLICE", 999)
    campaign = factories.ready(lists=[crowd(10_000)])
    batches = check_frozen(campaign)
    assert [b.size for b in batches] == [5, *[100] * 99, 95]


def peak(count: int) -> int:
    """Bytes that preparing so many people needs at most."""
    Contact.objects.all().delete()
    campaign = factories.draft(
        message="Hi {{ city }}", lists=[crowd(count, name=str(count))]
    )
    tracemalloc.start()
    try:
        audience.review(campaign.pk)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_ten_times_the_people_need_no_more_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(people, "SLICE", 1000)
    peak(2000)  # Caches and imports are paid for here.
    assert peak(50_000) < 1.3 * peak(5000)


# Again, twice, and by a second process


def test_a_second_review_of_a_ready_campaign_sees_who_came_and_went() -> None:
    chosen = factories.people(10)
    campaign = factories.ready(lists=[chosen])
    chosen.contacts.remove(*chosen.contacts.all()[:4])
    factories.people(3)
    factories.opt_out([factories.number(9)])
    promised = audience.review(campaign.pk)
    assert (promised.recipients, promised.skipped) == (8, {"opted_out": 1})
    check_frozen(campaign)


def test_the_signal_of_each_step_comes_after_its_commit(
    django_capture_on_commit_callbacks: Any,
) -> None:
    campaign = factories.draft()
    with (
        heard(campaign_status_changed) as said,
        django_capture_on_commit_callbacks(execute=True),
    ):
        audience.review(campaign.pk)
        assert said == []
    assert [(one["campaign_id"], one["status"]) for one in said] == [
        (campaign.pk, "preparing"),
        (campaign.pk, "ready"),
    ]


def sliced(monkeypatch: pytest.MonkeyPatch, size: int = 10) -> None:
    monkeypatch.setattr(people, "SLICE", size)


Step = Callable[[int], object]


def after_slices(monkeypatch: pytest.MonkeyPatch, count: int, step: Step) -> None:
    """`step(campaign_id)` happens once, when so many slices stand in the database."""
    done: list[int] = []

    def counting(campaign_id: int) -> None:
        done.append(campaign_id)
        if len(done) == count:
            step(campaign_id)

    each_slice(monkeypatch, counting)


def each_slice(monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    """`step(campaign_id)` happens after each slice has been committed."""
    one_slice = writing.one_slice

    @contextmanager
    def telling(campaign_id: int, *rest: Any) -> Iterator[None]:
        with one_slice(campaign_id, *rest):
            yield
        step(campaign_id)

    monkeypatch.setattr(writing, "one_slice", telling)


def die(campaign_id: int) -> None:
    raise Killed


def lease_over(campaign: Campaign) -> None:
    """A minute passes."""
    late = timezone.now() - timedelta(seconds=1)
    Campaign.objects.filter(pk=campaign.pk).update(prepare_lease_until=late)


def killed_in_preparation(monkeypatch: pytest.MonkeyPatch) -> Campaign:
    sliced(monkeypatch)
    campaign = factories.draft(45)
    after_slices(monkeypatch, 2, die)
    with pytest.raises(Killed):
        audience.review(campaign.pk)
    campaign.refresh_from_db()
    assert campaign.status == S.PREPARING
    assert SendResult.objects.count() == 20
    return campaign


def test_what_a_dead_process_began_is_taken_over_and_exact(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = killed_in_preparation(monkeypatch)
    audience.prepare_once(campaign.pk, "")
    assert SendResult.objects.count() == 20, "its lease still runs"
    assert ticking.stale_preparations() == []
    lease_over(campaign)
    assert ticking.stale_preparations() == [campaign.pk]
    audience.prepare_once(campaign.pk, "")
    batches = check_frozen(campaign)
    assert campaign.status == S.READY
    assert [b.size for b in batches] == [5, 40]
    assert ticking.stale_preparations() == []


def test_the_tick_asks_for_a_process_to_take_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = killed_in_preparation(monkeypatch)
    lease_over(campaign)
    asked: list[int] = []
    ticking.tick(lambda _alias, _count: True, lambda pk: bool(asked.append(pk)))
    assert asked == [campaign.pk]


@pytest.mark.parametrize("message", ["Hello", "Hello {{ name }}"])
def test_a_process_that_dies_inside_a_slice_leaves_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch, message: str
) -> None:
    sliced(monkeypatch)
    campaign = factories.draft(45, message)
    write, slices = writing.write_figures, []

    def dying(*rest: Any) -> None:
        write(*rest)
        slices.append(rest)
        if len(slices) == 3:
            raise Killed

    monkeypatch.setattr(writing, "write_figures", dying)
    with pytest.raises(Killed):
        audience.review(campaign.pk)
    assert SendResult.objects.count() == 20
    assert sum(Batch.objects.values_list("size", flat=True)) == 20


def test_the_old_process_that_wakes_up_again_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It slept beyond its lease; another took over and is done."""
    sliced(monkeypatch)
    campaign = factories.draft(45)
    exact: list[int] = []

    def other(campaign_id: int) -> None:
        lease_over(campaign)
        audience.prepare_once(campaign_id, "")
        exact.extend(SendResult.objects.order_by("pk").values_list("pk", flat=True))

    after_slices(monkeypatch, 2, other)
    token = audience.begin(campaign.pk)
    audience.prepare(campaign.pk, token)
    assert list(SendResult.objects.order_by("pk").values_list("pk", flat=True)) == exact
    check_frozen(campaign)
    assert campaign.status == S.READY


def test_a_token_that_is_not_the_campaigns_does_nothing() -> None:
    campaign = factories.draft(3)
    token = audience.begin(campaign.pk)
    audience.prepare(campaign.pk, uuid.uuid4())
    audience.prepare_once(campaign.pk, str(uuid.uuid4()))
    campaign.refresh_from_db()
    assert (campaign.status, campaign.prepare_token) == (S.PREPARING, token)
    assert not SendResult.objects.exists()


def test_a_doubled_message_finds_its_token_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sliced(monkeypatch)
    campaign = factories.draft(45)
    token = str(audience.begin(campaign.pk))
    doubled: list[int] = []

    def again(campaign_id: int) -> None:
        audience.prepare_once(campaign_id, token)
        doubled.append(SendResult.objects.count())

    after_slices(monkeypatch, 2, again)
    audience.prepare_once(campaign.pk, token)
    assert doubled == [20], "the doubled message wrote nothing"
    check_frozen(campaign)
    ids = list(SendResult.objects.values_list("pk", flat=True))
    audience.prepare_once(campaign.pk, token)
    assert list(SendResult.objects.values_list("pk", flat=True)) == ids


@pytest.mark.django_db(transaction=True)
def test_two_workers_with_one_message_prepare_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sliced(monkeypatch, 50)
    campaign = factories.draft(500)
    token = str(audience.begin(campaign.pk))
    written: list[int] = []
    each_slice(monkeypatch, written.append)
    together(lambda: audience.prepare_once(campaign.pk, token), 3)
    assert len(written) == 10
    check_frozen(campaign)
    assert campaign.status == S.READY


@pytest.mark.django_db(transaction=True)
def test_two_who_review_a_draft_at_once_prepare_it_once() -> None:
    campaign = factories.draft(200)
    answers = together(lambda: audience.review(campaign.pk))
    assert None in answers
    assert set(answers) <= {
        None,
        "It is being prepared: wait until it is ready.",
        "It is ready, but not launched.",
    }
    check_frozen(campaign)
    assert campaign.status == S.READY


# Stopped


def test_a_cancel_while_it_is_prepared_stops_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sliced(monkeypatch)
    campaign = factories.draft(45)
    after_slices(monkeypatch, 2, lifecycle.cancel)
    with pytest.raises(CampaignError, match=r"^Cancelled\.$"):
        audience.review(campaign.pk)
    campaign.refresh_from_db()
    assert campaign.status == S.CANCELLED
    assert set(Batch.objects.values_list("status", flat=True)) == {"cancelled"}
    assert SendResult.objects.filter(status="cancelled").count() == 20
    assert SendResult.objects.count() == campaign.audience_count == 20
    lifecycle.delete(campaign.pk)
    assert not SendResult.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_cancel_from_another_connection_leaves_nothing_pending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sliced(monkeypatch, 20)
    campaign = factories.draft(400)
    after_slices(monkeypatch, 3, lambda pk: together(lambda: lifecycle.cancel(pk), 1))
    assert told(lambda: audience.review(campaign.pk)) == "Cancelled."
    ticking.tick(lambda _alias, _count: True, lambda _pk: True)
    campaign.refresh_from_db()
    assert campaign.status == S.CANCELLED
    assert not Batch.objects.filter(status="pending").exists()
    assert not SendResult.objects.filter(status="pending").exists()
    assert SendResult.objects.count() == campaign.audience_count


def test_a_fault_of_ours_ends_in_a_draft_with_a_reason_and_no_rows(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sliced(monkeypatch)
    campaign = factories.draft(45)

    def fault(campaign_id: int) -> None:
        message = "a fault"
        raise ValueError(message)

    after_slices(monkeypatch, 2, fault)
    answer = told(lambda: audience.review(campaign.pk))
    assert answer == "It could not be prepared; the log of the worker says why."
    assert "ValueError: a fault" in caplog.text
    campaign.refresh_from_db()
    assert (campaign.status, campaign.status_reason) == (S.DRAFT, answer)
    assert not SendResult.objects.exists()
    assert not Batch.objects.exists()


def test_a_database_that_fails_leaves_it_to_the_tick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sliced(monkeypatch)
    campaign = factories.draft(45)

    def fault(campaign_id: int) -> None:
        raise DatabaseError

    after_slices(monkeypatch, 2, fault)
    with pytest.raises(DatabaseError):
        audience.review(campaign.pk)
    lease_over(campaign)
    audience.prepare_once(campaign.pk, "")
    check_frozen(campaign)
    assert campaign.status == S.READY


def test_an_account_that_goes_meanwhile_is_the_reason(configure: Any) -> None:
    campaign = factories.draft()
    token = audience.begin(campaign.pk)
    configure(BATCH_SIZE=0)
    audience.prepare(campaign.pk, token)
    campaign.refresh_from_db()
    assert campaign.status == S.DRAFT
    assert campaign.status_reason != ""
