"""The clock of the database jumps in mid-campaign: no window holds more than its limit.

PostgreSQL: all its sessions see it at once. SQLite has the clock of its machine: a worker is
stopped, and the next one finds that the time was set in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from csms_campaigns import tasks
from csms_campaigns.models import Campaign, GatewayAccount
from tests import factories
from tests.drills.database_clock import wrong_clock
from tests.e2e.outcome import check_promises, is_finished
from tests.servers import addresses

pytestmark = pytest.mark.django_db(transaction=True)

LIMIT, PEOPLE = 5, 125
WINDOWS = [(LIMIT, 5), (9, 12)]


def begin(quick: Any) -> tuple[Campaign, Any]:
    gateway = quick(RATE_LIMITS=WINDOWS, latency=0.05)
    return factories.sending(PEOPLE), gateway


def used_up(gateway: Any) -> bool:
    state = gateway.state()
    return bool(state["requests"] >= LIMIT and state["in_flight"] == 0)


if addresses.engine() == "postgres":

    @pytest.fixture
    def set_clock() -> Iterator[Any]:
        with wrong_clock() as change:
            yield change

    @pytest.mark.parametrize("seconds", [3600, 0.5, -3])
    def test_the_clock_jumps_while_they_wait_for_the_limit(
        quick: Any, drill_worker: Any, wait_until: Any, set_clock: Any, seconds: float
    ) -> None:
        campaign, gateway = begin(quick)
        for _each in range(2):
            drill_worker(concurrency=4)
        tasks.wake_lanes("default")
        wait_until(lambda: used_up(gateway))
        set_clock(seconds)
        wait_until(lambda: is_finished(campaign), seconds=180)
        assert check_promises(campaign, gateway) == {"sent": PEOPLE}
        jumps = GatewayAccount.objects.get().clock.get("jumps", [])
        assert len(jumps) == (1 if seconds > 0 else 0)

else:

    def test_a_worker_is_started_after_the_time_was_set(
        quick: Any, drill_worker: Any, wait_until: Any
    ) -> None:
        """Its own memory is empty; the machine's steady clock is not."""
        campaign, gateway = begin(quick)
        first = drill_worker()
        tasks.wake_lanes("default")
        wait_until(lambda: used_up(gateway))
        first.terminate()
        drill_worker(clock=3600)
        tasks.wake_lanes("default")
        wait_until(lambda: is_finished(campaign), seconds=180)
        assert check_promises(campaign, gateway) == {"sent": PEOPLE}
        assert len(GatewayAccount.objects.get().clock["jumps"]) == 1
