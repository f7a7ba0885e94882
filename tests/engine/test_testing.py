"""Test sends: what is sent, to whom, before whom, and that it stands in no figure."""

from __future__ import annotations

import uuid
from datetime import time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from csms_campaigns.engine import lifecycle, testing
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.finishing import finish
from csms_campaigns.engine.ledger import ledger
from csms_campaigns.engine.pausing import pause_campaigns_of
from csms_campaigns.engine.promise import promise
from csms_campaigns.engine.restoring import after_restore
from csms_campaigns.engine.taking import Taken, take
from csms_campaigns.engine.testing import (
    nobody_works,
    previous_tests,
    send_test,
    text_for,
)
from csms_campaigns.gateway.errors import KeyRefused, Unreachable
from csms_campaigns.models import (
    Batch,
    Campaign,
    Contact,
    GatewayAccount,
    Heartbeat,
    SendResult,
)
from csms_campaigns.signals import campaign_status_changed
from csms_campaigns.states import CampaignKind, CampaignStatus
from tests import factories
from tests.engine.scenes import (
    UNLIMITED,
    Answer,
    accepted,
    campaign_in,
    heard,
    refused,
    send,
    send_all,
    soon,
    together,
)

pytestmark = pytest.mark.django_db

MINE = ["+12125550101", "+12125550102"]


@pytest.fixture(autouse=True)
def _unlimited(configure: Any) -> None:
    configure(**UNLIMITED)


def refusal(*args: Any, **kwargs: Any) -> tuple[str, str]:
    before = Campaign.objects.count()
    with pytest.raises(CampaignError) as refused:
        send_test(*args, **kwargs)
    assert Campaign.objects.count() == before
    return str(refused.value), refused.value.code


# What is sent


def test_the_numbers_get_the_text_and_each_has_an_outcome() -> None:
    campaign = factories.draft(3, "Sale!")
    made = send_test(campaign.pk, MINE)
    taken = send()
    assert (taken.message, taken.numbers) == ("Sale!", MINE)
    made.refresh_from_db()
    assert (made.status, made.kind) == (CampaignStatus.FINISHED, CampaignKind.TEST)
    found = SendResult.objects.filter(campaign=made)
    assert set(found.values_list("status", "message_id")) == {
        ("sent", f"id{phone}") for phone in MINE
    }
    assert ledger(made).adds_up


def test_it_reads_as_for_somebody_of_the_audience() -> None:
    campaign = factories.draft(3, "Dear {{ name }}, {{ phone }}")
    assert text_for(campaign) in {
        f"Dear Person {n}, {factories.number(n)}" for n in range(3)
    }
    send_test(campaign.pk, MINE, like=factories.number(2))
    assert take_message() == f"Dear Person 2, {factories.number(2)}"


def take_message() -> str:
    taken = take("default")
    assert isinstance(taken, Taken)
    return taken.message


def test_smart_encoding_is_that_of_the_campaign() -> None:
    campaign = factories.draft(message="“Sale” – now " * 10)
    assert text_for(campaign).startswith("“Sale” – now ")
    campaign.smart_encoding = True
    assert text_for(campaign).startswith('"Sale" - now ')


def test_values_are_never_read_as_placeholders() -> None:
    campaign = factories.draft(1, "Dear {{ name }}")
    Contact.objects.update(name="{{ name }} {{")
    send_test(campaign.pk, MINE)
    assert take_message() == "Dear {{ name }} {{"


def test_a_person_without_the_value_is_refused_and_named() -> None:
    campaign = factories.draft(
        lists=[factories.people(2, city="Riyadh")], message="{{ city }}"
    )
    Contact.objects.filter(phone=factories.number(1)).update(attributes={})
    said, code = refusal(campaign.pk, MINE, like=factories.number(1))
    assert code == "missing_placeholder"
    assert factories.number(1) in said
    assert "{{ city }}" in said


@pytest.mark.parametrize(
    ("numbers", "code"),
    [
        ([], "no_number"),
        ([f"+121255501{n}" for n in range(10, 21)], "too_many"),
    ],
)
def test_none_and_too_many_are_refused(numbers: list[str], code: str) -> None:
    assert refusal(factories.draft().pk, numbers)[1] == code


def test_a_number_that_stands_twice_is_texted_once() -> None:
    send_test(factories.draft().pk, [*MINE, *MINE])
    assert send().numbers == MINE


def test_somebody_who_opted_out_is_refused() -> None:
    factories.opt_out(MINE[:1])
    said, code = refusal(factories.draft().pk, MINE)
    assert code == "opted_out"
    assert MINE[0] in said
    assert MINE[1] not in said


def test_an_opt_out_that_comes_before_the_take_holds() -> None:
    made = send_test(factories.draft().pk, MINE)
    factories.opt_out(MINE[:1])
    assert send().numbers == MINE[1:]
    made.refresh_from_db()
    assert made.status == CampaignStatus.FINISHED


def test_ten_numbers_are_one_request_as_far_as_the_account_allows(
    configure: Any,
) -> None:
    ten = [f"+121255501{n:02}" for n in range(10)]
    send_test(factories.draft().pk, ten)
    assert send().numbers == ten
    configure(BATCH_SIZE=4)
    send_test(factories.draft(lists=[factories.people(1)]).pk, ten)
    assert send_all() == 3


@pytest.mark.parametrize("state", [CampaignStatus.FINISHED, CampaignStatus.CANCELLED])
def test_what_is_over_is_not_tested(state: CampaignStatus) -> None:
    assert refusal(campaign_in(state).pk, MINE)[1] == f"is_{state}"


def test_a_test_is_not_tested() -> None:
    made = send_test(factories.draft().pk, MINE)
    assert refusal(made.pk, MINE)[1] == "is_sending"


def test_an_unfinished_draft_says_what_is_missing() -> None:
    campaign = Campaign.objects.create(name="Empty", message="")
    assert refusal(campaign.pk, MINE)[1] == "no_message"
    Campaign.objects.update(message="Dear {{ name }}")
    assert refusal(campaign.pk, MINE)[1] == "nobody"
    Campaign.objects.update(message="Dear friend")
    assert send_test(campaign.pk, MINE).message == "Dear friend"


# In line


def test_it_goes_before_campaigns_that_wait() -> None:
    first = factories.sending(300)
    send()
    made = send_test(factories.draft(lists=[factories.people(1)]).pk, MINE)
    assert send().campaign_id == made.pk
    assert send().campaign_id == first.pk


def test_it_goes_at_any_hour() -> None:
    campaign = factories.draft()
    now = timezone.now()
    Campaign.objects.update(
        send_from=(now + timedelta(hours=2)).time(),
        send_until=(now + timedelta(hours=3)).time(),
        time_zone="UTC",
    )
    send_test(campaign.pk, MINE)
    assert isinstance(take("default"), Taken)


def test_it_counts_in_the_limits(configure: Any) -> None:
    configure(RATE_LIMITS=[(1, 600)])
    campaign = factories.draft()
    send_test(campaign.pk, MINE)
    send()
    assert GatewayAccount.objects.get().cum == 1
    send_test(campaign.pk, MINE)
    assert not isinstance(take("default"), Taken)


# Kept apart


def test_it_stands_in_no_figure_of_the_campaign() -> None:
    campaign = factories.ready(3)
    before = promise(campaign)
    send_test(campaign.pk, MINE)
    waiting = promise(campaign)
    assert (waiting.recipients, waiting.promised_credits) == (before.recipients, 0)
    send()
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.READY
    assert ledger(campaign).audience == 3
    assert [found.test_of_id for found in previous_tests(campaign)] == [campaign.pk]


def test_its_campaign_may_be_edited_and_deleted_while_it_stays() -> None:
    campaign = factories.ready(3)
    made = send_test(campaign.pk, MINE)
    send()
    lifecycle.edited(campaign.pk)
    lifecycle.delete(campaign.pk)
    made.refresh_from_db()
    assert made.test_of is None
    assert SendResult.objects.filter(campaign=made, status="sent").count() == 2


# Where the system pauses


def outcomes(test: Campaign) -> tuple[str, list[str]]:
    test.refresh_from_db()
    found = SendResult.objects.filter(campaign=test).order_by("pk")
    return test.status, list(found.values_list("status", flat=True))


def test_a_refused_key_cancels_the_test_and_pauses_the_campaign(
    django_capture_on_commit_callbacks: Any,
) -> None:
    campaign = factories.sending(3)
    made = send_test(factories.draft(lists=[factories.people(1)]).pk, MINE)
    with (
        heard(campaign_status_changed) as said,
        django_capture_on_commit_callbacks(execute=True),
    ):
        assert send(lambda _taken: KeyRefused("no such key")).campaign_id == made.pk
    assert outcomes(made) == (CampaignStatus.CANCELLED, ["cancelled"] * 2)
    assert made.reason == "The gateway refuses the API key: no such key"
    assert made.finished_at is not None
    assert ledger(made).adds_up
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.PAUSED
    told = {(one["campaign_id"], one["status"]) for one in said}
    assert told == {(made.pk, "cancelled"), (campaign.pk, "paused")}
    lifecycle.resume(campaign.pk)
    assert send().campaign_id == campaign.pk


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(accepted, "sent"), (lambda _taken: Unreachable("no way"), "cancelled")],
)
def test_what_is_in_flight_is_recorded_or_goes_no_more(
    answer: Answer, expected: str
) -> None:
    made = send_test(factories.draft().pk, MINE)
    taken = take("default")
    assert isinstance(taken, Taken)
    pause_campaigns_of("default", "The account is not in order.")
    finish(taken, answer(taken))
    assert outcomes(made) == (CampaignStatus.CANCELLED, [expected] * 2)


def test_one_whose_numbers_were_all_refused_is_finished() -> None:
    five = [f"+121255501{n:02}" for n in range(5)]
    made = send_test(factories.draft().pk, five)
    send(refused)
    assert outcomes(made) == (CampaignStatus.FINISHED, ["failed"] * 5)


def test_after_a_restore_none_is_held() -> None:
    campaign = factories.sending(3)
    made = send_test(factories.draft(lists=[factories.people(1)]).pk, MINE)
    assert after_restore("default", requests=0).held == [campaign.pk]
    assert outcomes(made) == (CampaignStatus.CANCELLED, ["cancelled"] * 2)


# Pressed twice


@pytest.mark.django_db(transaction=True)
def test_a_campaign_that_is_deleted_meanwhile_is_not_tested(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After it was read, and before its row is locked."""
    campaign = factories.draft()
    text = text_for(campaign)

    def read_slowly(*_given: Any) -> str:
        lifecycle.delete(campaign.pk)
        return text

    monkeypatch.setattr(testing, "text_for", read_slowly)
    with pytest.raises(CampaignError) as told:
        send_test(campaign.pk, MINE)
    assert told.value.code == "no_campaign"
    assert not Campaign.objects.exists()


def test_the_second_press_finds_the_first() -> None:
    campaign, key = factories.draft(), uuid.uuid4()
    first = send_test(campaign.pk, MINE, form_key=key)
    assert send_test(campaign.pk, MINE, form_key=key) == first
    assert Batch.objects.count() == 1
    assert send_test(campaign.pk, MINE, form_key=uuid.uuid4()) != first


@pytest.mark.django_db(transaction=True)
def test_two_presses_at_the_same_moment() -> None:
    campaign, key = factories.draft(), uuid.uuid4()
    said = together(lambda: send_test(campaign.pk, MINE, form_key=key), 3)
    assert said == [None] * 3
    assert Campaign.objects.filter(kind=CampaignKind.TEST).count() == 1
    assert Batch.objects.count() == 1


# Nobody works


def test_it_says_that_nobody_took_it() -> None:
    made = send_test(factories.draft().pk, MINE)
    assert not nobody_works(made)
    made.started_at = timezone.now() - timedelta(seconds=16)
    assert nobody_works(made)
    Heartbeat.objects.create(name="tick", at=timezone.now())
    assert not nobody_works(made)
    Heartbeat.objects.update(at=timezone.now() - timedelta(seconds=60))
    assert nobody_works(made)
    made.served_at = timezone.now()
    assert not nobody_works(made)


# A second pair of eyes


@pytest.fixture
def pair(settings: Any) -> tuple[User, User]:
    settings.CSMS_CAMPAIGNS = {**settings.CSMS_CAMPAIGNS, "SECOND_PAIR_OF_EYES": True}
    return User.objects.create_user("writer"), User.objects.create_user("other")


def launching(campaign: Campaign, by: User | None, **options: Any) -> str:
    try:
        lifecycle.launch(campaign.pk, by=by, **options)
    except CampaignError as error:
        return error.code
    return ""


@pytest.mark.parametrize("at", [None, "later"])
def test_who_wrote_it_does_not_launch_it(
    pair: tuple[User, User], at: str | None
) -> None:
    writer, other = pair
    campaign = factories.ready(by=writer)
    options = {"at": soon()} if at else {}
    assert launching(campaign, writer, **options) == "second_pair"
    assert launching(campaign, None, **options) == "no_user"
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.READY
    assert launching(campaign, other, **options) == ""


def test_who_changed_it_last_does_not_launch_it(pair: tuple[User, User]) -> None:
    writer, other = pair
    campaign = factories.ready(by=writer)
    Campaign.objects.update(changed_by=other)
    assert launching(campaign, writer) == "second_pair"
    assert launching(campaign, other) == "second_pair"
    assert launching(campaign, User.objects.create_user("third")) == ""


def test_without_the_setting_anybody_launches() -> None:
    writer = User.objects.create_user("writer")
    assert launching(factories.ready(by=writer), writer) == ""
    assert launching(factories.ready(lists=[factories.people(1)]), None) == ""


def test_who_wrote_it_may_test_it(pair: tuple[User, User]) -> None:
    writer, _other = pair
    assert (
        send_test(factories.draft(by=writer).pk, MINE, by=writer).launched_by == writer
    )


def test_hours_are_not_copied_into_a_test() -> None:
    campaign = factories.draft()
    Campaign.objects.update(send_from=time(9), send_until=time(10))
    made = send_test(campaign.pk, MINE)
    assert (made.send_from, made.send_until, made.zones) == (None, None, [])
