"""Who is texted again, with which text, and that nobody is in two follow-ups."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from csms_campaigns.engine import audience, chosen, follow_ups, lifecycle
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.ledger import family_ledger, ledger
from csms_campaigns.engine.testing import send_test
from csms_campaigns.engine.ticking import stale_preparations
from csms_campaigns.models import Batch, Campaign, Contact, SendResult
from csms_campaigns.signals import campaign_status_changed
from csms_campaigns.states import CampaignStatus, Resolution, SendStatus
from tests import factories
from tests.engine.families import (
    decision,
    finished,
    lost,
    places,
    result,
    run,
    saying,
)
from tests.engine.frozen import check_frozen
from tests.engine.scenes import UNLIMITED, heard, send, send_all, told

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _unlimited(configure: Any) -> None:
    configure(**UNLIMITED, BATCH_SIZE=5)


@pytest.mark.parametrize("verb", [follow_ups.retry_failed, follow_ups.resend_unknown])
def test_a_test_send_is_not_repeated(verb: Callable[[int], object]) -> None:
    made = send_test(factories.draft().pk, [factories.number(0), factories.number(1)])
    send(saying(failed=[0]))
    before = Campaign.objects.count()
    said = told(lambda: verb(made.pk))
    assert said == "A test send is not repeated: send another test."
    assert Campaign.objects.count() == before


def everything_adds_up(campaign: Campaign) -> bool:
    found = family_ledger(campaign)
    assert found.adds_up, found
    return True


# Who


def test_the_failed_are_retried_without_permanent_causes() -> None:
    parent = finished(20, failed=[3, 8, 13], invalid=[4], silent=[5])
    follow_up = follow_ups.retry_failed(parent.pk)
    assert (follow_up.status, follow_up.parent) == (CampaignStatus.READY, parent)
    assert places(follow_up) == [3, 8, 13]
    links = SendResult.objects.filter(campaign=follow_up)
    busy = SendResult.objects.filter(campaign=parent, error_code="CARRIER_BUSY")
    assert dict(links.values_list("retry_of", "phone")) == dict(
        busy.values_list("pk", "phone")
    )
    run(follow_up)
    assert places(follow_up, SendStatus.SENT) == [3, 8, 13]
    assert ledger(parent).counted == {"sent": 15, "failed": 4, "unknown": 1}
    assert everything_adds_up(parent)


def test_permanent_causes_are_retried_if_they_are_asked_for() -> None:
    parent = finished(10, failed=[3], invalid=[4, 6])
    first = follow_ups.retry_failed(parent.pk, codes=["INVALID_NUMBER"])
    assert places(first) == [4, 6]
    assert places(follow_ups.retry_failed(parent.pk, all_causes=True)) == [3]
    assert everything_adds_up(parent)


def test_the_unknown_are_sent_again_by_decision(django_user_model: Any) -> None:
    clerk = django_user_model.objects.create(username="clerk")
    parent = finished(20, failed=[3], silent=[5, 6, 12])
    follow_up = follow_ups.resend_unknown(parent.pk, by=clerk)
    assert places(follow_up) == [5, 6, 12]
    found = result(parent, 5)
    assert (found.resolution, found.status) == (Resolution.RESEND, SendStatus.UNKNOWN)
    assert found.resolved_by == clerk
    assert found.resolved_at is not None
    assert follow_up.created_by == clerk
    check_frozen(follow_up, 5)
    assert everything_adds_up(parent)


def test_only_of_some_batches_or_some_recipients() -> None:
    parent = finished(20, silent=[5, 6, 12, 17])
    chosen_batch = result(parent, 12).batch_id
    assert chosen_batch
    some = follow_ups.resend_unknown(parent.pk, batches=[chosen_batch])
    assert places(some) == [12]
    one = follow_ups.resend_unknown(parent.pk, results=[result(parent, 6).pk])
    assert places(one) == [6]
    assert places(follow_ups.resend_unknown(parent.pk)) == [5, 17]
    assert everything_adds_up(parent)


def test_while_the_campaign_is_sent_those_who_failed_so_far() -> None:
    parent = factories.sending(20)
    send(saying(failed=[1]))
    send(saying(failed=[7]))
    first = follow_ups.retry_failed(parent.pk)
    assert places(first) == [1, 7]
    send_all(saying(failed=[13]))
    assert places(follow_ups.retry_failed(parent.pk)) == [13]


@pytest.mark.parametrize(
    ("again", "code"),
    [
        (follow_ups.retry_failed, "nobody"),
        (follow_ups.resend_unknown, "nobody"),
    ],
)
def test_nobody_to_text_again_makes_no_campaign(again: Any, code: str) -> None:
    parent = finished(5)
    with pytest.raises(CampaignError) as found:
        again(parent.pk)
    assert found.value.code == code
    assert Campaign.objects.count() == 1


def test_permanent_causes_alone_say_that_they_must_be_chosen() -> None:
    parent = finished(5, invalid=[1])
    assert "must be chosen" in str(told(lambda: follow_ups.retry_failed(parent.pk)))


def test_too_many_chosen_one_by_one() -> None:
    parent = finished(5, silent=[1])
    sentence = told(lambda: follow_ups.resend_unknown(parent.pk, results=range(1001)))
    assert sentence == "Choose at most 1000 at a time, or all of the campaign."


def test_recipients_of_another_campaign_are_not_taken() -> None:
    parent = finished(5, silent=[1])
    other = finished(5, silent=[8])
    strange = result(other, 8)
    sentence = told(lambda: follow_ups.resend_unknown(parent.pk, results=[strange.pk]))
    assert sentence == "Nobody here is unknown, without a decision."
    assert decision(other, 8) == ""


@pytest.mark.parametrize("field", ["anonymised_at", "results_deleted_at"])
def test_where_the_numbers_are_gone(field: str) -> None:
    parent = finished(5, failed=[1])
    Campaign.objects.update(**{field: parent.finished_at})
    sentence = told(lambda: follow_ups.retry_failed(parent.pk))
    assert sentence == "The numbers of this campaign's recipients were removed."


# What


def test_the_texts_are_those_that_were_frozen() -> None:
    parent = finished(12, "Hello {{ name }}", failed=[2, 7])
    Contact.objects.update(name="Somebody else")
    Campaign.objects.filter(pk=parent.pk).update(message="Edited")
    follow_up = follow_ups.retry_failed(parent.pk)
    batches = check_frozen(follow_up, 5)
    assert [b.message for b in batches] == ["Hello Person 2", "Hello Person 7"]


def test_people_of_one_text_share_a_request_again_canary_first() -> None:
    parent = finished(40, failed=range(0, 40, 2))
    follow_up = follow_ups.retry_failed(parent.pk)
    assert [b.size for b in check_frozen(follow_up, 5)] == [5, 5, 5, 5]
    lifecycle.launch(follow_up.pk)
    assert send().alone


def test_hours_account_and_zones_are_those_of_the_parent(configure: Any) -> None:
    configure("second", API_KEY="other", **UNLIMITED)
    parent = factories.sending(10, account="second")
    Campaign.objects.update(send_days="0123456", time_zone="Asia/Riyadh")
    Batch.objects.update(time_zone="Asia/Riyadh")
    Campaign.objects.update(zones=["Asia/Riyadh"])
    send(saying(failed=[1]), "second")
    follow_up = follow_ups.retry_failed(parent.pk)
    assert (follow_up.account, follow_up.time_zone) == ("second", "Asia/Riyadh")
    assert follow_up.zones == ["Asia/Riyadh"]
    assert Batch.objects.get(campaign=follow_up).time_zone == "Asia/Riyadh"


def test_names_of_people_of_the_sites_own_tables_are_kept() -> None:
    parent = finished(5, failed=[1])
    SendResult.objects.filter(campaign=parent).update(contact=None, name="Guest")
    follow_up = follow_ups.retry_failed(parent.pk)
    found = SendResult.objects.get(campaign=follow_up)
    assert (found.name, found.contact_id) == ("Guest", None)


@pytest.mark.parametrize("length", [5, 200])
def test_its_name_says_what_it_is_and_fits(length: int) -> None:
    parent = finished(5, failed=[1], silent=[2])
    Campaign.objects.update(name="x" * length)
    names = [
        follow_ups.retry_failed(parent.pk).name,
        follow_ups.resend_unknown(parent.pk).name,
    ]
    assert all(name.startswith("xxxxx") and len(name) <= 200 for name in names)
    assert ["failed" in name for name in names] == [True, False]


def test_who_opted_out_since_is_left_out() -> None:
    parent = finished(10, failed=[1, 2, 3])
    factories.opt_out([factories.number(2)])
    follow_up = follow_ups.retry_failed(parent.pk)
    assert follow_up.skipped_counts == {"opted_out": 1}
    factories.opt_out([factories.number(3)])
    run(follow_up)
    assert places(follow_up, SendStatus.SENT) == [1]
    assert family_ledger(parent).final["skipped"] == 2
    assert everything_adds_up(parent)


def test_all_have_opted_out_since() -> None:
    parent = finished(10, silent=[1, 2])
    factories.opt_out(factories.number(i) for i in (1, 2))
    sentence = told(lambda: follow_ups.resend_unknown(parent.pk))
    assert sentence == "Nobody is left to be texted again."
    assert Campaign.objects.get() == parent
    assert decision(parent, 1) == ""
    assert everything_adds_up(parent)


# Nobody in two


def test_nobody_is_in_two_follow_ups() -> None:
    parent = finished(20, failed=[1, 6], silent=[2, 7])
    follow_ups.retry_failed(parent.pk)
    follow_ups.resend_unknown(parent.pk)
    assert told(lambda: follow_ups.retry_failed(parent.pk, all_causes=True))
    assert told(lambda: follow_ups.resend_unknown(parent.pk))
    assert Campaign.objects.count() == 3


def test_a_second_one_waits_until_the_first_is_prepared() -> None:
    parent = finished(10, failed=[1, 6])
    first, token = follow_ups.begin(parent.pk, follow_ups.failed())
    sentence = told(lambda: follow_ups.retry_failed(parent.pk))
    assert sentence == (
        "Another follow-up of this campaign is being prepared: wait for it."
    )
    audience.prepare(first.pk, token)
    assert places(first) == [1, 6]


def test_the_decision_to_send_again_is_the_last_one() -> None:
    parent = finished(10, silent=[1])
    follow_ups.resend_unknown(parent.pk)
    assert told(lambda: follow_ups.resend_unknown(parent.pk))
    assert decision(parent, 1) == Resolution.RESEND


def test_a_follow_up_of_a_follow_up() -> None:
    parent = finished(20, failed=[1, 6, 11])
    first = run(follow_ups.retry_failed(parent.pk), saying(failed=[6], silent=[11]))
    second = run(follow_ups.retry_failed(first.pk))
    third = run(follow_ups.resend_unknown(first.pk))
    assert (places(second), places(third)) == ([6], [11])
    found = family_ledger(third)
    assert found.family.root.campaign == parent
    assert [m.generation for m in found.family.members] == [0, 1, 2, 2]
    assert {k: v for k, v in found.final.items() if v} == {"sent": 20}
    assert found.adds_up


# A follow-up is a campaign like any other, except that it is not composed


def test_it_is_prepared_by_whoever_comes_if_its_process_died() -> None:
    parent = finished(20, failed=[1, 6, 11])
    follow_up, _token = follow_ups.begin(parent.pk, follow_ups.failed())
    Campaign.objects.filter(pk=follow_up.pk).update(
        prepare_lease_until=parent.created_at
    )
    assert stale_preparations() == [follow_up.pk]
    audience.prepare_once(follow_up.pk, "")
    follow_up.refresh_from_db()
    assert follow_up.status == CampaignStatus.READY
    assert places(follow_up) == [1, 6, 11]


@pytest.mark.parametrize("dies_after", [1, 2, 3])
def test_one_that_died_half_way_begins_from_nothing(
    monkeypatch: pytest.MonkeyPatch, dies_after: int
) -> None:
    monkeypatch.setattr(chosen, "BATCHES", 1)
    parent = finished(30, silent=range(0, 30, 3))
    follow_up, token = follow_ups.begin(parent.pk, follow_ups.unknown())
    with monkeypatch.context() as patched:
        die_after(patched, dies_after)
        with pytest.raises(Killed):
            audience.prepare(follow_up.pk, token)
    follow_up.refresh_from_db()
    assert 0 < follow_up.audience_count < 10
    assert everything_adds_up(parent)
    audience.prepare(follow_up.pk, token)
    assert places(follow_up) == [*range(0, 30, 3)]
    check_frozen(follow_up, 5)
    assert everything_adds_up(parent)


class Killed(BaseException):
    """Nothing of ours catches it, as nothing catches a SIGKILL."""


def die_after(monkeypatch: pytest.MonkeyPatch, slices: int) -> None:
    from csms_campaigns.engine import repeating

    write, done = repeating.Repeater._write_after, []

    def counted(self: Any, last: int) -> int:
        if len(done) == slices:
            raise Killed
        done.append(last)
        return write(self, last)

    monkeypatch.setattr(repeating.Repeater, "_write_after", counted)


def test_a_review_anew_takes_who_is_free_now() -> None:
    parent = finished(20, failed=[1, 6])
    follow_up = follow_ups.retry_failed(parent.pk)
    factories.opt_out([factories.number(6)])
    audience.review(follow_up.pk)
    follow_up.refresh_from_db()
    assert places(follow_up, SendStatus.PENDING) == [1]
    assert everything_adds_up(parent)


def test_its_text_and_people_stay() -> None:
    parent = finished(20, failed=[1, 6])
    follow_up = follow_ups.retry_failed(parent.pk)
    sentence = told(lambda: lifecycle.edited(follow_up.pk))
    assert sentence == (
        "A follow-up has the texts and the people of its campaign: they stay."
    )
    follow_up.refresh_from_db()
    assert follow_up.status == CampaignStatus.READY


def test_its_states_are_announced(django_capture_on_commit_callbacks: Any) -> None:
    parent = finished(20, failed=[1])
    with (
        heard(campaign_status_changed) as said,
        django_capture_on_commit_callbacks(execute=True),
    ):
        follow_up = follow_ups.retry_failed(parent.pk)
    told_of = [(s["campaign_id"], s["status"]) for s in said]
    assert told_of == [(follow_up.pk, "preparing"), (follow_up.pk, "ready")]


# Free again


def test_deleting_one_that_was_never_launched_frees_its_people() -> None:
    parent = finished(30, failed=[1, 6], silent=range(10, 30, 2))
    factories.opt_out([factories.number(12)])
    for begin in (follow_ups.retry_failed, follow_ups.resend_unknown):
        first = begin(parent.pk)
        lifecycle.delete(first.pk)
        assert decision(parent, 10) == ""
        assert everything_adds_up(parent)
        again = begin(parent.pk)
        assert again.audience_count == first.audience_count
        lifecycle.cancel(again.pk)
        assert everything_adds_up(parent)
    assert decision(parent, 10) == ""


def test_who_was_opted_out_in_a_deleted_one_is_free_too() -> None:
    parent = finished(10, silent=[1, 2])
    factories.opt_out([factories.number(1)])
    lifecycle.delete(follow_ups.resend_unknown(parent.pk).pk)
    assert (decision(parent, 1), decision(parent, 2)) == ("", "")
    assert everything_adds_up(parent)


@pytest.mark.parametrize("status", ["draft", "ready", "scheduled", "preparing"])
def test_cancelling_frees_whoever_was_not_asked_for(status: str) -> None:
    parent = finished(20, silent=[1, 6])
    follow_up = follow_ups.resend_unknown(parent.pk)
    Campaign.objects.filter(pk=follow_up.pk).update(
        status=status, send_at=parent.created_at
    )
    lifecycle.cancel(follow_up.pk)
    assert (decision(parent, 1), decision(parent, 6)) == ("", "")
    assert not SendResult.objects.filter(retry_of__isnull=False).exists()
    assert everything_adds_up(parent)
    assert places(follow_ups.resend_unknown(parent.pk)) == [1, 6]


def test_cancelling_half_way_frees_the_other_half() -> None:
    parent = finished(40, silent=range(0, 40, 2))
    follow_up = follow_ups.resend_unknown(parent.pk)
    lifecycle.launch(follow_up.pk)
    send()
    send(lost)
    lifecycle.cancel(follow_up.pk)
    assert decision(parent, 0) == Resolution.RESEND
    assert decision(parent, 38) == ""
    assert everything_adds_up(parent)
    again = follow_ups.resend_unknown(parent.pk)
    assert places(again) == [*range(20, 40, 2)]
    assert family_ledger(parent).final == {
        **dict.fromkeys(["failed", "skipped", "cancelled"], 0),
        "sent": 25,
        "unknown": 5,
        "pending": 10,
    }


def test_a_cancelled_one_can_be_deleted_and_its_parent_goes_on() -> None:
    parent = finished(20, failed=[1, 6])
    follow_up = follow_ups.retry_failed(parent.pk)
    lifecycle.cancel(follow_up.pk)
    lifecycle.delete(follow_up.pk)
    assert places(follow_ups.retry_failed(parent.pk)) == [1, 6]
    assert everything_adds_up(parent)


def test_one_that_was_sent_cannot_be_deleted() -> None:
    parent = finished(20, failed=[1, 6])
    follow_up = run(follow_ups.retry_failed(parent.pk))
    assert told(lambda: lifecycle.delete(follow_up.pk)) is not None
    assert told(lambda: follow_ups.retry_failed(parent.pk)) is not None


def test_a_campaign_whose_batches_are_many_more_than_a_slice(
    configure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(BATCH_SIZE=1)
    monkeypatch.setattr(chosen, "PEOPLE", 3)
    monkeypatch.setattr(chosen, "BATCHES", 7)
    parent = finished(50, "Hi {{ name }}", failed=range(0, 50, 2))
    follow_up = follow_ups.retry_failed(parent.pk)
    assert places(follow_up) == [*range(0, 50, 2)]
    assert follow_up.batch_count == 25
    lifecycle.delete(follow_up.pk)
    assert not SendResult.objects.filter(retry_of__isnull=False).exists()


# In a transaction of the caller


def locked(call: Callable[[], object]) -> list[str]:
    """The tables whose rows it locked or changed, in the order of the first time."""
    with CaptureQueriesContext(connection) as captured:
        call()
    found = [
        match[1]
        for query in captured
        if query["sql"].startswith("UPDATE") or "FOR UPDATE" in query["sql"]
        for match in [re.search(r"csms_campaigns_(\w+)", query["sql"])]
        if match
    ]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize(
    ("verb", "status"),
    [
        (lifecycle.cancel, CampaignStatus.SENDING),
        (lifecycle.delete, CampaignStatus.READY),
    ],
)
def test_the_account_is_locked_before_the_follow_up(
    verb: Callable[[int], None], status: CampaignStatus
) -> None:
    """A take locks them in this order: in the other one, they would wait for each other."""
    follow_up = follow_ups.retry_failed(finished(10, failed=[1, 2]).pk)
    if status == CampaignStatus.SENDING:
        lifecycle.launch(follow_up.pk)
    order = locked(lambda: verb(follow_up.pk))
    assert order[:2] == ["gatewayaccount", "campaign"]


def test_the_account_is_locked_before_the_campaign_that_is_followed() -> None:
    parent = finished(10, failed=[1, 2])
    order = locked(lambda: follow_ups.begin(parent.pk, follow_ups.failed()))
    assert order[:1] == ["gatewayaccount"]
