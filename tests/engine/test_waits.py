"""Long waits: written down for whoever ticks; where nobody does, a lane stays awake for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from csms_campaigns.conf import Account, Window
from csms_campaigns.engine import finishing, lanes, limits, ticking
from csms_campaigns.engine.database import now
from csms_campaigns.engine.taking import Taken, take
from csms_campaigns.models import Attempt, Batch, GatewayAccount, Heartbeat
from tests import factories
from tests.engine.scenes import accepted, send

pytestmark = pytest.mark.django_db


class Clock:
    """A `Stop` that is never set, and writes down for how long it was asked to wait."""

    def __init__(self, then: Callable[[], object] = lambda: None) -> None:
        self.waits: list[float] = []
        self.then = then

    def is_set(self) -> bool:
        return len(self.waits) >= 3

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        self.then()
        return False


def run(clock: Clock) -> list[int]:
    """A lane until it ends; how many others it woke each time."""
    woken: list[int] = []
    lanes.run_lane(
        "default", lambda _alias, count: bool(woken.append(count)) or True, stop=clock
    )
    return woken


@pytest.fixture
def full_hour(configure: Any) -> GatewayAccount:
    """The hour's limit is used up for fifty minutes more."""
    configure(RATE_LIMITS=[(1, 3600)], MIN_GAP=0, BATCH_SIZE=5)
    factories.sending(30)
    send()
    made = timedelta(minutes=10)
    Attempt.objects.update(stamped_at=now() - made, done_at=now() - made)
    return GatewayAccount.objects.get()


def regular_tick() -> None:
    ticking.regular_tick(lambda _alias, _count: True, lambda _pk: True)


def test_with_beat_a_long_wait_is_written_down(full_hour: GatewayAccount) -> None:
    regular_tick()
    clock = Clock()
    run(clock)
    full_hour.refresh_from_db()
    assert clock.waits == []
    assert full_hour.next_free_at is not None
    left = full_hour.next_free_at - now()
    assert left.total_seconds() == pytest.approx(3000, abs=20)
    assert full_hour.sleeper_until is None


@pytest.mark.parametrize("beat", [False, True])
def test_without_beat_a_lane_asks_again_each_minute(
    full_hour: GatewayAccount, beat: bool
) -> None:
    """Nobody ever ticked, or beat was stopped a while ago."""
    if beat:
        regular_tick()
        Heartbeat.objects.update(at=now() - timedelta(minutes=5))
    clock = Clock()
    run(clock)
    assert clock.waits == [lanes.LONG] * 3
    full_hour.refresh_from_db()
    assert (full_hour.next_free_at, full_hour.sleeper_until) == (None, None)


def test_a_lane_that_ticks_for_beat_is_no_beat(full_hour: GatewayAccount) -> None:
    ticking.tick(lambda _alias, _count: True, lambda _pk: True)
    clock = Clock()
    run(clock)
    assert clock.waits == [lanes.LONG] * 3


def test_it_does_not_miss_the_end_of_the_wait(
    full_hour: GatewayAccount, configure: Any, sandbox: Any
) -> None:
    gateway = sandbox(limits="100/60")

    def free() -> None:
        Attempt.objects.update(stamped_at=now() - timedelta(hours=2))

    clock = Clock(then=free)
    run(clock)
    # Asleep for a minute, then one request, then the hour is full again.
    assert gateway.state()["requests"] >= 1
    assert clock.waits[0] == lanes.LONG


def test_others_do_not_wait_long_for_a_sleeper_that_was_killed(
    configure: Any,
) -> None:
    configure(RATE_LIMITS=[(1, 30)], MIN_GAP=0, BATCH_SIZE=5)
    factories.sending(30)
    send()
    asleep: list[float] = []

    def look() -> None:
        until = GatewayAccount.objects.get().sleeper_until
        assert until is not None
        asleep.append((until - now()).total_seconds())

    clock = Clock(then=look)
    run(clock)
    assert asleep[0] == pytest.approx(clock.waits[0] + lanes.OVERSLEPT, abs=2)
    assert lanes.OVERSLEPT < 3


# The limiter reads few rows, and finish knows its own attempt


def test_of_a_huge_shortest_window_one_row_is_read(batch: Batch) -> None:
    account = GatewayAccount.objects.create(alias="default", cum=3000)
    Attempt.objects.bulk_create(
        Attempt(account=account, batch=batch, cum=i, stamped_at=now())
        for i in range(1, 3001)
    )
    options = Account("default", "key", rate_limits=(Window(86400, 3000),))
    with CaptureQueriesContext(connection) as captured:
        seconds = limits.seconds_to_wait(account, options, now())
    assert seconds == pytest.approx(86403, abs=60)
    assert [q["sql"].count("LIMIT 1") for q in captured][-1] == 1
    assert len(captured) <= 3


def test_an_answer_is_not_written_to_an_attempt_that_only_has_its_id(
    configure: Any,
) -> None:
    """A database that was set back gives its ids out again; the counts go on."""
    configure(MIN_GAP=0, BATCH_SIZE=5)
    factories.sending(30)
    taken = take("default")
    assert isinstance(taken, Taken)
    Attempt.objects.filter(pk=taken.attempt_id).update(cum=taken.cum + 100)
    finishing.finish(taken, accepted(taken))
    assert Batch.objects.get(pk=taken.batch_id).status == "sending"
    assert Attempt.objects.get(pk=taken.attempt_id).outcome == ""
