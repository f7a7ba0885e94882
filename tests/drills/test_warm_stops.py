"""SIGTERM: the batch in hand is recorded, sleepers wake, and nothing is unknown afterwards."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from csms_campaigns import tasks
from csms_campaigns.models import Batch, GatewayAccount, SendResult
from csms_campaigns.states import BatchStatus, SendStatus
from tests import factories
from tests.e2e.outcome import check_promises, is_finished

# What a signal does to a pool is the same on every database.
pytestmark = [
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("pool", ["threads", "prefork"]),
]

PEOPLE = 305


def sleeps() -> bool:
    return GatewayAccount.objects.filter(sleeper_until__isnull=False).exists()


def stop_warmly(worker: Any) -> None:
    """SIGTERM, and an end by itself: the fixture would kill what does not hear it."""
    worker.stop_signal(signal.SIGTERM)
    worker.wait_end(seconds=25)
    assert worker.child.status == 0


def test_a_warm_stop_records_what_is_in_flight(
    quick: Any, drill_worker: Any, wait_until: Any, pool: str
) -> None:
    gateway = quick(latency=1, CONCURRENCY=4)
    campaign = factories.sending(PEOPLE)
    first = drill_worker(pool=pool, concurrency=6)
    tasks.wake_lanes("default")
    wait_until(lambda: gateway.state()["in_flight"] == 4)
    stop_warmly(first)
    assert not Batch.objects.filter(status=BatchStatus.SENDING).exists()
    assert not SendResult.objects.filter(status=SendStatus.UNKNOWN).exists()
    gateway.control(latency="0")
    drill_worker(pool=pool, concurrency=6)
    wait_until(lambda: is_finished(campaign), seconds=180)
    assert check_promises(campaign, gateway) == {"sent": PEOPLE}


def test_a_warm_stop_wakes_who_sleeps_for_the_limits(
    quick: Any, drill_worker: Any, wait_until: Any, pool: str
) -> None:
    gateway = quick(RATE_LIMITS=[(4, 50)])
    factories.sending(PEOPLE)
    worker = drill_worker(pool=pool, concurrency=6)
    tasks.wake_lanes("default")
    wait_until(sleeps)
    stop_warmly(worker)
    # Nobody waits for a sleeper that is gone.
    assert not sleeps()
    assert gateway.state()["requests"] == 4
    assert not SendResult.objects.filter(status=SendStatus.UNKNOWN).exists()


def test_a_warm_stop_ends_though_a_sleeping_child_was_killed(
    quick: Any, drill_worker: Any, wait_until: Any, pool: str
) -> None:
    """The kernel kills the largest process, not the one that we would choose."""
    quick(RATE_LIMITS=[(4, 50)])
    factories.sending(PEOPLE)
    worker = drill_worker(pool=pool, concurrency=6, beat=False)
    tasks.wake_lanes("default")
    wait_until(sleeps)
    for child in worker.children():
        os.kill(child, signal.SIGKILL)
    stop_warmly(worker)
