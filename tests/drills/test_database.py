"""PostgreSQL alone: what a worker does to the others that freezes while it holds a lock.

On SQLite nothing can be done about it: whoever is frozen inside a transaction holds the file.
"""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from csms_campaigns import tasks
from csms_campaigns.models import SendResult
from csms_campaigns.states import SendStatus
from tests import factories
from tests.e2e.outcome import check_promises, is_finished

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE, BATCH = 155, 10


@pytest.mark.parametrize(
    ("step", "unknown"), [("before_commit_of_take", 0), ("in_finish", BATCH)]
)
def test_a_worker_that_freezes_in_a_transaction_does_not_hold_the_account(
    quick: Any, drill_worker: Any, wait_until: Any, step: str, unknown: int
) -> None:
    """As one that is cut off from the database: the server waits for it for hours."""
    gateway = quick(latency=0.2)
    campaign = factories.sending(PEOPLE)
    frozen = drill_worker(step=step, action="stop", beat=False)
    tasks.wake_lanes("default")
    pid = frozen.stopped()
    drill_worker()
    wait_until(lambda: is_finished(campaign), seconds=180)
    counted = check_promises(campaign, gateway)
    assert counted["sent"] == PEOPLE - unknown
    # Awake again it finds its transaction gone. An answer in its hand still counts.
    os.kill(pid, signal.SIGCONT)
    unknown_ones = SendResult.objects.filter(status=SendStatus.UNKNOWN)
    # Waited for by one question: the ledger asks two, and this one is answered in between.
    wait_until(lambda: not unknown_ones.exists())
    assert check_promises(campaign, gateway) == {"sent": PEOPLE}
