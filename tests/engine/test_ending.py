"""How campaigns end: once, when nothing is open, and in slices when they are cancelled."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from csms_campaigns.engine import ending, finishing, lifecycle, ticking
from csms_campaigns.engine.ending import (
    cancel_leftovers,
    cancel_pending,
    finish_campaign,
    finish_campaigns,
)
from csms_campaigns.engine.ledger import ledger
from csms_campaigns.engine.sums import sums
from csms_campaigns.engine.taking import Taken, take
from csms_campaigns.gateway.errors import AnswerLost, Unreachable
from csms_campaigns.models import Batch, Campaign, SendResult
from csms_campaigns.signals import campaign_status_changed
from csms_campaigns.states import CampaignStatus
from tests import factories
from tests.engine.scenes import UNLIMITED, accepted, campaign_in, heard, send, send_all

pytestmark = pytest.mark.django_db

S = CampaignStatus


@pytest.fixture(autouse=True)
def _unlimited(configure: Any) -> None:
    configure(**UNLIMITED, BATCH_SIZE=10)


class Killed(BaseException):
    pass


def status(campaign: Campaign) -> str:
    campaign.refresh_from_db()
    return campaign.status


# Finished


def test_the_last_answer_finishes_a_campaign() -> None:
    campaign = campaign_in(S.SENDING, 15)
    send()
    assert status(campaign) == S.SENDING
    send()
    assert status(campaign) == S.FINISHED
    assert campaign.finished_at is not None
    assert campaign.status_reason == ""


def test_an_unknown_batch_is_not_open() -> None:
    campaign = campaign_in(S.SENDING, 15)
    send()
    send(lambda _taken: AnswerLost("silence"))
    assert status(campaign) == S.FINISHED
    assert ledger(campaign).counted == {"sent": 5, "unknown": 10}


def test_a_paused_campaign_ends_with_what_was_in_flight() -> None:
    campaign = campaign_in(S.SENDING, 5)
    taken = take("default")
    assert isinstance(taken, Taken)
    lifecycle.pause(campaign.pk)
    finishing.finish(taken, accepted(taken))
    assert status(campaign) == S.FINISHED


@pytest.mark.parametrize("open_", ["pending", "sending"])
def test_an_open_batch_keeps_it_open(open_: str) -> None:
    campaign = campaign_in(S.SENDING, 15)
    send()
    if open_ == "sending":
        take("default")
    assert not finish_campaign(campaign.pk, timezone.now())
    assert status(campaign) == S.SENDING


@pytest.mark.parametrize("state", set(S) - {S.SENDING, S.PAUSED})
def test_only_what_was_launched_can_finish(state: CampaignStatus) -> None:
    campaign = campaign_in(state)
    Batch.objects.update(status="done", sent_count=3)
    finish_campaign(campaign.pk, timezone.now())
    assert status(campaign) == state


@pytest.mark.parametrize("state", [S.SENDING, S.PAUSED])
def test_the_tick_finishes_what_nobody_did(state: CampaignStatus) -> None:
    """Who closed the last batch died before it could finish the campaign."""
    campaign = campaign_in(state)
    other = campaign_in(S.SENDING, 1)
    Batch.objects.filter(campaign=campaign).update(status="done", sent_count=3)
    finish_campaigns()
    assert status(campaign) == S.FINISHED
    assert status(other) == S.SENDING


def test_finishing_is_said_once(django_capture_on_commit_callbacks: Any) -> None:
    campaign = campaign_in(S.SENDING)
    with (
        heard(campaign_status_changed) as said,
        django_capture_on_commit_callbacks(execute=True),
    ):
        send_all()
        assert not finish_campaign(campaign.pk, timezone.now())
    assert said == [{"campaign_id": campaign.pk, "status": "finished", "reason": ""}]


# Cancelled


def test_slices_cancel_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "SLICE", 3)
    campaign = campaign_in(S.SENDING, 95)
    send()
    lifecycle.cancel(campaign.pk)
    assert ledger(campaign).counted == {"sent": 5, "cancelled": 90}
    assert not Batch.objects.filter(status="cancelled", finished_at=None).exists()


def test_the_statements_of_a_cancel_grow_with_slices_not_with_people() -> None:
    campaign = campaign_in(S.SENDING, 95)
    Campaign.objects.update(status="cancelled")
    with CaptureQueriesContext(connection) as captured:
        cancel_pending(campaign.pk)
    assert len(captured) <= 12


def test_a_cancel_that_died_half_way_is_ended_by_the_tick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ending, "SLICE", 2)
    campaign = campaign_in(S.SENDING, 95)
    other = campaign_in(S.SENDING, 1)
    cancel, slices = ending._cancel_slice, []

    def dying(campaign_id: int) -> bool:
        slices.append(campaign_id)
        if len(slices) == 3:
            raise Killed
        return cancel(campaign_id)

    with monkeypatch.context() as patched:
        patched.setattr(ending, "_cancel_slice", dying)
        with pytest.raises(Killed):
            lifecycle.cancel(campaign.pk)
    assert status(campaign) == S.CANCELLED
    assert Batch.objects.filter(campaign=campaign, status="cancelled").count() == 4
    cancel_leftovers()
    campaign.refresh_from_db()
    assert ledger(campaign).counted == {"cancelled": 95}
    assert ledger(campaign).adds_up
    assert status(other) == S.SENDING
    assert SendResult.objects.filter(campaign=other, status="pending").exists()


def test_a_slice_is_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = campaign_in(S.SENDING, 25)

    def dying(_ids: list[int]) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(ending, "cancel_recipients", dying)
        with pytest.raises(Killed), transaction.atomic():
            lifecycle.cancel(campaign.pk)
    campaign.refresh_from_db()
    assert ledger(campaign).counted == {"pending": 25}
    assert ledger(campaign).adds_up


def test_what_is_in_flight_is_still_recorded() -> None:
    campaign = campaign_in(S.SENDING, 25)
    send()
    taken = take("default")
    assert isinstance(taken, Taken)
    lifecycle.cancel(campaign.pk)
    campaign.refresh_from_db()
    assert ledger(campaign).counted == {"sent": 5, "pending": 10, "cancelled": 10}
    finishing.finish(taken, accepted(taken))
    assert ledger(campaign).counted == {"sent": 15, "cancelled": 10}
    assert ledger(campaign).adds_up
    assert status(campaign) == S.CANCELLED


def test_what_was_certainly_not_sent_after_a_cancel_is_cancelled_too() -> None:
    campaign = campaign_in(S.SENDING, 5)
    taken = take("default")
    assert isinstance(taken, Taken)
    lifecycle.cancel(campaign.pk)
    finishing.finish(taken, Unreachable("no route"))
    campaign.refresh_from_db()
    assert ledger(campaign).counted == {"cancelled": 5}
    assert ledger(campaign).adds_up


def test_a_tick_leaves_an_ended_campaign_alone() -> None:
    campaign = campaign_in(S.CANCELLED, 5)
    before = Campaign.objects.values().get(pk=campaign.pk)
    ticking.tick(lambda _alias, _count: True, lambda _pk: True)
    assert Campaign.objects.values().get(pk=campaign.pk) == before


def test_an_empty_slice_ends_the_loop() -> None:
    campaign = factories.draft()
    cancel_pending(campaign.pk)
    assert status(campaign) == S.DRAFT


def test_what_a_long_cancel_leaves_is_for_the_next_ticks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ending, "SLICE", 2)
    monkeypatch.setattr(ending, "PATIENCE", 0.0)
    campaign = campaign_in(S.SENDING, 95)
    batches = Batch.objects.filter(campaign=campaign)
    lifecycle.cancel(campaign.pk)
    assert status(campaign) == S.CANCELLED
    for done in (2, 4):
        assert batches.filter(status="cancelled").count() == done
        cancel_leftovers()
    while batches.filter(status="pending").exists():
        cancel_leftovers()
    assert sums(campaign).cancelled == 95
