"""What a night brings: a killed worker, a wrong key, a broker that forgot everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from csms_campaigns import tasks
from csms_campaigns.engine import lifecycle
from csms_campaigns.models import Batch, GatewayAccount, SendResult
from csms_campaigns.states import BatchStatus, BlockReason, SendStatus
from project.demo.processes import free_port
from tests import factories
from tests.e2e.outcome import check_promises, is_finished
from tests.servers.session import start_redis

pytestmark = pytest.mark.django_db(transaction=True)

LIMITS = [(100, 6), (5000, 3600)]
QUICK = {"TIMEOUT": (1, 2), "RATE_LIMITS": LIMITS, "MIN_GAP": 0, "BATCH_SIZE": 10}
TICK = {"TEST_TICK_SECONDS": "1"}


def done_batches() -> int:
    return Batch.objects.filter(status=BatchStatus.DONE).count()


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_after_a_kill_the_campaign_ends_and_only_what_was_in_flight_is_unknown(
    sandbox: Any, configure: Any, worker: Any, wait_until: Any, pool: str
) -> None:
    gateway = sandbox(limits="100/6,5000/3600", latency=0.3)
    configure(**QUICK)
    campaign = factories.sending(1500)
    first = worker(pool=pool, concurrency=4, env=TICK)
    wait_until(lambda: done_batches() > 20, seconds=90)
    # Long enough that the kill strikes while requests are in flight, not just after them.
    gateway.control(latency="1.5")
    wait_until(lambda: gateway.state()["in_flight"] > 0)
    first.kill()
    gateway.control(latency="0.3")
    worker(pool=pool, concurrency=4, env=TICK)
    wait_until(lambda: is_finished(campaign), seconds=180)
    counted = check_promises(campaign, gateway)
    assert 0 < counted[SendStatus.UNKNOWN] <= 4 * 10
    assert counted[SendStatus.SENT] + counted[SendStatus.UNKNOWN] == 1500


def test_a_wrong_key_pauses_at_once_and_resume_finishes_after_it_is_mended(
    sandbox: Any, configure: Any, worker: Any, wait_until: Any
) -> None:
    gateway = sandbox()
    right = "cspro_test_key_0001"
    configure(**QUICK, API_KEY="cspro_wrong_key_9999")
    campaign = factories.sending(60)
    first = worker(env=TICK)
    tasks.wake_lanes("default")

    def is_paused() -> bool:
        campaign.refresh_from_db()
        return campaign.status == "paused"

    wait_until(is_paused)
    assert "Invalid or inactive API key" in campaign.status_reason
    assert set(SendResult.objects.values_list("status", flat=True)) == {"pending"}
    account = GatewayAccount.objects.get()
    assert account.blocked_reason == BlockReason.KEY_REFUSED
    first.terminate()
    configure(API_KEY=right)
    worker(env=TICK)
    lifecycle.resume(campaign.pk)
    tasks.wake_lanes("default")
    wait_until(lambda: is_finished(campaign))
    assert check_promises(campaign, gateway) == {"sent": 60}
    account.refresh_from_db()
    assert account.blocked_reason == ""


def test_a_redis_that_comes_back_empty_delays_but_breaks_nothing(
    sandbox: Any, configure: Any, worker: Any, wait_until: Any, tmp_path: Path
) -> None:
    gateway = sandbox(limits="100/6,5000/3600", latency=0.05)
    configure(**QUICK)
    campaign = factories.sending(2000)
    port = free_port()
    (tmp_path / "redis").mkdir()
    broker = start_redis(port, tmp_path / "redis")
    worker(env={**TICK, "TEST_REDIS_URL": f"redis://127.0.0.1:{port}/0"})
    wait_until(lambda: done_batches() > 20)
    broker.kill()
    seen = done_batches()
    (tmp_path / "again").mkdir()
    broker = start_redis(port, tmp_path / "again")
    try:
        wait_until(lambda: done_batches() > seen + 20, seconds=180)
        wait_until(lambda: is_finished(campaign), seconds=180)
        assert check_promises(campaign, gateway) == {"sent": 2000}
    finally:
        broker.kill()
