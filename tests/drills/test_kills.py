"""SIGKILL at each step of a batch. One lane, so that what is in flight is exactly one batch."""

from __future__ import annotations

from typing import Any

import pytest

from csms_campaigns import tasks
from csms_campaigns.models import SendResult
from csms_campaigns.states import SendStatus
from tests import factories
from tests.e2e.outcome import check_promises, is_finished

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE, BATCH = 155, 10


def unknown_numbers() -> set[str | None]:
    unknown = SendResult.objects.filter(status=SendStatus.UNKNOWN)
    return set(unknown.values_list("phone", flat=True))


# After `after_take` nothing was in flight, but nobody can know: the claim is committed, and the
# next thing that happens is the first byte.
@pytest.mark.parametrize(
    ("step", "unknown", "arrived"),
    [
        ("before_commit_of_take", 0, 0),
        ("after_take", BATCH, 0),
        ("in_flight", BATCH, BATCH),
        ("after_answer", BATCH, BATCH),
        ("in_finish", BATCH, BATCH),
        ("after_commit_of_finish", 0, 0),
    ],
)
def test_a_killed_worker_costs_one_batch_at_most(
    quick: Any,
    drill_worker: Any,
    wait_until: Any,
    step: str,
    unknown: int,
    arrived: int,
) -> None:
    gateway = quick(latency=0.2)
    campaign = factories.sending(PEOPLE)
    victim = drill_worker(step=step, beat=False)
    tasks.wake_lanes("default")
    victim.struck()
    victim.wait_end()
    drill_worker()
    wait_until(lambda: is_finished(campaign), seconds=180)
    counted = check_promises(campaign, gateway)
    delivered = {d["phone"] for d in gateway.deliveries}
    assert len(unknown_numbers()) == unknown
    assert len(unknown_numbers() & delivered) == arrived
    assert counted.get("sent", 0) == PEOPLE - unknown


@pytest.mark.parametrize(
    ("step", "unknown"), [("after_take", BATCH), ("in_finish", BATCH)]
)
def test_a_killed_child_of_a_pool_is_replaced_and_the_campaign_ends(
    quick: Any, drill_worker: Any, wait_until: Any, step: str, unknown: int
) -> None:
    gateway = quick(latency=0.2)
    campaign = factories.sending(PEOPLE)
    pool = drill_worker(pool="prefork", concurrency=2, step=step)
    tasks.wake_lanes("default")
    assert pool.struck() != pool.pid
    wait_until(lambda: is_finished(campaign), seconds=180)
    assert pool.is_alive
    counted = check_promises(campaign, gateway)
    assert counted == {"sent": PEOPLE - unknown, "unknown": unknown}


@pytest.mark.parametrize("answers", ["", "unavailable@4", "refuse_number@4", "lost@4"])
def test_a_commit_whose_end_the_worker_did_not_see_is_not_written_twice(
    quick: Any, drill_worker: Any, wait_until: Any, answers: str
) -> None:
    """The database committed, and the connection broke before it could say so."""
    gateway = quick(faults=answers)
    campaign = factories.sending(PEOPLE)
    drill_worker(step="after_commit_of_finish", action="fail", at=4).struck()
    wait_until(lambda: is_finished(campaign), seconds=180)
    counted = check_promises(campaign, gateway)
    lost = {
        "unavailable@4": {},
        "refuse_number@4": {"failed": 1},
        "lost@4": {"unknown": BATCH},
    }
    expected = lost.get(answers, {})
    assert counted == {"sent": PEOPLE - sum(expected.values()), **expected}
