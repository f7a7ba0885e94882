"""Two people, or a person and a late answer, at the same moment on real connections."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from csms_campaigns.engine import follow_ups, lifecycle, recording, repeating, resolving
from csms_campaigns.engine.finishing import finish
from csms_campaigns.engine.ledger import family_ledger
from csms_campaigns.engine.recovery import sweep
from csms_campaigns.engine.taking import Taken, take
from csms_campaigns.models import Batch, Campaign, SendResult
from csms_campaigns.states import Resolution, SendStatus
from tests import factories
from tests.engine.families import finished, places
from tests.engine.scenes import UNLIMITED, accepted, together

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _unlimited(configure: Any) -> None:
    configure(**UNLIMITED, BATCH_SIZE=5)


# Ours alone: a browser's threads, of other tests, live on.
OTHERS: list[threading.Thread] = []


@pytest.fixture
def meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[Any, str, Callable[[], object]], None]]:
    """`meanwhile(module, name, do)`: somebody else does it when that function is first called.

    It is called inside a transaction, so the other one waits for its end, or is quicker.
    """
    others = OTHERS
    others.clear()

    def arrange(module: Any, name: str, do: Callable[[], object]) -> None:
        original = getattr(module, name)

        def slow(*args: Any, **kwargs: Any) -> Any:
            if not others:
                others.append(threading.Thread(target=run, args=(do,)))
                others[0].start()
                # Time to do it, if nothing holds it back; it may as well go on afterwards.
                others[0].join(0.5)
            return original(*args, **kwargs)

        monkeypatch.setattr(module, name, slow)

    def run(do: Callable[[], object]) -> None:
        try:
            do()
        finally:
            connection.close()

    yield arrange
    for other in others:
        other.join(30)


def stalled(count: int = 5) -> tuple[Campaign, Taken]:
    parent = factories.sending(count)
    taken = take("default")
    assert isinstance(taken, Taken)
    Batch.objects.filter(status="sending").update(lease_until=parent.created_at)
    assert sweep() == 1
    return parent, taken


def wait_for_the_other() -> None:
    for thread in OTHERS:
        thread.join(30)


def said(campaign: Campaign) -> set[tuple[str, str]]:
    found = SendResult.objects.filter(campaign=campaign)
    return set(found.values_list("status", "resolution"))


def test_a_late_answer_comes_while_somebody_decides(meanwhile: Any) -> None:
    parent, taken = stalled()
    meanwhile(resolving, "recount_decisions", lambda: finish(taken, accepted(taken)))
    resolving.resolve(parent.pk, Resolution.FAILED)
    wait_for_the_other()
    assert said(parent) == {("unknown", "failed")}
    assert family_ledger(parent).adds_up


def test_somebody_decides_while_a_late_answer_is_written(meanwhile: Any) -> None:
    parent, taken = stalled()
    meanwhile(
        recording,
        "close_batch",
        lambda: resolving.resolve(parent.pk, Resolution.FAILED),
    )
    finish(taken, accepted(taken))
    wait_for_the_other()
    assert said(parent) == {("sent", "")}
    assert family_ledger(parent).adds_up


def test_a_late_answer_comes_while_they_are_chosen_to_be_sent_again(
    meanwhile: Any,
) -> None:
    parent, taken = stalled()
    meanwhile(repeating, "write_again", lambda: finish(taken, accepted(taken)))
    follow_up = follow_ups.resend_unknown(parent.pk)
    wait_for_the_other()
    assert said(parent) == {("sent", "resend")}
    lifecycle.launch(follow_up.pk)
    assert not isinstance(take("default"), Taken)
    assert places(follow_up, SendStatus.SKIPPED) == [0, 1, 2, 3, 4]
    assert family_ledger(parent).final["sent"] == 5
    assert family_ledger(parent).adds_up


def test_they_are_chosen_while_a_late_answer_is_written(meanwhile: Any) -> None:
    parent, taken = stalled()
    follow_up, token = follow_ups.begin(parent.pk, follow_ups.unknown())
    meanwhile(
        recording,
        "close_batch",
        lambda: follow_ups.audience.prepare(follow_up.pk, token),
    )
    finish(taken, accepted(taken))
    wait_for_the_other()
    follow_up.refresh_from_db()
    assert said(parent) == {("sent", "")}
    assert (follow_up.status, follow_up.audience_count) == ("draft", 0)
    assert family_ledger(parent).adds_up


def test_two_people_decide_differently() -> None:
    parent = finished(40, silent=range(0, 40, 2))
    decisions = iter([Resolution.SENT, Resolution.FAILED])
    together(lambda: resolving.resolve(parent.pk, next(decisions)))
    decided = SendResult.objects.filter(status=SendStatus.UNKNOWN)
    assert not decided.filter(resolution="").exists()
    assert family_ledger(parent).adds_up


@pytest.mark.parametrize("tabs", [2, 4])
def test_the_same_button_in_several_tabs(tabs: int) -> None:
    parent = finished(40, failed=range(0, 40, 2))
    answers = together(lambda: follow_ups.retry_failed(parent.pk), tabs)
    assert answers.count(None) == 1
    made = Campaign.objects.filter(parent=parent)
    assert [places(c) for c in made] == [[*range(0, 40, 2)]]
    assert family_ledger(parent).adds_up


def test_send_again_and_treat_as_sent_at_the_same_moment() -> None:
    parent = finished(40, silent=range(0, 40, 2))
    calls: Iterator[Callable[[], object]] = iter(
        [
            lambda: follow_ups.resend_unknown(parent.pk),
            lambda: resolving.resolve(parent.pk, Resolution.SENT),
        ]
    )
    together(lambda: next(calls)())
    decided = SendResult.objects.filter(campaign=parent, status=SendStatus.UNKNOWN)
    again = set(decided.filter(resolution="resend").values_list("pk", flat=True))
    linked = SendResult.objects.filter(retry_of__isnull=False)
    assert set(linked.values_list("retry_of", flat=True)) == again
    assert decided.filter(resolution="").count() == 0
    assert family_ledger(parent).adds_up


def test_a_follow_up_is_launched_while_it_is_deleted(meanwhile: Any) -> None:
    parent = finished(20, failed=[1, 6])
    follow_up = follow_ups.retry_failed(parent.pk)
    refused: list[BaseException] = []

    def launch() -> None:
        try:
            lifecycle.launch(follow_up.pk)
        except lifecycle.CampaignError as error:
            refused.append(error)

    meanwhile(lifecycle, "take_apart", launch)
    lifecycle.delete(follow_up.pk)
    wait_for_the_other()
    assert [str(error) for error in refused] == ["It is a draft: review it first."]
    assert Campaign.objects.get() == parent
    assert places(follow_ups.retry_failed(parent.pk)) == [1, 6]


def test_two_cancel_a_follow_up_while_a_late_answer_comes(meanwhile: Any) -> None:
    parent, taken = stalled(20)
    follow_up = follow_ups.resend_unknown(parent.pk)
    meanwhile(lifecycle, "cancel_pending", lambda: finish(taken, accepted(taken)))
    lifecycle.cancel(follow_up.pk)
    wait_for_the_other()
    assert ("sent", "") in said(parent)
    assert family_ledger(parent).adds_up
