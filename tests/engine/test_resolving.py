"""Decisions about unknown recipients: once each, beside a status that stays."""

from __future__ import annotations

from typing import Any

import pytest

from csms_campaigns.engine import chosen, follow_ups, lifecycle
from csms_campaigns.engine.ending import finish_campaigns
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.finishing import finish
from csms_campaigns.engine.ledger import family_ledger, ledger
from csms_campaigns.engine.progress import progress
from csms_campaigns.engine.recovery import sweep
from csms_campaigns.engine.resolving import resolve
from csms_campaigns.engine.taking import Taken, take
from csms_campaigns.gateway import errors
from csms_campaigns.models import Batch, Campaign, SendResult
from csms_campaigns.signals import unknown_resolved
from csms_campaigns.states import BatchStatus, Resolution, SendStatus
from tests import factories
from tests.engine.families import decision, finished, lost, places, result, run
from tests.engine.scenes import UNLIMITED, accepted, heard, refused, send_all, told

pytestmark = pytest.mark.django_db

BOTH = [Resolution.SENT, Resolution.FAILED]


@pytest.fixture(autouse=True)
def _unlimited(configure: Any) -> None:
    configure(**UNLIMITED, BATCH_SIZE=5)


@pytest.mark.parametrize("resolution", BOTH)
def test_all_of_a_campaign(django_user_model: Any, resolution: Resolution) -> None:
    clerk = django_user_model.objects.create(username="clerk")
    parent = finished(20, failed=[3], silent=[5, 6, 12])
    assert resolve(parent.pk, resolution, by=clerk) == 3
    found = result(parent, 6)
    assert (found.resolution, found.status) == (resolution, SendStatus.UNKNOWN)
    assert found.resolved_by == clerk
    assert found.resolved_at is not None
    assert decision(parent, 3) == decision(parent, 4) == ""
    assert ledger(parent).adds_up
    assert ledger(parent).counted["unknown"] == 3


def test_some_batches_or_some_recipients() -> None:
    parent = finished(20, silent=[5, 6, 12, 17])
    batch = result(parent, 5).batch_id
    assert batch
    assert resolve(parent.pk, Resolution.SENT, results=[result(parent, 6).pk]) == 1
    assert resolve(parent.pk, Resolution.FAILED, batches=[batch]) == 1
    said = {i: decision(parent, i) for i in (5, 6, 12, 17)}
    assert said == {5: "failed", 6: "sent", 12: "", 17: ""}
    shown = progress(parent)
    assert (shown.unknown, shown.treated_as_sent, shown.treated_as_failed) == (4, 1, 1)
    assert ledger(parent).adds_up


def test_each_is_decided_about_once() -> None:
    parent = finished(20, silent=[5, 6])
    assert resolve(parent.pk, Resolution.SENT, results=[result(parent, 5).pk]) == 1
    before = result(parent, 5).resolved_at
    assert resolve(parent.pk, Resolution.FAILED) == 1
    assert resolve(parent.pk, Resolution.FAILED) == 0
    assert decision(parent, 5) == "sent"
    assert result(parent, 5).resolved_at == before


def test_who_is_treated_as_something_is_not_sent_again() -> None:
    parent = finished(20, failed=[3], silent=[5, 6, 7])
    resolve(parent.pk, Resolution.SENT, results=[result(parent, 5).pk])
    resolve(parent.pk, Resolution.FAILED, results=[result(parent, 6).pk])
    assert places(follow_ups.retry_failed(parent.pk, all_causes=True)) == [3]
    again = follow_ups.resend_unknown(parent.pk)
    assert places(again) == [7]
    assert resolve(parent.pk, Resolution.SENT) == 0
    found = family_ledger(parent)
    assert found.adds_up
    assert found.family.decided == {
        "treated_as_sent": 1,
        "treated_as_failed": 1,
        "undecided": 0,
    }


def test_batches_of_another_campaign_are_left_alone() -> None:
    parent, other = finished(5, silent=[1]), finished(5, silent=[6])
    strange = result(other, 6)
    assert resolve(parent.pk, Resolution.SENT, batches=[strange.batch_id or 0]) == 0
    assert resolve(parent.pk, Resolution.SENT, results=[strange.pk]) == 0
    assert decision(other, 6) == ""


def test_send_again_is_no_mere_mark() -> None:
    parent = finished(5, silent=[1])
    with pytest.raises(ValueError, match="resend_unknown"):
        resolve(parent.pk, Resolution.RESEND)


def test_a_campaign_that_is_not_there() -> None:
    with pytest.raises(CampaignError) as found:
        resolve(4711, Resolution.SENT)
    assert found.value.code == "no_campaign"


def test_while_the_campaign_is_being_sent() -> None:
    parent = factories.sending(20)
    lifecycle_and_lost(parent)
    assert resolve(parent.pk, Resolution.SENT) == 5
    parent.refresh_from_db()
    lifecycle.resume(parent.pk)
    send_all()
    assert ledger(parent).counted == {"sent": 15, "unknown": 5}
    assert ledger(parent).adds_up


def lifecycle_and_lost(parent: Campaign) -> Taken:
    """Its canary got no answer: it is paused."""
    taken = take("default")
    assert isinstance(taken, Taken)
    finish(taken, lost(taken))
    return taken


def test_in_slices_each_in_a_transaction_of_its_own(
    configure: Any,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    monkeypatch.setattr(chosen, "PEOPLE", 3)
    monkeypatch.setattr(chosen, "BATCHES", 4)
    configure(BATCH_SIZE=2)
    parent = finished(41, silent=range(1, 41, 2))
    with (
        heard(unknown_resolved) as said,
        django_capture_on_commit_callbacks(execute=True),
    ):
        assert resolve(parent.pk, Resolution.SENT) == 20
    assert len(said) >= 5
    assert sum(one["count"] for one in said) == 20
    assert {(s["campaign_id"], s["resolution"]) for s in said} == {(parent.pk, "sent")}
    assert ledger(parent).adds_up


# Late answers


def stalled() -> tuple[Campaign, Taken]:
    """Five people whose worker sleeps: the sweep has made them unknown."""
    parent = factories.sending(5)
    taken = take("default")
    assert isinstance(taken, Taken)
    Batch.objects.update(lease_until=parent.created_at)
    assert sweep() == 1
    return parent, taken


@pytest.mark.parametrize("resolution", BOTH)
@pytest.mark.parametrize("answer", [accepted, refused])
def test_a_late_answer_changes_nothing_that_was_decided(
    resolution: Resolution, answer: Any
) -> None:
    parent, taken = stalled()
    resolve(parent.pk, resolution, results=[result(parent, i).pk for i in (0, 1)])
    finish(taken, answer(taken))
    assert places(parent, SendStatus.UNKNOWN) == [0, 1]
    assert {decision(parent, i) for i in (0, 1)} == {resolution}
    assert result(parent, 0).message_id == ""
    status = SendStatus.SENT if answer is accepted else SendStatus.FAILED
    assert places(parent, status) == [2, 3, 4]
    batch = Batch.objects.get()
    assert (batch.status, batch.unknown_count) == (BatchStatus.DONE, 2)
    assert ledger(parent).adds_up
    assert resolve(parent.pk, Resolution.SENT) == 0


def test_who_would_be_sent_again_and_had_been_reached_is_left_out() -> None:
    parent, taken = stalled()
    follow_up = follow_ups.resend_unknown(parent.pk)
    finish(taken, accepted(taken))
    assert places(parent, SendStatus.SENT) == [0, 1, 2, 3, 4]
    run(follow_up)
    found = SendResult.objects.filter(campaign=follow_up)
    assert set(found.values_list("status", "skip_reason")) == {("skipped", "answered")}
    finish_campaigns()
    follow_up.refresh_from_db()
    assert follow_up.status == "finished"
    together = family_ledger(parent)
    assert together.adds_up, together
    assert together.final["sent"] == 5


def test_a_late_answer_in_the_middle_of_the_follow_up() -> None:
    parent, taken = stalled()
    follow_up = follow_ups.resend_unknown(parent.pk)
    lifecycle.launch(follow_up.pk)
    again = take("default")
    assert isinstance(again, Taken)
    finish(taken, accepted(taken))
    finish(again, accepted(again))
    # They were asked for twice, as somebody decided; each is one person all the same.
    found = family_ledger(parent)
    assert found.adds_up, found
    assert {k: v for k, v in found.final.items() if v} == {"sent": 5}


def test_a_late_answer_that_says_no_is_no_reason_to_leave_anybody_out() -> None:
    parent, taken = stalled()
    follow_up = follow_ups.resend_unknown(parent.pk)
    finish(taken, errors.Refused("no"))
    assert places(parent, SendStatus.FAILED) == [0, 1, 2, 3, 4]
    run(follow_up)
    assert places(follow_up, SendStatus.SENT) == [0, 1, 2, 3, 4]
    assert told(lambda: follow_ups.retry_failed(parent.pk, all_causes=True))
    assert family_ledger(parent).adds_up


def test_a_late_answer_and_then_the_follow_up_is_given_up() -> None:
    parent, taken = stalled()
    follow_up = follow_ups.resend_unknown(parent.pk)
    finish(taken, refused(taken))
    lifecycle.delete(follow_up.pk)
    assert decision(parent, 0) == ""
    assert family_ledger(parent).adds_up
    assert places(follow_ups.retry_failed(parent.pk, all_causes=True)) == [*range(5)]


def test_an_answer_to_the_first_reaches_the_third_generation() -> None:
    parent, taken = stalled()
    first = follow_ups.resend_unknown(parent.pk)
    lifecycle.launch(first.pk)
    lifecycle_and_lost(first)
    second = follow_ups.resend_unknown(first.pk)
    finish(taken, accepted(taken))
    run(second)
    found = SendResult.objects.filter(campaign=second)
    assert set(found.values_list("skip_reason", flat=True)) == {"answered"}
    assert family_ledger(parent).final["sent"] == 5
    assert family_ledger(parent).adds_up
