"""Celery settings of a site that were made for other tasks, and would text people twice."""

from __future__ import annotations

from typing import Any

import pytest
from celery import current_app

from csms_campaigns import tasks
from csms_campaigns.engine import lifecycle
from csms_campaigns.models import Attempt, SendResult
from tests import factories
from tests.e2e.outcome import check_promises, is_finished

# What Celery does with the host's settings is the same on every database.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]

LATE: dict[str, Any] = {
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "task_acks_on_failure_or_timeout": False,
    "task_track_started": True,
    "task_ignore_result": False,
    "worker_prefetch_multiplier": 500,
    "broker_transport_options": {
        "visibility_timeout": 5,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    },
}
PEOPLE = 105


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_late_acknowledgement_and_a_short_visibility_timeout(
    quick: Any, drill_worker: Any, wait_until: Any, pool: str
) -> None:
    """Answers take longer than the broker waits: it hands the messages out again."""
    gateway = quick(latency=6, TIMEOUT=(1, 12), CONCURRENCY=4)
    campaign = factories.sending(PEOPLE - 50)
    for _each in range(2):
        drill_worker(pool=pool, concurrency=4, celery=LATE)
    tasks.wake_lanes("default")
    wait_until(lambda: is_finished(campaign), seconds=180)
    assert check_promises(campaign, gateway) == {"sent": PEOPLE - 50}
    assert Attempt.objects.count() == gateway.state()["requests"] == 6


def test_a_child_that_dies_is_not_repeated_by_the_broker(
    quick: Any, drill_worker: Any, wait_until: Any
) -> None:
    gateway = quick(latency=0.2)
    campaign = factories.sending(PEOPLE)
    drill_worker(pool="prefork", concurrency=2, celery=LATE, step="in_flight").struck()
    wait_until(lambda: is_finished(campaign), seconds=180)
    assert check_promises(campaign, gateway) == {"sent": PEOPLE - 10, "unknown": 10}


def test_time_limits_of_the_host_do_not_end_a_request(
    quick: Any, drill_worker: Any, wait_until: Any
) -> None:
    gateway = quick(latency=4, TIMEOUT=(1, 12), CONCURRENCY=4)
    campaign = factories.sending(55)
    limits = {"task_time_limit": 3, "task_soft_time_limit": 2}
    drill_worker(pool="prefork", concurrency=4, celery=limits)
    tasks.wake_lanes("default")
    wait_until(lambda: is_finished(campaign), seconds=180)
    assert check_promises(campaign, gateway) == {"sent": 55}


def test_a_rate_limit_of_the_host_does_not_hold_the_lanes_back(
    quick: Any, drill_worker: Any, wait_until: Any
) -> None:
    gateway = quick(latency=1, CONCURRENCY=4)
    campaign = factories.sending(PEOPLE + 200)
    drill_worker(concurrency=8, celery={"task_default_rate_limit": "1/m"})
    tasks.wake_lanes("default")
    wait_until(lambda: gateway.state()["in_flight"] == 4, seconds=20)
    wait_until(lambda: is_finished(campaign), seconds=180)
    assert check_promises(campaign, gateway) == {"sent": PEOPLE + 200}


def test_eager_mode_sends_nothing_inside_a_web_request(
    quick: Any, drill_worker: Any, wait_until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = quick()
    campaign = factories.ready(PEOPLE)
    monkeypatch.setitem(current_app.conf, "task_always_eager", True)
    lifecycle.launch(campaign.pk)
    tasks.wake_lanes("default")
    tasks.wake_tick()
    assert gateway.state()["requests"] == 0
    assert set(SendResult.objects.values_list("status", flat=True)) == {"pending"}
    # Nor is anything lost in a worker that is eager too.
    drill_worker(celery={"task_always_eager": True})
    wait_until(lambda: is_finished(campaign), seconds=180)
    assert check_promises(campaign, gateway) == {"sent": PEOPLE}
