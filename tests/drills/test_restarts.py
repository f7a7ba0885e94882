"""PostgreSQL alone: the server is restarted under a campaign. SQLite has none."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from django.db import connection

from csms_campaigns import tasks
from csms_campaigns.engine import lifecycle
from csms_campaigns.engine.database import now
from csms_campaigns.models import Attempt, Batch, Lane
from csms_campaigns.states import BatchStatus
from tests import factories
from tests.e2e.outcome import check_promises, is_finished
from tests.servers import addresses, postgres

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE, BATCH, LANES = 605, 10, 4


def done() -> int:
    return Batch.objects.filter(status=BatchStatus.DONE).count()


@pytest.mark.parametrize(
    "how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"]
)
def test_a_server_that_restarts_costs_the_claims_in_the_air_at_most(
    quick: Any, drill_worker: Any, wait_until: Any, how: signal.Signals
) -> None:
    """Answers in hand are written when it is back. A claim whose commit was not seen is unknown:
    nothing of it was sent, and nobody can know."""
    gateway = quick(latency=0.5, CONCURRENCY=LANES)
    server = postgres.RUNNING[addresses.port_of(addresses.database_url())]
    campaign = factories.sending(PEOPLE)
    for _each in range(2):
        drill_worker()
    tasks.wake_lanes("default")
    wait_until(lambda: done() >= 12)
    wait_until(lambda: gateway.state()["in_flight"] == LANES)
    connection.close()
    server.restart(how)
    wait_until(lambda: is_finished(campaign), seconds=180)
    counted = check_promises(campaign, gateway)
    unknown = counted.get("unknown", 0)
    assert unknown <= LANES * BATCH
    assert counted["sent"] == PEOPLE - unknown
    # What the gateway had answered was not thrown away.
    delivered = {d["phone"] for d in gateway.deliveries}
    assert len(delivered) == counted["sent"]
    assert not Attempt.objects.filter(outcome="").exists()


def test_lanes_that_lost_the_database_do_not_keep_their_places(
    quick: Any, drill_worker: Any, wait_until: Any
) -> None:
    """Else the account would stand still for a lease of more than a minute."""
    quick(CONCURRENCY=LANES, TIMEOUT=(1, 60), RATE_LIMITS=[(10_000, 6)])
    campaign = factories.sending(4005)
    drill_worker(margin=None)
    tasks.wake_lanes("default")
    wait_until(lambda: done() >= 12)
    server = postgres.RUNNING[addresses.port_of(addresses.database_url())]
    connection.close()
    server.restart(signal.SIGQUIT)
    before = done()
    wait_until(lambda: done() > before + 4, seconds=40)
    lifecycle.pause(campaign.pk)
    wait_until(lambda: not Lane.objects.filter(until__gt=now()).exists(), seconds=40)
