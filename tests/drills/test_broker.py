"""Redis that forgets, that is away, that hands out everything many times over; and beats."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import current_app
from django.core.management import call_command

from csms_campaigns import tasks
from csms_campaigns.engine import lifecycle
from csms_campaigns.engine.database import now
from csms_campaigns.models import Attempt, Batch, SendResult
from csms_campaigns.states import BatchStatus
from project.demo.processes import Child, free_port
from tests import factories
from tests.drills.comparison import most_at_once
from tests.e2e.outcome import check_promises, is_finished
from tests.servers.session import start_redis

# What a broker does to its messages is the same on every database.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]

PEOPLE, BATCHES, LANES = 405, 41, 4
COPIES = 400


def done() -> int:
    return Batch.objects.filter(status=BatchStatus.DONE).count()


@pytest.fixture
def broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Child]]:
    """`broker()` starts a Redis server at the one address that this process publishes to."""
    port = free_port()
    address = f"redis://127.0.0.1:{port}/0"
    # For the workers, and for this process, which has read it already.
    monkeypatch.setenv("TEST_REDIS_URL", address)
    monkeypatch.setitem(current_app.conf, "broker_url", address)
    started: list[Child] = []

    def start() -> Child:
        started.append(start_redis(port, tmp_path))
        return started[-1]

    yield start
    for server in started:
        server.kill()


def test_a_broker_that_forgets_everything_again_and_again(
    quick: Any, drill_worker: Any, wait_until: Any, redis_url: str
) -> None:
    gateway = quick(latency=0.3, CONCURRENCY=LANES)
    campaign = factories.sending(PEOPLE)
    for _each in range(2):
        drill_worker()
    with redis.Redis.from_url(redis_url) as client:
        for part in (2, 10, 20, 30):
            wait_until(lambda part=part: done() >= part)
            client.flushall()
    assert not is_finished(campaign)
    wait_until(lambda: is_finished(campaign), seconds=180)
    assert check_promises(campaign, gateway) == {"sent": PEOPLE}
    assert gateway.state()["requests"] == BATCHES


@pytest.mark.parametrize("who", ["beat", "csms_tick"])
def test_a_launch_without_a_broker_is_sent_when_it_is_back(
    quick: Any, drill_worker: Any, wait_until: Any, broker: Any, who: str
) -> None:
    gateway = quick(CONCURRENCY=LANES)
    campaign = factories.ready(PEOPLE)
    server = broker()
    drill_worker(beat=who == "beat")
    server.kill()
    lifecycle.launch(campaign.pk)
    assert not tasks.wake_lanes("default")
    assert gateway.state()["requests"] == 0
    broker()
    if who == "csms_tick":
        call_command("csms_tick")
    wait_until(lambda: is_finished(campaign), seconds=180)
    assert check_promises(campaign, gateway) == {"sent": PEOPLE}


def test_without_a_beat_busy_lanes_do_its_work(
    quick: Any, drill_worker: Any, wait_until: Any
) -> None:
    """The machine with the beat goes down in the middle of a request, and takes it along."""
    gateway = quick(latency=0.3)
    campaign = factories.sending(305)
    later = factories.ready(lists=[factories.people(15, "Others")])
    lifecycle.launch(later.pk, at=now() + timedelta(seconds=2))
    first = drill_worker(step="in_flight", at=3)
    first.struck()
    first.wait_end()
    drill_worker(beat=False, env={"DRILL_PERIOD": "1"})
    # Swept, and started, while the other is still being sent.
    wait_until(lambda: SendResult.objects.filter(status="unknown").exists())
    wait_until(lambda: is_finished(later))
    assert not is_finished(campaign)
    wait_until(lambda: is_finished(campaign), seconds=180)
    found = SendResult.objects.filter(campaign=campaign)
    assert found.filter(status="sent").count() == 295
    assert gateway.state()["numbers_with_more_than_one"] == 0


def test_two_beats_and_a_cron_are_as_good_as_one(
    quick: Any, drill_worker: Any, wait_until: Any
) -> None:
    gateway = quick(latency=0.1, CONCURRENCY=LANES)
    campaign = factories.ready(PEOPLE)
    lifecycle.launch(campaign.pk, at=now() + timedelta(seconds=1))
    for _each in range(2):
        drill_worker(env={"TEST_TICK_SECONDS": "0.2"})

    def ticked() -> bool:
        call_command("csms_tick")
        return is_finished(campaign)

    wait_until(ticked, seconds=180)
    assert check_promises(campaign, gateway) == {"sent": PEOPLE}
    assert gateway.state()["requests"] == Attempt.objects.count() == BATCHES


def test_a_flood_of_doubled_and_stale_messages_changes_nothing(
    quick: Any, drill_worker: Any, wait_until: Any, redis_url: str
) -> None:
    """Each message hundreds of times, in any order: of work that is done, or was never ours."""
    gateway = quick(latency=0.2, CONCURRENCY=LANES)
    campaign = factories.ready(PEOPLE)
    token = "00000000-0000-0000-0000-000000000000"
    tasks.wake_prepare(campaign.pk, campaign.prepare_token or token)
    tasks.wake_prepare(campaign.pk)
    tasks.wake_prepare(campaign.pk + 1000, token)
    lifecycle.launch(campaign.pk)
    tasks.wake_lanes("default", 1)
    tasks.wake_tick()
    with redis.Redis.from_url(redis_url) as client:
        messages = client.lrange("celery", 0, -1) * COPIES
        random.Random(3).shuffle(messages)
        client.lpush("celery", *messages)
        for _each in range(2):
            drill_worker()
        wait_until(lambda: is_finished(campaign), seconds=180)
        wait_until(lambda: client.llen("celery") == 0, seconds=180)
    assert check_promises(campaign, gateway) == {"sent": PEOPLE}
    assert SendResult.objects.count() == PEOPLE
    assert gateway.state()["requests"] == Attempt.objects.count() == BATCHES
    spans = Attempt.objects.values_list("stamped_at", "done_at")
    assert most_at_once(list(spans)) <= LANES
