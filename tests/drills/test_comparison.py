"""A comparison that finds nothing must be able to find something: each promise is broken once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from csms_campaigns.engine.dispatch import send_next
from csms_campaigns.models import Campaign, SendResult
from tests import factories
from tests.drills.comparison import compare, fullest, most_at_once, share_used

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]

PEOPLE = 15


def first(status: str) -> Any:
    chosen = SendResult.objects.filter(status=status).order_by("pk").first()
    return SendResult.objects.filter(pk=chosen.pk) if chosen else None


def change(was: str, becomes: str) -> Callable[[Any], object]:
    return lambda _gateway: first(was).update(status=becomes)


def stranger(_gateway: Any) -> None:
    first("sent").delete()


def never_texted(gateway: Any) -> None:
    phone = first("sent").get().phone
    deliveries = gateway.gateway.record.deliveries
    deliveries[:] = [d for d in deliveries if d.outcome.phone != phone]


def again(gateway: Any) -> None:
    deliveries = gateway.gateway.record.deliveries
    deliveries.append(deliveries[0])


def early(gateway: Any) -> None:
    """All requests within milliseconds, as nobody stamped them."""
    requests = gateway.gateway.record.requests
    for index, entry in enumerate(requests):
        entry.received = requests[0].received + index / 1000


@pytest.fixture
def sent(quick: Any) -> tuple[Campaign, Any]:
    gateway = quick(RATE_LIMITS=[(2, 1.0)], BATCH_SIZE=5, faults="lost@2")
    campaign = factories.sending(PEOPLE)
    while campaign.status == "sending":
        send_next("default")
        campaign.refresh_from_db()
    gateway.wait_until_idle()
    return campaign, gateway


def mistakes(campaign: Campaign, gateway: Any) -> set[str]:
    found = compare(campaign, gateway, read_timeout=2)
    return {name for name, times in found.mistakes.items() if times}


def test_a_campaign_without_accidents_has_no_mistake(
    sent: tuple[Campaign, Any],
) -> None:
    assert mistakes(*sent) == set()
    found = compare(*sent, read_timeout=2)
    assert found.unknown == {"the answer broke, after the texts had left": 5}
    assert found.statuses == {"sent": 10, "unknown": 5}


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        (again, "texted twice"),
        (never_texted, "called sent, and never arrived"),
        (change("sent", "failed"), "called failed, and arrived"),
        (change("sent", "cancelled"), "left out or cancelled, and arrived"),
        (change("sent", "unknown"), "unknown, though the answer was there"),
        (change("sent", "pending"), "lost: still waiting"),
        (stranger, "texted, and not in the campaign"),
        (change("unknown", "sent"), "the ledger does not add up"),
        (early, "windows above a limit"),
    ],
)
def test_a_broken_promise_is_seen(
    sent: tuple[Campaign, Any], breaks: Callable[[Any], object], said: str
) -> None:
    campaign, gateway = sent
    breaks(gateway)
    assert said in mistakes(campaign, gateway)


def test_the_fullest_window_is_open_at_its_beginning() -> None:
    assert fullest([0.0, 1.0, 1.5, 2.0], 1.0) == 2
    assert fullest([0.0, 0.9, 0.95], 1.0) == 3
    assert fullest([], 1.0) == 0


def test_the_share_of_a_limit_counts_whole_windows() -> None:
    arrivals = [0.0, 0.1, 10.0, 10.1, 25.0]
    assert share_used(arrivals, 2, 10.0) == pytest.approx(20 / 25)
    assert share_used([0.0, 0.1], 2, 10.0) == 0


def test_spans_that_touch_do_not_lie_over_each_other() -> None:
    spans: Any = [(0, 2), (1, 3), (2, 4)]
    assert most_at_once(spans) == 2
