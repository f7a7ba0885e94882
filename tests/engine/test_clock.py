"""The database's clock jumps: no window is exceeded, and a jump is counted once."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from csms_campaigns.conf import Account, Window
from csms_campaigns.engine import clock, limits
from csms_campaigns.engine.clock import Reading, watch
from csms_campaigns.models import Batch, GatewayAccount
from tests.engine.simulation import Simulation

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OPTIONS = Account("default", "key", rate_limits=(Window(60, 5), Window(600, 20)))


@pytest.fixture
def account() -> GatewayAccount:
    return GatewayAccount.objects.create(alias="default", cum=7, stamped_at=NOON)


def seen(distance: float, width: float = 0.001) -> Reading:
    return Reading(NOON, distance, distance + width)


def look(account: GatewayAccount, *readings: tuple[str, Reading]) -> None:
    """Each machine's reading, on a row that was read afresh."""
    for machine, reading in readings:
        watch(fresh(), OPTIONS, reading, machine)
    account.refresh_from_db()


def fresh() -> GatewayAccount:
    return GatewayAccount.objects.get()


def moved(account: GatewayAccount, cum: int = 7) -> float:
    return limits._moved(account, cum).total_seconds()


def test_a_clock_that_runs_evenly_moves_nothing(account: GatewayAccount) -> None:
    look(account, *[("a", seen(100 + i / 1000)) for i in range(30)])
    assert moved(account) == 0


def test_a_jump_forward_moves_what_was_stamped_before(account: GatewayAccount) -> None:
    look(account, ("a", seen(100)), ("a", seen(105)))
    assert moved(account) == pytest.approx(5, abs=0.01)
    assert moved(account, 8) == 0


def test_a_jump_is_counted_once_whoever_sees_it(account: GatewayAccount) -> None:
    """Also by a process that has been started again: nothing is kept in its memory."""
    look(account, ("a", seen(100)), ("b", seen(-40)), ("a", seen(105)))
    look(account, ("b", seen(-35)), ("a", seen(105)), ("b", seen(-35)))
    assert moved(account) == pytest.approx(5, abs=0.01)


def test_each_jump_is_counted(account: GatewayAccount) -> None:
    look(account, ("a", seen(100)), ("b", seen(-40)), ("a", seen(105)))
    GatewayAccount.objects.update(cum=9)
    look(account, ("b", seen(-33)), ("a", seen(107)))
    assert moved(account, 7) == pytest.approx(7, abs=0.02)
    assert moved(account, 9) == pytest.approx(2, abs=0.02)


def test_a_machine_that_was_away_does_not_miss_a_jump_behind_its_back(
    account: GatewayAccount,
) -> None:
    """Back and forth again: for `b` nothing has changed, but `a` has stamped in between."""
    look(account, ("b", seen(-40)), ("a", seen(100)), ("a", seen(90)))
    assert moved(account) == 0
    GatewayAccount.objects.update(cum=9)
    look(account, ("b", seen(-40)))
    assert moved(account, 9) == pytest.approx(10, abs=0.02)


def test_a_jump_backward_makes_nothing_older(account: GatewayAccount) -> None:
    look(account, ("a", seen(100)), ("a", seen(40)), ("a", seen(40)))
    assert moved(account) == 0


def test_a_slow_drift_adds_up(account: GatewayAccount) -> None:
    """A clock that is slewed gains half a second in a thousand."""
    look(account, *[("a", seen(100 + i / 100)) for i in range(101)])
    assert moved(account) == pytest.approx(1, abs=2 * clock.TOLERANCE)


@pytest.mark.parametrize("width", [0.5, 3.0])
def test_a_slow_reading_is_no_jump_and_nothing_to_compare_with(
    account: GatewayAccount, width: float
) -> None:
    look(account, ("b", seen(100, width)))
    assert account.clock == {}
    look(account, ("a", seen(100)), ("a", seen(100 - width, width)))
    look(account, ("a", seen(100, width)))
    assert moved(account) == 0
    look(account, ("a", seen(110, width)))
    assert moved(account) == pytest.approx(10 + width, abs=0.01)


def test_a_block_lasts_as_long_as_the_gateway_asked(account: GatewayAccount) -> None:
    until = NOON + timedelta(minutes=5)
    GatewayAccount.objects.update(blocked_until=until)
    look(account, ("a", seen(100)), ("a", seen(400)))
    assert account.blocked_until is not None
    late = account.blocked_until - until
    assert late.total_seconds() == pytest.approx(300, abs=0.01)


def test_what_has_left_every_window_is_forgotten(account: GatewayAccount) -> None:
    look(account, ("a", seen(100)), ("a", seen(105)))
    GatewayAccount.objects.update(cum=100)
    look(account, ("a", seen(115)))
    assert len(account.clock["jumps"]) == 1
    assert moved(account, 100) == pytest.approx(10, abs=0.02)


def test_many_jumps_need_little_room(account: GatewayAccount) -> None:
    steps = [("a", seen(100.0 + i)) for i in range(200)]
    look(account, *steps)
    assert len(account.clock["jumps"]) == clock.MOST_JUMPS
    assert moved(account) == pytest.approx(199, rel=0.01)
    look(account, *[(f"m{i}", seen(i)) for i in range(100)])
    assert len(account.clock["machines"]) == clock.MOST_MACHINES


def test_machines_that_are_no_more_crowd_nobody_out(account: GatewayAccount) -> None:
    """PostgreSQL keeps the keys of JSON in an order of its own, by their letters."""
    look(account, *[(f"z{i:02}", seen(i)) for i in range(clock.MOST_MACHINES + 5)])
    look(account, ("a", seen(100)), ("b", seen(-40)))
    assert {"a", "b"} <= set(account.clock["machines"])
    look(account, ("b", seen(-35)), ("a", seen(105)))
    assert moved(account) == pytest.approx(5, abs=0.01)


def test_a_machine_that_was_seen_by_an_earlier_release_is_known(
    account: GatewayAccount,
) -> None:
    GatewayAccount.objects.update(clock={"machines": {"a": [100, 100.001, 0.0]}})
    look(account, ("b", seen(3)), ("a", seen(105)))
    assert moved(account) == pytest.approx(5, abs=0.01)


def test_a_jump_is_kept_as_long_as_the_limiter_reads(account: GatewayAccount) -> None:
    """An answer may come three seconds late, so it reads more than one window's limit."""
    options = Account("default", "key", rate_limits=(Window(60, 5),))
    for cum, distance in ((7, 100), (7, 105), (12, 115)):
        GatewayAccount.objects.update(cum=cum)
        watch(fresh(), options, seen(distance), "a")
    account.refresh_from_db()
    assert moved(account, 7) == pytest.approx(15, abs=0.02)


def test_the_clock_that_is_read_lies_between_two_looks() -> None:
    before = limits.steady()
    found = clock.read()
    distance = found.moment.timestamp() - before
    assert found.least <= found.most <= distance
    assert found.most - found.least < 5


def test_a_slow_database_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([0.0, 1.0, 5.0, 5.0])
    monkeypatch.setattr(clock, "steady", lambda: next(looks))
    found = clock.read()
    assert found.is_narrow
    assert found.least == pytest.approx(found.moment.timestamp() - 5)


def test_a_steady_clock_is_named_by_its_boot() -> None:
    assert clock._machine() == clock._machine() == clock.MACHINE
    assert len(clock.MACHINE) >= 30


# A whole campaign, on a clock that jumps

WINDOWS = (Window(6, 10), Window(60, 60), Window(300, 150))


def stairs(*steps: tuple[float, float]) -> Callable[[float], float]:
    return lambda seconds: sum(by for at, by in steps if seconds >= at)


def drunk(seed: int) -> Callable[[float], float]:
    """Jumps of all sizes, in both directions, some of them taken back."""
    draw = random.Random(seed)
    sizes = [draw.choice([-20, -1, -0.2, 0.1, 0.5, 4, 30, 200]) for _ in range(25)]
    return stairs(*[(draw.uniform(0, 900), size) for size in sizes])


ERRORS: dict[str, Callable[[float], float]] = {
    "once": stairs((30, 60)),
    "again and again": stairs(*[(20.0 * i, 5) for i in range(1, 40)]),
    "there and back": stairs(*[(30.0 * i, 25 * (-1) ** i) for i in range(1, 30)]),
    "slewed": lambda seconds: seconds * 0.05,
    "drunk 1": drunk(1),
    "drunk 2": drunk(2),
}


def simulated(batch: Batch, error: Callable[[float], float], seed: int) -> Simulation:
    options = Account("default", "key", rate_limits=WINDOWS, min_gap=0, concurrency=9)
    return Simulation(
        options,
        batch,
        lambda r: r.choice([0.0, 0.0, 2.999, r.uniform(0, 3)]),
        lambda r: r.uniform(0.05, 1),
        seed,
        error,
    )


def exceeded(found: Simulation) -> bool:
    return any(found.most_in_a_window(w.seconds) > w.limit for w in WINDOWS)


@pytest.mark.parametrize("error", ERRORS)
def test_no_window_holds_too_many_on_a_clock_that_jumps(
    batch: Batch, error: str
) -> None:
    found = simulated(batch, ERRORS[error], 1)
    found.send(350)
    assert not exceeded(found)


@pytest.fixture
def _nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "TOLERANCE", 1e9)


@pytest.mark.usefixtures("_nobody_watches")
@pytest.mark.parametrize("error", ["once", "again and again", "slewed"])
def test_without_the_watch_a_window_would_hold_too_many(
    batch: Batch, error: str
) -> None:
    """Else the test above would prove nothing."""
    found = simulated(batch, ERRORS[error], 1)
    found.send(350)
    assert exceeded(found)


def test_a_clock_that_is_right_costs_nothing(batch: Batch) -> None:
    even = simulated(batch, lambda _seconds: 0.0, 1)
    seconds = even.send(350)
    assert even.account.clock.get("jumps", []) == []
    # Two of the longest windows, and what is begun of the third.
    assert 600 <= seconds <= 660
