"""PostgreSQL alone: machines whose clocks are hours wrong. On SQLite there is one machine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from csms_campaigns import tasks
from csms_campaigns.engine import lifecycle
from csms_campaigns.engine.database import now
from csms_campaigns.models import Attempt, Batch, Lane, SendResult
from tests import factories
from tests.e2e.outcome import check_promises, is_finished

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE, BATCHES = 505, 51
HOURS = 5 * 3600.0


def test_machines_with_wrong_clocks_keep_the_limits_and_end(
    quick: Any, drill_worker: Any, wait_until: Any
) -> None:
    """One is hours ahead, one as many behind; each has room for half of the lanes."""
    gateway = quick(latency=0.2, RATE_LIMITS=[(20, 3), (30, 5)], CONCURRENCY=4)
    campaign = factories.ready(PEOPLE)
    began = now()
    workers = [drill_worker(clock=c, concurrency=2) for c in (HOURS, -HOURS)]
    lifecycle.launch(campaign.pk)
    tasks.wake_lanes("default")
    wait_until(lambda: is_finished(campaign), seconds=180)
    assert all("10 asked for, 10 accepted" in worker.log() for worker in workers)
    assert check_promises(campaign, gateway) == {"sent": PEOPLE}
    assert gateway.state()["requests"] == Attempt.objects.count() == BATCHES
    _no_moment_is_a_workers(began)


@pytest.mark.parametrize("clock", [HOURS, -HOURS], ids=["ahead", "behind"])
def test_a_machine_with_a_wrong_clock_hears_those_that_are_right(
    quick: Any, drill_worker: Any, wait_until: Any, clock: float
) -> None:
    """It compares the moment at which a message expires with its own clock."""
    gateway = quick(CONCURRENCY=4)
    campaign = factories.ready(105)
    worker = drill_worker(clock=clock, beat=False)
    # The tick at its start, which it believes since it is its own, is over.
    wait_until(lambda: "succeeded" in worker.log())
    lifecycle.launch(campaign.pk)
    tasks.wake_lanes("default")
    wait_until(lambda: is_finished(campaign), seconds=30)
    assert check_promises(campaign, gateway) == {"sent": 105}


def _no_moment_is_a_workers(began: Any) -> None:
    """What the limiter, the leases and people read is the database's time alone."""
    soon = now() + timedelta(minutes=5)
    for model, names in (
        (Attempt, ["stamped_at", "done_at"]),
        (Batch, ["finished_at", "lease_until"]),
        (SendResult, ["updated_at"]),
        (Lane, ["until"]),
    ):
        for name in names:
            found = model.objects.exclude(**{f"{name}__isnull": True})
            old = found.filter(**{f"{name}__lt": began - timedelta(minutes=5)})
            # A lane that was never taken is free since yesterday.
            old = old.exclude(owner="") if model is Lane else old
            assert not old.exists(), (model, name)
            assert not found.filter(**{f"{name}__gt": soon}).exists(), (model, name)
