"""A worker on a machine of its own, and the network between it and the servers breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection

from csms_campaigns import tasks
from csms_campaigns.models import Batch, SendResult
from csms_campaigns.states import BatchStatus, SendStatus
from tests import factories
from tests.drills.conftest import TICK
from tests.drills.namespaces import (
    Cable,
    FarWorker,
    Namespace,
    namespace,
    what_is_missing,
)
from tests.e2e.outcome import check_promises, is_finished
from tests.servers import addresses

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE, BATCH = 205, 10


def done() -> int:
    return Batch.objects.filter(status=BatchStatus.DONE).count()


def unknown() -> int:
    return SendResult.objects.filter(status=SendStatus.UNKNOWN).count()


@pytest.fixture
def far(transactional_db: None, redis_url: str) -> Iterator[Namespace]:
    assert what_is_missing() == ""
    with namespace() as made:
        yield made


@pytest.fixture
def far_worker(far: Namespace, tmp_path: Path) -> Iterator[Callable[..., FarWorker]]:
    """`far_worker(gateway, TEST_REDIS_URL=…)`: the servers are where its environment says."""
    started: list[FarWorker] = []

    def start(gateway: Any, **env: str) -> FarWorker:
        far.loopback(urlsplit(gateway.url).port or 0)
        database = str(connection.settings_dict["NAME"])
        log = tmp_path / f"far-{len(started)}.log"
        one = FarWorker(database, log, inside=far.name, env={**TICK, **env})
        started.append(one)
        one.start()
        return one

    yield start
    for one in started:
        one.end()


def at(cable: Cable, url: str) -> str:
    """The same server, at the end of the cable."""
    return url.replace("127.0.0.1", cable.address)


def cut_in_flight(cable: Cable, gateway: Any, wait_until: Any) -> None:
    """Cut while a request is in flight, and still is when that is done."""
    while True:
        wait_until(lambda: gateway.state()["in_flight"] == 1)
        cable.cut()
        if gateway.state()["in_flight"] == 1:
            return
        cable.mend()


if addresses.engine() == "postgres":

    def test_a_worker_that_is_cut_off_from_the_database(
        far: Namespace,
        far_worker: Any,
        quick: Any,
        drill_worker: Any,
        wait_until: Any,
    ) -> None:
        """Its request in flight is unknown; another worker does the rest. Healed, it answers."""
        gateway = quick(latency=1)
        campaign = factories.sending(PEOPLE)
        broker = far.cable(addresses.port_of(addresses.redis_url()))
        database = far.cable(addresses.port_of(addresses.database_url()))
        far_worker(
            gateway,
            TEST_REDIS_URL=at(broker, addresses.redis_url()),
            TEST_DATABASE_URL=at(database, addresses.database_url()),
        )
        tasks.wake_lanes("default")
        wait_until(lambda: done() >= 2)
        cut_in_flight(database, gateway, wait_until)
        gateway.control(latency="0.1")
        drill_worker()
        wait_until(lambda: is_finished(campaign), seconds=120)
        assert check_promises(campaign, gateway) == {
            "sent": PEOPLE - BATCH,
            "unknown": BATCH,
        }
        before = gateway.state()["requests"]
        database.mend()
        # The answer was in its hand all the time.
        wait_until(lambda: unknown() == 0)
        assert check_promises(campaign, gateway) == {"sent": PEOPLE}
        assert gateway.state()["requests"] == before

    def test_a_cut_that_heals_soon_costs_nothing(
        far: Namespace, far_worker: Any, quick: Any, wait_until: Any
    ) -> None:
        gateway = quick(latency=1)
        campaign = factories.sending(PEOPLE // 2)
        broker = far.cable(addresses.port_of(addresses.redis_url()))
        database = far.cable(addresses.port_of(addresses.database_url()))
        far_worker(
            gateway,
            TEST_REDIS_URL=at(broker, addresses.redis_url()),
            TEST_DATABASE_URL=at(database, addresses.database_url()),
        )
        tasks.wake_lanes("default")
        wait_until(lambda: done() >= 2)
        cut_in_flight(database, gateway, wait_until)
        gateway.wait_until_idle()
        database.mend()
        gateway.control(latency="0.1")
        wait_until(lambda: is_finished(campaign), seconds=120)
        assert check_promises(campaign, gateway) == {"sent": PEOPLE // 2}

else:

    def test_a_worker_that_is_cut_off_from_redis_goes_on(
        far: Namespace, far_worker: Any, quick: Any, wait_until: Any
    ) -> None:
        """Nobody wakes its lanes any more, nor hears the witness: it ends the campaign."""
        gateway = quick(latency=0.2)
        campaign = factories.sending(PEOPLE)
        broker = far.cable(addresses.port_of(addresses.redis_url()))
        far_worker(gateway, TEST_REDIS_URL=at(broker, addresses.redis_url()))
        tasks.wake_lanes("default")
        wait_until(lambda: done() >= 2)
        broker.cut()
        wait_until(lambda: is_finished(campaign), seconds=120)
        assert check_promises(campaign, gateway) == {"sent": PEOPLE}
