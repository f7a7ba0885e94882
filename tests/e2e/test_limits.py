"""Accounts and campaigns side by side, a second user of the key, and how much of a limit is used."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from csms_campaigns import tasks
from csms_campaigns.engine import lifecycle
from csms_campaigns.engine.dispatch import send_next
from csms_campaigns.models import Attempt, Campaign
from csms_campaigns.states import AttemptOutcome, CampaignStatus
from tests import factories
from tests.drills.comparison import share_used
from tests.e2e.outcome import check_promises, is_finished

# What the limiter reads is the same on both; the shares of a database are tried in tests/engine.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]

QUICK: dict[str, Any] = {"TIMEOUT": (1, 4), "MIN_GAP": 0, "BATCH_SIZE": 10}
TICK = {"TEST_TICK_SECONDS": "1"}
OTHER_KEY = "cspro_test_key_0002"


@pytest.fixture
def two_accounts(sandbox: Any, configure: Any) -> Any:
    """`two_accounts({…}, {…})`: options of the gateways of `default` and `other`."""

    def begin(of_default: dict[str, Any], of_other: dict[str, Any]) -> tuple[Any, Any]:
        there = sandbox(api_key=OTHER_KEY, magic=False, **of_other)
        here = sandbox(magic=False, **of_default)
        for alias, gateway in (("default", here), ("other", there)):
            windows = gateway.gateway.options.limits
            limits = [tuple(window) for window in windows]
            configure(alias, **QUICK, RATE_LIMITS=limits, CONCURRENCY=4)
        configure("other", API_KEY=OTHER_KEY, API_URL=there.url)
        return here, there

    return begin


def of_other(count: int) -> Campaign:
    people = factories.people(count, "Others")
    return factories.sending(lists=[people], account="other")


def most(gateway: Any) -> int:
    (found,) = gateway.state()["max_in_window"].values()
    return max(found.values())


def test_two_accounts_use_their_own_limits_fully_at_the_same_time(
    two_accounts: Any, worker: Any, wait_until: Any
) -> None:
    here, there = two_accounts({"limits": "10/4"}, {"limits": "6/4", "latency": 0.5})
    first, second = factories.sending(205), of_other(125)
    worker(env=TICK, concurrency=10)
    wait_until(lambda: is_finished(first) and is_finished(second), seconds=180)
    assert check_promises(first, here) == {"sent": 205}
    assert check_promises(second, there) == {"sent": 125}
    assert (most(here), most(there)) == (10, 6)


def test_an_account_that_waits_does_not_hold_the_other(
    two_accounts: Any, worker: Any, wait_until: Any
) -> None:
    here, there = two_accounts(
        {"limits": "20/3"}, {"limits": "8/3", "faults": "rate_limit=600@1"}
    )
    waits = of_other(105)
    worker(env=TICK, concurrency=8)
    tasks.wake_lanes("other")
    wait_until(lambda: there.state()["requests"] == 1)
    goes_on = factories.sending(205)
    wait_until(lambda: is_finished(goes_on), seconds=180)
    assert check_promises(goes_on, here) == {"sent": 205}
    assert there.state()["requests"] == 1
    waits.refresh_from_db()
    assert waits.status == CampaignStatus.SENDING


def test_a_small_campaign_behind_a_large_one_is_over_soon(
    sandbox: Any, configure: Any
) -> None:
    """Forty batches behind 360: of the first ninety requests after its launch, every second."""
    gateway = sandbox(limits="none", magic=False)
    configure(RATE_LIMITS=[], MIN_GAP=0, BATCH_SIZE=1)
    large = factories.sending(360)
    for _request in range(10):
        send_next("default")
    small = factories.sending(lists=[factories.people(40, "Few")])
    before = gateway.state()["requests"]
    while not is_finished(small):
        send_next("default")
        assert gateway.state()["requests"] - before <= 90
    of_large = Attempt.objects.filter(batch__campaign=large, cum__gt=before).count()
    # It did not push itself in front either.
    assert of_large >= 39


@contextmanager
def neighbour(gateway: Any, seconds: float) -> Iterator[Counter[int]]:
    """Somebody else with the same key: one text every so many seconds; counts by HTTP status."""
    told: Counter[int] = Counter()
    stop = threading.Event()

    def post(number: int) -> int:
        body = {"phone": [f"+1646555{number:04}"], "message": "Mine"}
        data = json.dumps(body | {"api_key": "cspro_test_key_0001"}).encode()
        request = urllib.request.Request(gateway.url, data, method="POST")  # noqa: S310 loopback
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code

    def text() -> None:
        while not stop.wait(seconds):
            told[post(told.total())] += 1

    thread = threading.Thread(target=text)
    thread.start()
    try:
        yield told
    finally:
        stop.set()
        thread.join()


def test_a_second_user_of_the_key_slows_us_down_and_that_is_all(
    sandbox: Any, configure: Any, worker: Any, wait_until: Any
) -> None:
    gateway = sandbox(limits="12/2", magic=False, latency=0.05)
    configure(**QUICK, RATE_LIMITS=[(12, 2)], CONCURRENCY=4)
    campaign = factories.sending(205)
    worker(env=TICK)
    with neighbour(gateway, 0.2) as told:
        wait_until(lambda: is_finished(campaign), seconds=180)
    assert told[200]
    ours = {factories.number(i) for i in range(205)}
    texted = Counter(d["phone"] for d in gateway.deliveries if d["phone"] in ours)
    assert texted == Counter(ours)
    assert campaign.results.filter(status="sent").count() == 205
    _backed_off()


def _backed_off() -> None:
    """After each refusal nothing is claimed for as long as the gateway asked, a second at least."""
    refused = Attempt.objects.filter(outcome=AttemptOutcome.REFUSED)
    assert refused.exists()
    assert set(refused.values_list("http_status", flat=True)) == {429}
    for told_at in refused.values_list("done_at", flat=True):
        soon = Attempt.objects.filter(
            stamped_at__gt=told_at, stamped_at__lt=told_at + timedelta(seconds=1)
        )
        assert not soon.exists()


def test_no_window_is_left_unused(
    sandbox: Any, configure: Any, worker: Any, wait_until: Any
) -> None:
    """Three windows in a row, filled to the last place.

    How much of the time they are full is asserted in simulated time, and measured by
    `python -m tests.drills.chaos --calm`; here a lost wake-up would cost a whole window.
    """
    gateway = sandbox(limits="15/4", magic=False, latency="0.05-0.3")
    configure(**QUICK, RATE_LIMITS=[(15, 4)], CONCURRENCY=4)
    campaign = factories.ready(455)
    worker(env=TICK)
    lifecycle.launch(campaign.pk)
    tasks.wake_lanes("default")
    wait_until(lambda: is_finished(campaign), seconds=180)
    assert check_promises(campaign, gateway) == {"sent": 455}
    assert most(gateway) == 15
    arrivals = [entry.received for entry in gateway.gateway.record.requests]
    assert len(arrivals) == 46
    assert share_used(arrivals, 15, 4) >= 0.75
