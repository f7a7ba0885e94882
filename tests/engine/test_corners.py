"""Moments between two steps, and rows that two rules are about."""

from __future__ import annotations

from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.db import OperationalError

from csms_campaigns.engine import (
    audience,
    erasing,
    follow_ups,
    keeping,
    overview,
    remembering,
    repeating,
    retention,
    taking,
    testing,
)
from csms_campaigns.engine.database import now
from csms_campaigns.engine.ledger import family_ledger, ledger
from csms_campaigns.engine.progress import progress
from csms_campaigns.engine.restoring import after_restore
from csms_campaigns.engine.retention import Kept
from csms_campaigns.engine.sums import recent_sums_of
from csms_campaigns.engine.taking import Taken, Wait, take
from csms_campaigns.engine.writing import TokenLost
from csms_campaigns.models import Batch, Campaign, GatewayAccount, SendResult
from csms_campaigns.states import CampaignStatus, SendStatus
from tests import factories
from tests.engine import scenes
from tests.engine.families import finished, run, saying
from tests.polling import wait_until

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _unlimited(configure: Any) -> None:
    configure(**scenes.UNLIMITED)


# Figures that are kept


def test_the_pace_is_not_taken_from_figures_that_have_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = factories.sending(12)
    scenes.send()
    monkeypatch.setattr(remembering, "LARGE", 0)
    remembering.forget()
    campaign.refresh_from_db()
    assert recent_sums_of([campaign])[campaign.pk].lately == 0
    assert progress(campaign).rate_per_minute > 0
    remembering.forget()


# Erasing while people are written


def test_a_text_is_not_blanked_while_others_still_come_into_its_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parent = factories.sending(
        lists=[factories.people(3, city="Paris")], message="Hi {{ city }}"
    )
    scenes.send_all(saying(failed=[0, 1, 2]))
    # One batch of the parent for each person, so that each is a slice.
    for row in SendResult.objects.filter(campaign=parent).order_by("pk")[1:]:
        batch = Batch.objects.create(
            campaign=parent,
            number=row.pk + 10,
            message="Hi Paris",
            segments=1,
            status="done",
            size=1,
            failed_count=1,
        )
        SendResult.objects.filter(pk=row.pk).update(batch=batch)
    Batch.objects.filter(campaign=parent, number=1).update(size=1, failed_count=1)
    monkeypatch.setattr("csms_campaigns.engine.chosen.BATCHES", 1)
    follow_up, _token = follow_ups.begin(parent.pk, follow_ups.failed())
    begin_anew = erasing._begin_preparations_anew
    repeaters = []

    def and_a_worker_is_quick(*ids: Any) -> None:
        begin_anew(*ids)
        if repeaters:
            return
        follow_up.refresh_from_db()
        token = follow_up.prepare_token
        assert token
        choice = follow_ups.Choice.of(follow_up)
        message = repeating.compiled_message(follow_up.message)
        batcher = repeating.Batcher(message, 100)
        one = repeating.Repeater(follow_up, token, choice, batcher)
        repeaters.append((one, one._write_after(0)))

    monkeypatch.setattr(erasing, "_begin_preparations_anew", and_a_worker_is_quick)
    erasing.erase(factories.number(0))
    [(one, last)] = repeaters
    with pytest.raises(TokenLost):
        one._write_after(last)
    audience.prepare_once(follow_up.pk, "")
    run(follow_up)
    texts = Batch.objects.filter(campaign=follow_up).values_list("message", flat=True)
    assert set(texts) == {"Hi Paris"}
    assert family_ledger(parent).adds_up


# A take


def test_a_take_gives_the_account_back_after_so_many_emptied_batches(
    configure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(**scenes.UNLIMITED, BATCH_SIZE=5)
    campaign = factories.sending(25)
    factories.opt_out(factories.number(i) for i in range(20))
    monkeypatch.setattr(taking, "MOST_EMPTIED", 2)
    assert take("default") == Wait(0.0)
    assert Batch.objects.filter(status="done").count() == 2
    assert take("default") == Wait(0.0)
    taken = take("default")
    assert isinstance(taken, Taken)
    assert set(taken.numbers) == {factories.number(i) for i in range(20, 25)}
    scenes.finishing.finish(taken, scenes.accepted(taken))
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.FINISHED
    assert ledger(campaign).adds_up


# Retention


def age(days: int, *campaigns: Campaign) -> None:
    found = Campaign.objects.filter(pk__in=[campaign.pk for campaign in campaigns])
    found.update(finished_at=now() - timedelta(days=days))


def test_a_family_is_kept_until_its_last_member_has_ended() -> None:
    root = finished(6, failed=[1, 2])
    child = run(follow_ups.retry_failed(root.pk), saying(failed=[1]))
    grandchild = follow_ups.retry_failed(child.pk)
    age(100, root, child)
    assert retention.keep(anonymise_after=90, delete_after=95) == Kept()
    run(grandchild)
    age(100, grandchild)
    done = retention.keep(anonymise_after=None, delete_after=95)
    assert done.deleted_campaigns == 3


def test_a_test_in_somebodys_name_goes_too() -> None:
    campaign = factories.draft(2, "Dear {{ name }}")
    test = testing.send_test(campaign.pk, ["+12025550143"])
    scenes.send_all()
    assert "Person" in Campaign.objects.get(pk=test.pk).message
    age(100, test)
    retention.keep(anonymise_after=90, delete_after=None)
    for model in (Campaign, Batch):
        texts = model.objects.values_list("message", flat=True)
        assert not any("Person" in text for text in texts)


# Pages


def test_tests_are_not_among_the_last_failures() -> None:
    campaign = factories.draft(2)
    testing.send_test(campaign.pk, ["+12025550143"])
    scenes.send_all(scenes.refused)
    assert SendResult.objects.filter(status=SendStatus.FAILED).exists()
    assert overview.last_failures() == []


# After a restore


@pytest.mark.parametrize(("since", "counted"), [(1000, 7), (150, 207)])
def test_an_older_loss_that_has_left_the_windows_is_not_counted_again(
    configure: Any, since: int, counted: int
) -> None:
    configure(MIN_GAP=0, RATE_LIMITS=[(100, 60)])
    factories.sending(3)
    assert isinstance(take("default"), Taken)
    after_restore("default", requests=50)
    account = GatewayAccount.objects.get()
    account.cum += since
    account.save()
    done = after_restore("default", requests=7)
    account.refresh_from_db()
    assert done.missing == 7
    assert account.lost_to - account.lost_from == counted


# The token, while the site's code is busy


def test_one_error_does_not_end_the_keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def hold(*_args: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise OperationalError

    monkeypatch.setattr(keeping, "hold", hold)
    monkeypatch.setattr(keeping, "EVERY", 0.01)
    campaign = factories.draft(1)
    with keeping.kept(campaign.pk, audience.begin(campaign.pk)):
        wait_until(lambda: len(calls) > 2)


def test_leaving_does_not_wait_for_one_who_waits_for_us(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Within a transaction of the site's, the campaign's row is locked by ourselves."""
    began, ended = Event(), Event()

    def hold(*_args: Any) -> None:
        began.set()
        assert ended.wait(60)

    monkeypatch.setattr(keeping, "hold", hold)
    monkeypatch.setattr(keeping, "EVERY", 0.01)
    campaign = factories.draft(1)
    with keeping.kept(campaign.pk, audience.begin(campaign.pk)):
        assert began.wait(60)
    ended.set()
