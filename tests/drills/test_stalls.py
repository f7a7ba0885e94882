"""SIGSTOP: a process that sleeps through its permit, its lease, or the answer."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from typing import Any

import pytest

from csms_campaigns import tasks
from csms_campaigns.engine.database import now
from csms_campaigns.engine.limits import GATE
from csms_campaigns.models import Attempt, Batch, SendResult
from csms_campaigns.states import AttemptOutcome, BatchStatus, SendStatus
from tests import factories
from tests.e2e.outcome import check_promises, is_finished

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE, BATCH = 155, 10


def permit_is_over() -> bool:
    latest = Attempt.objects.order_by("cum").last()
    return bool(latest) and now() > latest.stamped_at + timedelta(seconds=GATE + 0.2)


def unknown() -> int:
    return SendResult.objects.filter(status=SendStatus.UNKNOWN).count()


def test_a_permit_that_was_slept_through_is_not_used(
    quick: Any, drill_worker: Any, wait_until: Any
) -> None:
    gateway = quick(latency=0.2)
    campaign = factories.sending(PEOPLE)
    sleeper = drill_worker(step="before_first_byte", action="stop", margin=None)
    pid = sleeper.stopped()
    before = gateway.state()["requests"]
    wait_until(permit_is_over)
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: is_finished(campaign), seconds=180)
    assert check_promises(campaign, gateway) == {"sent": PEOPLE}
    burnt = Attempt.objects.get(outcome=AttemptOutcome.NOT_SENT)
    # The gateway never saw it, and its batch left with the permit after.
    assert burnt.cum == before + 1
    assert gateway.state()["requests"] == Attempt.objects.count() - 1


def test_a_lease_that_was_slept_through_before_sending_is_no_text(
    quick: Any, drill_worker: Any, wait_until: Any
) -> None:
    """Unknown at first; then the sleeper finds that it may not send, and says so."""
    gateway = quick(latency=0.2)
    campaign = factories.sending(PEOPLE)
    pid = drill_worker(step="before_first_byte", action="stop", beat=False)
    tasks.wake_lanes("default")
    stopped = pid.stopped()
    drill_worker()
    wait_until(lambda: is_finished(campaign), seconds=180)
    assert check_promises(campaign, gateway) == {
        "sent": PEOPLE - BATCH,
        "unknown": BATCH,
    }
    os.kill(stopped, signal.SIGCONT)
    wait_until(lambda: unknown() == 0)
    assert check_promises(campaign, gateway) == {
        "sent": PEOPLE - BATCH,
        "failed": BATCH,
    }


def test_an_answer_that_was_slept_through_still_counts(
    quick: Any, drill_worker: Any, wait_until: Any
) -> None:
    gateway = quick(latency=0.2)
    campaign = factories.sending(PEOPLE)
    sleeper = drill_worker(step="after_answer", action="stop", beat=False)
    tasks.wake_lanes("default")
    pid = sleeper.stopped()
    drill_worker()
    wait_until(lambda: is_finished(campaign), seconds=180)
    assert check_promises(campaign, gateway)["unknown"] == BATCH
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: unknown() == 0)
    assert check_promises(campaign, gateway) == {"sent": PEOPLE}
    assert set(Batch.objects.values_list("status", flat=True)) == {BatchStatus.DONE}


def test_a_request_that_was_slept_through_is_not_repeated(
    quick: Any, drill_worker: Any, wait_until: Any
) -> None:
    """Its time is over when the process wakes; what lies in the socket may or may not be read."""
    gateway = quick(latency=0.2)
    campaign = factories.sending(PEOPLE)
    sleeper = drill_worker(step="in_flight", action="stop", beat=False)
    tasks.wake_lanes("default")
    pid = sleeper.stopped()
    drill_worker()
    wait_until(lambda: is_finished(campaign), seconds=180)
    before = gateway.state()["requests"]
    assert check_promises(campaign, gateway) == {
        "sent": PEOPLE - BATCH,
        "unknown": BATCH,
    }
    os.kill(pid, signal.SIGCONT)
    sleeper.stop_signal(signal.SIGTERM)
    sleeper.wait_end()
    assert gateway.state()["requests"] == before
    counted = check_promises(campaign, gateway)
    assert counted["sent"] + counted.get("unknown", 0) == PEOPLE
