"""When it will be over: against a slow simulation, the limiter itself, and by hand."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms_campaigns import conf
from csms_campaigns.conf import Account, Window
from csms_campaigns.engine import forecast as module
from csms_campaigns.engine.forecast import (
    Part,
    Past,
    Work,
    forecast,
    seconds_until_sent,
)
from csms_campaigns.models import Batch
from tests.engine.simulation import Simulation

USUAL = conf.Account("default", "key")
HELD = 3.1
"""Seconds until a request has surely arrived, with the margin: see `limits`."""
HOUR = 3600.0
DAY = 24 * HOUR


def account(*windows: tuple[int, float], gap: float = 0.0, lanes: int = 4) -> Account:
    made = tuple(sorted(Window(seconds, limit) for limit, seconds in windows))
    return Account("a", "k", rate_limits=made, min_gap=gap, concurrency=lanes)


# One campaign alone


def test_nothing_to_send_takes_no_time() -> None:
    assert seconds_until_sent(USUAL, 0) == 0
    assert seconds_until_sent(USUAL, -3) == 0


def test_one_request_takes_the_time_of_its_answer() -> None:
    assert seconds_until_sent(USUAL, 1, answer=0.7) == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("requests", "seconds"),
    [
        (100, 99 * 0.3),
        (101, 60.6),
        (5001, 3603.1),
    ],
)
def test_the_documented_limits(requests: int, seconds: float) -> None:
    """100 a minute, 5,000 an hour: the first of the next window waits for the first of this."""
    found = seconds_until_sent(USUAL, requests, answer=0.5)
    assert found == pytest.approx(seconds + 0.5, abs=0.01)


def test_a_million_people_take_not_quite_two_hours() -> None:
    """10,000 requests: two hours by the hour's limit, the second at the minute's pace."""
    assert seconds_until_sent(USUAL, 10_000) == pytest.approx(6602, abs=5)


def test_few_lanes_and_slow_answers_set_the_pace() -> None:
    slow = account(lanes=2)
    assert seconds_until_sent(slow, 11, answer=4.0) == pytest.approx(10 * 2 + 4)


def test_a_used_up_window_is_waited_for() -> None:
    past = [50.0] * 100
    found = seconds_until_sent(USUAL, 1, past, answer=0.5)
    assert found == pytest.approx(60.6 - 50 + 0.5)


windows = st.lists(
    st.tuples(st.integers(1, 30), st.floats(0.5, 500)),
    max_size=3,
    unique_by=lambda w: w[1],
)
histories = st.lists(st.floats(0, 600), max_size=60).map(
    lambda found: sorted(found, reverse=True)
)
options = st.builds(
    lambda found, gap, lanes: account(*found, gap=gap, lanes=lanes),
    windows,
    st.floats(0, 5),
    st.integers(1, 8),
)
answers = st.floats(0.01, 20)


def slowly(made: Account, requests: int, past: Sequence[float], answer: float) -> float:
    """The rules as a person would read them: at each moment, look at every window whole."""
    stamps = [-age for age in past]
    gap = max(made.min_gap, answer / made.concurrency)
    for _each in range(requests):
        free = [0.0, *(stamps[-1:] and [stamps[-1] + gap])]
        for index, window in enumerate(made.rate_limits):
            kept = window.seconds + (min(answer, 3.0) + 0.1 if index == 0 else HELD)
            leave = sorted(stamp + kept for stamp in stamps)
            # So many must have left that there is room for one.
            must = len(leave) - window.limit + 1
            free += leave[must - 1 : must] if must > 0 else []
        stamps.append(max(free))
    return stamps[-1] + answer


@given(made=options, requests=st.integers(1, 80), past=histories, answer=answers)
@settings(max_examples=300, deadline=None)
def test_the_forecast_is_that_of_a_slow_simulation(
    made: Account, requests: int, past: list[float], answer: float
) -> None:
    found = seconds_until_sent(made, requests, past, answer)
    assert found == pytest.approx(slowly(made, requests, past, answer), abs=1e-6)


@given(made=options, past=histories, answer=answers)
@settings(deadline=None)
def test_more_requests_never_take_less_time(
    made: Account, past: list[float], answer: float
) -> None:
    found = [seconds_until_sent(made, n, past, answer) for n in range(1, 40)]
    assert all(less <= more for less, more in itertools.pairwise(found))


@given(made=options, requests=st.integers(1, 200), past=histories, answer=answers)
@settings(deadline=None)
def test_it_is_never_sooner_than_the_windows_allow(
    made: Account, requests: int, past: list[float], answer: float
) -> None:
    found = seconds_until_sent(made, requests, past, answer)
    for window in made.rate_limits:
        full = (requests - 1) // window.limit
        assert found >= full * window.seconds
        young = sum(1 for age in past if age < window.seconds)
        if young >= window.limit:
            assert found >= window.seconds - past[-window.limit]


@given(made=options, requests=st.integers(1, 60), past=histories, answer=answers)
@settings(deadline=None)
def test_a_history_never_makes_it_faster(
    made: Account, requests: int, past: list[float], answer: float
) -> None:
    fresh = seconds_until_sent(made, requests, (), answer)
    assert seconds_until_sent(made, requests, past, answer) >= fresh - 1e-9


# Many requests, in bunches


def exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    """One request in each step, however many."""
    monkeypatch.setattr(module, "STEPS", 10**9)
    monkeypatch.setattr(module, "MOST_STEPS", 10**9)


@pytest.mark.parametrize("requests", [501, 1234, 5000, 9_901, 25_000])
@pytest.mark.parametrize(
    "options",
    [
        USUAL,
        account((7, 10), (100, 333), gap=0.1),
        account((1, 1.5)),
        account((50, 60), (1999, 3600), (2500, 86400), gap=0.7),
    ],
)
def test_bunches_come_to_the_same(
    options: Account, requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = [float(age) for age in range(3000, 0, -2)]
    quick = seconds_until_sent(options, requests, past)
    exactly(monkeypatch)
    exact = seconds_until_sent(options, requests, past)
    assert quick == pytest.approx(exact, rel=0.01)


def steps_for(
    work: Work, others: Sequence[Work], monkeypatch: pytest.MonkeyPatch
) -> int:
    count = itertools.count()
    step = module._Play._step

    def counted(*args: object) -> float:
        next(count)
        return step(*args)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(module._Play, "_step", counted)
        forecast(USUAL, work, others)
    return next(count)


def test_a_million_texts_take_no_more_steps_than_a_thousand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    million = Work((Part(1_000_000),))
    assert steps_for(million, (), monkeypatch) <= module.STEPS
    assert steps_for(million, [million] * 3, monkeypatch) <= module.MOST_STEPS
    # A small one that sleeps while three large ones go on: it begins again twice.
    asleep = Work((Part(10),), begins=5 * DAY)
    assert steps_for(asleep, [million] * 3, monkeypatch) <= 3 * module.MOST_STEPS


def test_a_million_texts_take_twenty_days_of_the_days_limit() -> None:
    found = seconds_until_sent(USUAL, 1_000_000)
    assert found == pytest.approx(19 * 86403.1 + 9.8 * HOUR, rel=0.01)


# Beside others


def test_two_share_fairly() -> None:
    options = account((10, 10), gap=0.1)
    work = Work((Part(100),))
    alone = forecast(options, work).ends
    both = forecast(options, work, [Work((Part(100),))]).ends
    assert alone == pytest.approx(100, rel=0.1)
    assert both == pytest.approx(200, rel=0.1)


def test_a_small_one_does_not_wait_for_a_large_one() -> None:
    options = account((10, 10), gap=0.1)
    small, large = Work((Part(20),)), Work((Part(10_000),))
    assert forecast(options, small, [large]).ends < 45
    assert forecast(options, large, [small]).ends == pytest.approx(
        seconds_until_sent(options, 10_020), rel=0.01
    )


def test_what_begins_later_takes_its_share_from_then_on() -> None:
    options = account(gap=1.0)
    later = Work((Part(1000),), begins=50.0)
    assert forecast(options, Work((Part(50),)), [later]).ends < 52
    assert forecast(options, Work((Part(100),)), [later]).ends == pytest.approx(
        150, abs=3
    )


def test_it_starts_when_its_own_time_has_come() -> None:
    found = forecast(USUAL, Work((Part(3),), begins=500.0))
    assert found.starts == 500.0
    assert found.ends == pytest.approx(500.0 + 0.6 + 0.5)


def test_a_canary_goes_alone() -> None:
    options = account(gap=0.1)
    found = forecast(options, Work((Part(11),), alone=True), answer=8.0).ends
    # Its answer, then ten more in four lanes.
    assert found == pytest.approx(8.0 + 9 * 2.0 + 8.0, abs=0.1)


def test_a_block_of_the_account_is_waited_for() -> None:
    found = forecast(USUAL, Work((Part(1),)), free_in=33.0)
    assert found == (33.0, 33.5)


# Hours


def daily(opens: float, closes: float) -> module.Times:
    """Each day between these seconds; now is midnight."""

    def opening(moment: float) -> tuple[float, float]:
        day = moment // DAY * DAY
        if moment >= day + closes:
            day += DAY
        return day + opens, day + closes

    return opening


def test_it_starts_when_its_hours_begin() -> None:
    found = forecast(USUAL, Work((Part(3, daily(9 * HOUR, 21 * HOUR)),)))
    assert found.starts == 9 * HOUR
    assert found.ends == pytest.approx(9 * HOUR + 0.6 + 0.5)


def test_what_is_left_in_the_evening_goes_on_in_the_morning() -> None:
    """3,600 an hour for two hours a day: 10,000 take until the second hour of the second day."""
    hours = daily(9 * HOUR, 11 * HOUR)
    found = forecast(account(gap=1.0), Work((Part(10_000, hours),)))
    assert found.ends == pytest.approx(DAY + 9 * HOUR + 2800, rel=0.001)


def test_those_for_whom_it_is_day_go_first() -> None:
    options = account(gap=1.0)
    day, night = daily(0, 12 * HOUR), daily(12 * HOUR, 24 * HOUR)
    found = forecast(options, Work((Part(100, night), Part(100, day))))
    assert found == pytest.approx((0.0, 12 * HOUR + 99.5), abs=1)


def test_while_one_sleeps_the_other_has_it_all() -> None:
    options = account(gap=1.0)
    asleep = Work((Part(1000, daily(9 * HOUR, 21 * HOUR)),))
    assert forecast(options, Work((Part(100),)), [asleep]).ends < 101


def test_limits_that_were_used_in_the_night_are_not_free_in_the_morning() -> None:
    options = account((100, 10 * HOUR))
    hours = daily(9 * HOUR, 21 * HOUR)
    large = Work((Part(100),), begins=8 * HOUR)
    found = forecast(options, Work((Part(1, hours),)), [large])
    assert found.starts == pytest.approx(18 * HOUR, rel=0.01)


def slowly_in_hours(made: Account, requests: int, opens: float, closes: float) -> float:
    stamps: list[float] = []
    gap = max(made.min_gap, 0.5 / made.concurrency)
    for _each in range(requests):
        moment = max([0.0, *(stamp + gap for stamp in stamps[-1:])])
        for place, window in enumerate(made.rate_limits):
            kept = window.seconds + (0.6 if place == 0 else HELD)
            if len(stamps) >= window.limit:
                moment = max(moment, stamps[-window.limit] + kept)
        while not opens <= moment % DAY < closes:
            moment = (
                moment // DAY * DAY + opens + (DAY if moment % DAY >= closes else 0)
            )
        stamps.append(moment)
    return stamps[-1] + 0.5


@given(
    made=options,
    requests=st.integers(1, 200),
    opens=st.integers(0, 80_000),
    length=st.integers(60, 6_000),
)
@settings(max_examples=100, deadline=None)
def test_hours_are_those_of_a_slow_simulation(
    made: Account, requests: int, opens: int, length: int
) -> None:
    closes = min(opens + length, DAY)
    work = Work((Part(requests, daily(opens, closes)),))
    assert forecast(made, work).ends == pytest.approx(
        slowly_in_hours(made, requests, opens, closes), abs=1e-6
    )


# The history


def test_between_known_stamps_the_pace_is_even() -> None:
    sparse = Past([(0, 1.0), (100, 1001.0)])
    options = account((51, 2000))
    found = forecast(options, Work((Part(1),)), past=sparse, answer=0.5)
    # The one that must leave the window left fifty before the last: 501 seconds ago.
    assert found.starts == pytest.approx(2000 + 0.6 - 501)


# The limiter itself


@pytest.mark.django_db
@pytest.mark.parametrize("answer", [0.3, 2.0])
def test_the_limiter_keeps_the_promised_time(batch: Batch, answer: float) -> None:
    options = Account(
        "default", "k", rate_limits=(Window(6, 20), Window(60, 90)), min_gap=0.05
    )

    def takes(_random: Random) -> float:
        return answer / 2

    granted = Simulation(options, batch, travel=takes, answer=takes).send(400)
    promised = seconds_until_sent(options, 400, answer=answer)
    assert promised == pytest.approx(granted + answer, rel=0.05)
