"""No sliding window holds more than its limit, and the limit is used."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from csms_campaigns.conf import Account, Window
from csms_campaigns.engine import limits
from csms_campaigns.engine.limits import Place, nth_free, seconds_to_wait
from csms_campaigns.models import Attempt, Batch, GatewayAccount
from tests.engine.simulation import Simulation

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = Window(60, 5)


def options(*windows: Window, gap: float = 0.0, concurrency: int = 100) -> Account:
    return Account(
        "default",
        "key",
        rate_limits=tuple(sorted(windows)),
        min_gap=gap,
        concurrency=concurrency,
    )


def account_with(
    batch: Batch, *stamps: float, done: float | None = 0.0
) -> GatewayAccount:
    """Requests stamped so many seconds before noon, each answered `done` seconds later."""
    account = GatewayAccount.objects.create(alias="default", cum=len(stamps))
    for index, age in enumerate(sorted(stamps, reverse=True)):
        stamped = NOON - timedelta(seconds=age)
        answered = None if done is None else stamped + timedelta(seconds=done)
        Attempt.objects.create(
            account=account,
            batch=batch,
            cum=index + 1,
            stamped_at=stamped,
            done_at=answered,
        )
        account.stamped_at = stamped
    return account


def wait(account: GatewayAccount, *windows: Window, gap: float = 0.0) -> float:
    return round(seconds_to_wait(account, options(*windows, gap=gap), NOON), 3)


def test_an_account_that_never_sent_need_not_wait(batch: Batch) -> None:
    assert wait(account_with(batch), MINUTE) == 0


def test_the_last_place_is_given_and_no_more(batch: Batch) -> None:
    assert wait(account_with(batch, 40, 30, 20, 10), MINUTE) == 0
    Attempt.objects.all().delete()
    GatewayAccount.objects.all().delete()
    assert wait(account_with(batch, 50, 40, 30, 20, 10), MINUTE) == 10.1


def test_a_place_is_kept_for_the_window_after_the_answer(batch: Batch) -> None:
    account = account_with(batch, 50, 50, 50, 50, 50, done=1.5)
    assert wait(account, MINUTE) == 11.6


@pytest.mark.parametrize("done", [None, 3.0, 20.0])
def test_a_place_is_kept_for_three_seconds_more_where_no_answer_came(
    batch: Batch, done: float | None
) -> None:
    account = account_with(batch, 50, 50, 50, 50, 50, done=done)
    assert wait(account, MINUTE) == 13.1


def test_a_longer_window_counts_from_the_stamp_and_three_seconds(batch: Batch) -> None:
    account = account_with(batch, 90, 80, 70, 65, 62)
    assert wait(account, Window(1, 5), Window(100, 5)) == 13.1
    assert wait(account, Window(1, 5), Window(100, 6)) == 0


def test_the_longest_wait_of_all_windows_counts(batch: Batch) -> None:
    account = account_with(batch, 50, 4, 3, 2, 1)
    assert wait(account, Window(10, 4), Window(60, 5)) == 13.1
    assert wait(account, Window(10, 4), Window(52, 5)) == 6.1


def test_requests_keep_their_distance(batch: Batch) -> None:
    account = account_with(batch, 0.1)
    assert wait(account, gap=0.3) == 0.2
    assert wait(account) == 0


def test_several_at_once_need_several_places(batch: Batch) -> None:
    account = account_with(batch, 40, 30, 20)
    chosen = options(MINUTE, Window(3600, 50))
    assert seconds_to_wait(account, chosen, NOON, 2) == 0
    assert round(seconds_to_wait(account, chosen, NOON, 3), 3) == 20.1
    assert round(seconds_to_wait(account, chosen, NOON, 4), 3) == 30.1


def test_a_lowered_limit_holds_at_once(batch: Batch) -> None:
    account = account_with(batch, *[10.0 - i / 10 for i in range(100)])
    # Two places: when all but one of the hundred have left.
    assert wait(account, Window(60, 2)) == pytest.approx(60.1 - 0.2, abs=0.2)


def test_forgotten_requests_make_it_wait_longer_not_shorter(batch: Batch) -> None:
    account = account_with(batch, 90, 80, 70, 65, 62)
    Attempt.objects.filter(cum=1).delete()
    assert wait(account, Window(1, 5), Window(100, 5)) == 23.1


def test_places_may_be_free_in_another_order_than_taken() -> None:
    early = Place(NOON, None)
    late = Place(NOON + timedelta(seconds=1), NOON + timedelta(seconds=1.2))
    assert nth_free([late, early], Window(60, 2), 1) == late.free_at(Window(60, 2))
    assert nth_free([late, early], Window(60, 3), 1) is None


ANSWERS = {
    "at once": lambda r: 0.01,
    "within a second": lambda r: r.uniform(0.2, 1.0),
    "after ten seconds": lambda r: r.uniform(8, 12),
    "now and then never": lambda r: 1e9 if r.random() < 0.02 else 0.3,
}
TRAVELS = {
    "quickly": lambda r: r.uniform(0, 0.03),
    "up to the bound": lambda r: r.choice([0.0, 0.0, 2.999, r.uniform(0, 3)]),
}


@pytest.mark.parametrize("travel", TRAVELS)
@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("seed", [1, 2])
def test_no_window_ever_holds_too_many(
    batch: Batch, travel: str, answer: str, seed: int
) -> None:
    windows = (Window(6, 10), Window(60, 60), Window(300, 150))
    simulated = Simulation(
        options(*windows), batch, TRAVELS[travel], ANSWERS[answer], seed
    )
    simulated.send(400)
    for window in windows:
        assert simulated.most_in_a_window(window.seconds) <= window.limit
        assert simulated.most_in_a_clock_window(window.seconds) <= window.limit


@pytest.mark.parametrize(
    ("answer", "at_least"),
    [(lambda r: r.uniform(0.05, 1.0), 0.98), (lambda r: 10.0, 0.94)],
)
def test_the_limit_of_a_minute_is_used(
    batch: Batch, answer: object, at_least: float
) -> None:
    """At the real scale: 100 a minute, against the seconds that the limit itself needs."""
    simulated = Simulation(
        options(Window(60, 100), gap=0.3, concurrency=50),
        batch,
        lambda r: r.uniform(0, 0.05),
        answer,  # type: ignore[arg-type]
    )
    seconds = simulated.send(601)
    assert 6 * 60 / seconds >= at_least
    assert simulated.most_in_a_window(60) <= 100


def test_the_limits_of_an_hour_and_a_day_are_used(batch: Batch) -> None:
    """A hundredth of the provider's limits, in the same windows."""
    windows = (Window(60, 10), Window(3600, 50), Window(86400, 500))
    simulated = Simulation(
        options(*windows), batch, lambda r: r.uniform(0, 1), lambda r: 0.5
    )
    seconds = simulated.send(1001)
    assert 2 * 86400 / seconds >= 0.98
    for window in windows:
        assert simulated.most_in_a_window(window.seconds) <= window.limit


def test_the_shortest_window_is_read_by_its_latest_requests_alone(
    batch: Batch, django_assert_max_num_queries: object
) -> None:
    account = account_with(
        batch, *[random.Random(3).uniform(0, 50) for _ in range(300)]
    )
    with django_assert_max_num_queries(3):  # type: ignore[operator]
        limits.seconds_to_wait(
            account, options(Window(60, 100), Window(3600, 5000)), NOON
        )
