"""What a person may do with a campaign, in each of its states, and what they are told."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from csms_campaigns.engine import audience, lifecycle, ticking
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.ledger import ledger
from csms_campaigns.models import Attempt, Batch, Campaign, ContactList, SendResult
from csms_campaigns.signals import campaign_status_changed
from csms_campaigns.states import CAMPAIGN_MOVES, CampaignStatus
from tests import factories
from tests.engine.scenes import (
    UNLIMITED,
    campaign_in,
    heard,
    send,
    send_all,
    soon,
    together,
    told,
)

pytestmark = pytest.mark.django_db

S = CampaignStatus
SENTENCES = {
    S.DRAFT: "It is a draft: review it first.",
    S.PREPARING: "It is being prepared: wait until it is ready.",
    S.READY: "It is ready, but not launched.",
    S.SCHEDULED: "It is already scheduled.",
    S.SENDING: "It is already being sent.",
    S.PAUSED: "It is paused: resume it instead.",
    S.FINISHED: "It is already finished.",
    S.CANCELLED: "It was cancelled.",
}
UNFINISHED = set(S) - {S.FINISHED, S.CANCELLED}
NEVER_SENT = "Only a campaign that never sent anything can be deleted."


@pytest.fixture(autouse=True)
def _unlimited(configure: Any) -> None:
    configure(**UNLIMITED)


def status(campaign: Campaign) -> str:
    campaign.refresh_from_db()
    return campaign.status


# Moves


@pytest.mark.parametrize(("source", "target"), [*itertools.product(S, S)])
def test_a_move_is_made_where_it_is_drawn_and_refused_elsewhere(
    source: CampaignStatus, target: CampaignStatus
) -> None:
    now = timezone.now()
    times = {"send_at": now, "finished_at": now}
    campaign = Campaign.objects.create(name="x", status=source, **times)
    answer = told(lambda: lifecycle.move(campaign.pk, target, reason="why", **times))
    campaign.refresh_from_db()
    if target in CAMPAIGN_MOVES[source]:
        assert answer is None
        assert (campaign.status, campaign.status_reason) == (target, "why")
    else:
        assert answer == SENTENCES[source]
        assert (campaign.status, campaign.status_reason) == (source, "")


@pytest.mark.parametrize("source", S)
def test_a_move_from_fewer_states_is_refused_from_the_others(
    source: CampaignStatus,
) -> None:
    times = {"send_at": timezone.now(), "finished_at": timezone.now()}
    campaign = Campaign.objects.create(name="x", status=source, **times)
    with pytest.raises(CampaignError) as refused:
        lifecycle.move(campaign.pk, S.CANCELLED, only_from=[])
    assert refused.value.code == f"is_{source.value}"
    assert status(campaign) == source


def test_a_move_cannot_be_widened_beyond_what_is_drawn() -> None:
    campaign = factories.draft()
    with pytest.raises(CampaignError):
        lifecycle.move(campaign.pk, S.SENDING, only_from=[S.DRAFT])
    assert status(campaign) == S.DRAFT


@pytest.mark.parametrize("status_", S)
def test_every_state_has_a_sentence(status_: CampaignStatus) -> None:
    assert str(lifecycle.INSTEAD[status_]) == SENTENCES[status_]


# Verbs

Verb = Callable[[int], object]
VERBS: dict[str, tuple[Verb, set[CampaignStatus], CampaignStatus | None]] = {
    "launch": (lifecycle.launch, {S.READY}, S.SENDING),
    "schedule": (lambda pk: lifecycle.launch(pk, at=soon()), {S.READY}, S.SCHEDULED),
    "unschedule": (lifecycle.unschedule, {S.SCHEDULED}, S.READY),
    "pause": (lifecycle.pause, {S.SENDING}, S.PAUSED),
    "resume": (lifecycle.resume, {S.PAUSED}, S.SENDING),
    "cancel": (lifecycle.cancel, UNFINISHED, S.CANCELLED),
    "edited": (lifecycle.edited, {S.DRAFT, S.READY}, S.DRAFT),
    "begin": (audience.begin, {S.DRAFT, S.READY}, S.PREPARING),
    "delete": (lifecycle.delete, {S.DRAFT, S.READY, S.CANCELLED}, None),
}


@pytest.mark.parametrize(("name", "source"), [*itertools.product(VERBS, S)])
def test_a_verb_works_in_its_states_and_is_refused_in_a_sentence_in_others(
    name: str, source: CampaignStatus
) -> None:
    verb, allowed, target = VERBS[name]
    campaign = campaign_in(source)
    answer = told(lambda: verb(campaign.pk))
    left = Campaign.objects.filter(pk=campaign.pk).first()
    if source in allowed:
        assert answer is None
        assert (left.status if left else None) == target
    else:
        assert answer == (NEVER_SENT if name == "delete" else SENTENCES[source])
        assert left is not None
        assert left.status == source


@pytest.mark.parametrize("name", [*VERBS])
def test_a_verb_on_a_campaign_that_is_not_there(name: str) -> None:
    verb = VERBS[name][0]
    with pytest.raises(CampaignError, match=r"^There is no campaign 987\.$") as error:
        verb(987)
    assert error.value.code == "no_campaign"


# Create


def test_a_new_campaign_is_a_draft_with_its_lists_and_its_author() -> None:
    author = User.objects.create_user("ann")
    first, second = factories.people(1, "A"), factories.people(1, "B")
    campaign = lifecycle.create(
        name="  May  ", message="Hi", lists=[first, second], by=author
    )
    assert (campaign.status, campaign.name, campaign.message) == ("draft", "May", "Hi")
    assert (campaign.account, campaign.created_by) == ("default", author)
    assert set(campaign.lists.all()) == {first, second}
    assert not SendResult.objects.exists()


@pytest.mark.parametrize("name", ["", "   ", "\n"])
def test_a_campaign_needs_a_name(name: str) -> None:
    lists = [factories.people(1)]
    with pytest.raises(
        CampaignError, match=r"^Give the campaign a name of at most 200 characters\.$"
    ):
        lifecycle.create(name=name, message="Hi", lists=lists)
    assert not Campaign.objects.exists()


def test_nothing_stays_of_a_campaign_that_could_not_be_made() -> None:
    with pytest.raises(CampaignError):
        lifecycle.create(name="x", message="Hi {{ nobody }}", lists=[])
    assert not Campaign.objects.exists()


# Launch


def test_the_second_who_launches_is_told() -> None:
    campaign = factories.ready()
    user = User.objects.create_user("ann")
    lifecycle.launch(campaign.pk, by=user)
    with pytest.raises(CampaignError, match=r"^It is already being sent\.$") as second:
        lifecycle.launch(campaign.pk, by=User.objects.create_user("ben"))
    assert second.value.code == "is_sending"
    campaign.refresh_from_db()
    assert campaign.launched_by == user
    assert campaign.started_at is not None


@pytest.mark.django_db(transaction=True)
def test_of_many_who_launch_at_once_one_wins_and_the_others_are_told() -> None:
    campaign = factories.ready()
    with heard(campaign_status_changed) as said:
        answers = together(lambda: lifecycle.launch(campaign.pk), 6)
    assert sorted(answers, key=str) == [*["It is already being sent."] * 5, None]
    assert [one["status"] for one in said] == ["sending"]
    assert status(campaign) == S.SENDING


@pytest.mark.django_db(transaction=True)
def test_of_a_launch_and_a_schedule_at_once_one_wins() -> None:
    campaign = factories.ready()
    calls = iter([None, soon()])
    answers = together(lambda: lifecycle.launch(campaign.pk, at=next(calls)))
    assert answers.count(None) == 1
    assert set(answers) - {None} <= {
        "It is already being sent.",
        "It is already scheduled.",
    }


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=1), timedelta(365)])
def test_a_time_that_has_passed_is_refused(late: timedelta) -> None:
    campaign = factories.ready()
    with pytest.raises(CampaignError, match="Choose a time in the future") as error:
        lifecycle.launch(campaign.pk, at=timezone.now() - late)
    assert error.value.code == "time_passed"
    campaign.refresh_from_db()
    assert (campaign.status, campaign.send_at) == (S.READY, None)


def test_an_account_that_is_gone_stops_a_launch(configure: Any, settings: Any) -> None:
    campaign = factories.ready()
    settings.CSMS_CAMPAIGNS = {"ACCOUNTS": {"other": {"API_KEY": "k"}}}
    with pytest.raises(CampaignError, match="no account “default”") as error:
        lifecycle.launch(campaign.pk)
    assert error.value.code == "bad_account"
    assert status(campaign) == S.READY


# Schedule


def passed(campaign: Campaign, at: datetime) -> None:
    """The clock goes on until after `at`."""
    Campaign.objects.filter(pk=campaign.pk).update(send_at=at)


def tick() -> list[str]:
    woken: list[str] = []
    ticking.tick(lambda alias, count: bool(woken.append(alias)), lambda _pk: True)
    return woken


def test_a_due_campaign_is_started_by_the_tick_and_not_before() -> None:
    campaign = campaign_in(S.SCHEDULED)
    assert tick() == []
    assert status(campaign) == S.SCHEDULED
    passed(campaign, timezone.now() - timedelta(seconds=1))
    assert tick() == ["default"]
    assert status(campaign) == S.SENDING
    assert campaign.started_at is not None
    send_all()
    assert status(campaign) == S.FINISHED


def test_a_second_tick_starts_nothing_again() -> None:
    campaign = campaign_in(S.SCHEDULED)
    passed(campaign, timezone.now() - timedelta(seconds=1))
    tick()
    lifecycle.pause(campaign.pk)
    tick()
    assert status(campaign) == S.PAUSED


def test_unscheduling_forgets_the_time_and_the_person() -> None:
    campaign = factories.ready()
    who = User.objects.create_user("ann")
    lifecycle.launch(campaign.pk, at=soon(), by=who)
    campaign.refresh_from_db()
    assert (campaign.launched_by, campaign.send_at is None) == (who, False)
    lifecycle.unschedule(campaign.pk)
    campaign.refresh_from_db()
    assert (campaign.status, campaign.send_at, campaign.launched_by) == (
        S.READY,
        None,
        None,
    )
    lifecycle.launch(campaign.pk)
    assert status(campaign) == S.SENDING


# Pause, resume, cancel


def test_a_pause_names_who_paused_and_resuming_forgets_it() -> None:
    campaign = campaign_in(S.SENDING)
    lifecycle.pause(campaign.pk, by=User.objects.create_user("ann"))
    campaign.refresh_from_db()
    assert campaign.status_reason == "Paused by ann."
    lifecycle.resume(campaign.pk)
    campaign.refresh_from_db()
    assert (campaign.status, campaign.status_reason) == (S.SENDING, "")
    lifecycle.pause(campaign.pk)
    campaign.refresh_from_db()
    assert campaign.status_reason == "Paused."


def test_resuming_a_campaign_without_open_batches_finishes_it() -> None:
    campaign = campaign_in(S.PAUSED)
    Batch.objects.update(status="done", sent_count=3)
    lifecycle.resume(campaign.pk)
    assert status(campaign) == S.FINISHED
    assert campaign.finished_at is not None


@pytest.mark.parametrize("state", [S.READY, S.SCHEDULED, S.SENDING, S.PAUSED])
def test_cancelling_cancels_all_that_waits(state: CampaignStatus) -> None:
    campaign = campaign_in(state, 12)
    lifecycle.cancel(campaign.pk, by=User.objects.create_user("ann"))
    campaign.refresh_from_db()
    assert campaign.status_reason == "Cancelled by ann."
    assert campaign.finished_at is not None
    assert set(Batch.objects.values_list("status", flat=True)) == {"cancelled"}
    assert set(SendResult.objects.values_list("status", flat=True)) == {"cancelled"}
    assert ledger(campaign).adds_up
    assert send_all() == 0


def test_what_was_sent_before_a_cancel_stays_sent() -> None:
    campaign = campaign_in(S.SENDING, 12)
    send()
    lifecycle.cancel(campaign.pk)
    campaign.refresh_from_db()
    found = ledger(campaign)
    assert found.adds_up
    assert found.counted == {"sent": 5, "cancelled": 7}


def test_a_cancelled_draft_has_nothing_to_cancel() -> None:
    campaign = factories.draft()
    lifecycle.cancel(campaign.pk)
    campaign.refresh_from_db()
    assert (campaign.status, campaign.status_reason) == (S.CANCELLED, "Cancelled.")


@pytest.mark.django_db(transaction=True)
def test_of_two_who_cancel_at_once_one_wins() -> None:
    campaign = campaign_in(S.SENDING, 12)
    answers = together(lambda: lifecycle.cancel(campaign.pk))
    assert sorted(answers, key=str) == ["It was cancelled.", None]
    campaign.refresh_from_db()
    assert ledger(campaign).counted == {"cancelled": 12}


# Edit and delete


def test_an_edit_takes_a_ready_campaign_back_to_nothing_but_a_draft() -> None:
    factories.opt_out([factories.number(0)])
    campaign = factories.ready(12)
    assert campaign.batch_count == 2
    lifecycle.edited(campaign.pk)
    campaign.refresh_from_db()
    assert not Batch.objects.exists()
    assert not SendResult.objects.exists()
    assert (campaign.status, campaign.audience_count, campaign.batch_count) == (
        S.DRAFT,
        0,
        0,
    )
    assert (campaign.skipped_counts, campaign.segment_count) == ({}, 0)
    assert (campaign.first_result_id, campaign.last_result_id) == (None, None)


def test_an_edit_touches_no_other_campaign() -> None:
    first = factories.ready(3)
    second = factories.ready(lists=list(ContactList.objects.all()))
    lifecycle.edited(first.pk)
    assert SendResult.objects.filter(campaign=second).count() == 3
    assert ledger(second).adds_up


@pytest.mark.parametrize("state", [S.DRAFT, S.READY, S.CANCELLED])
def test_deleting_leaves_no_row_of_the_campaign_and_all_of_others(
    state: CampaignStatus,
) -> None:
    other = factories.ready(3)
    campaign = campaign_in(state, 12)
    lifecycle.delete(campaign.pk)
    assert list(Campaign.objects.all()) == [other]
    assert set(SendResult.objects.values_list("campaign", flat=True)) == {other.pk}
    assert set(Batch.objects.values_list("campaign", flat=True)) == {other.pk}


def test_a_cancelled_campaign_that_sent_something_cannot_be_deleted() -> None:
    campaign = campaign_in(S.SENDING, 12)
    send()
    lifecycle.cancel(campaign.pk)
    assert told(lambda: lifecycle.delete(campaign.pk)) == NEVER_SENT
    assert SendResult.objects.filter(status="sent").count() == 5
    assert Attempt.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verb", ["edited", "delete"])
def test_of_an_edit_and_a_launch_at_once_none_sends_half_a_campaign(verb: str) -> None:
    campaign = factories.ready(12)
    calls = iter([lifecycle.launch, getattr(lifecycle, verb)])
    answers = together(lambda: next(calls)(campaign.pk))
    assert None in answers
    left = Campaign.objects.filter(pk=campaign.pk).first()
    if left and left.status == S.SENDING:
        assert ledger(left).counted == {"pending": 12}
    else:
        assert not SendResult.objects.exists()
        assert not Batch.objects.exists()


def test_a_campaign_that_is_deleted_at_the_moment_of_launch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After it was read, and before its row is locked."""
    campaign = factories.ready(3)

    def check_slowly(_account: str) -> None:
        lifecycle.delete(campaign.pk)

    monkeypatch.setattr(lifecycle, "check_account", check_slowly)
    expected = f"There is no campaign {campaign.pk}."
    assert told(lambda: lifecycle.launch(campaign.pk)) == expected


@pytest.mark.django_db(transaction=True)
def test_of_two_who_delete_at_once_one_is_told_that_it_is_gone() -> None:
    campaign = factories.ready(12)
    answers = together(lambda: lifecycle.delete(campaign.pk))
    gone = f"There is no campaign {campaign.pk}."
    assert sorted(answers, key=str) == sorted([gone, None], key=str)
    assert not Campaign.objects.exists()
