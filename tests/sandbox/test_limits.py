from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms_campaigns.sandbox.limits import Meter, Window, fullest, read_limits
from tests.sandbox.client import delivered, send

ONE = ["+12125551234"]
moments = st.lists(st.integers(0, 60).map(float), max_size=40)


def most_in_any_window(times, seconds):
    """By brute force: the fullest (end - seconds, end] ends at one of the times."""
    return max(
        (sum(end - seconds < t <= end for t in times) for end in times), default=0
    )


def test_limits_as_text_and_as_pairs():
    expected = (Window(100, 60), Window(5000, 3600))
    assert read_limits("100/60, 5000/3600") == expected
    assert read_limits([(100, 60), [5000, 3600]]) == expected
    assert read_limits("5/0.5") == (Window(5, 0.5),)
    assert read_limits("none") == read_limits(None) == ()


@pytest.mark.parametrize(
    "wrong",
    ["", "100", "a/b", "0/60", "5/0", "5/-1", "1/2/3", "5/inf", 7, [5], "5/nan"],
)
def test_wrong_limits_are_told_in_one_sentence(wrong):
    with pytest.raises(ValueError, match=r"is no limit: write requests/seconds"):
        read_limits(wrong)


@given(moments, st.integers(1, 20))
def test_fullest_agrees_with_brute_force_in_any_order(times, seconds):
    *rest, last = [*times, 30.0]
    around = [t for t in rest if abs(t - last) < seconds]
    expected = max(
        (
            sum(end - seconds < t <= end for t in [*around, last])
            for end in [*around, last]
            if end - seconds < last <= end
        ),
    )
    assert fullest(sorted(rest), last, seconds) == expected


@given(moments, st.integers(1, 5), st.integers(1, 20))
def test_no_window_ever_holds_more_accepted_arrivals_than_its_limit(
    times, limit, seconds
):
    meter = Meter((Window(limit, seconds),), epoch=0.0)
    accepted = [t for t in times if meter.admit(t) is None]
    assert most_in_any_window(accepted, seconds) <= limit


@given(moments, st.integers(1, 5), st.integers(1, 20))
def test_arrivals_in_order_are_refused_only_when_the_window_is_full(
    times, limit, seconds
):
    meter = Meter((Window(limit, seconds),), epoch=0.0)
    accepted: list[float] = []
    for at in sorted(times):
        full = sum(at - seconds < t <= at for t in accepted) >= limit
        assert (meter.admit(at) is not None) == full
        if not full:
            accepted.append(at)


@given(moments, st.integers(1, 5), st.integers(1, 20))
def test_the_maxima_count_all_arrivals_also_the_refused(times, limit, seconds):
    window = Window(limit, seconds)
    meter = Meter((window,), epoch=1000.0)
    for at in times:
        meter.admit(at)
    slots = [int((t + 1000) // seconds) for t in times]
    assert meter.sliding_max[window] == most_in_any_window(times, seconds)
    assert meter.aligned_max[window] == max(map(slots.count, slots), default=0)


@given(moments, st.integers(1, 5), st.integers(1, 20))
def test_who_waits_as_told_is_let_in(times, limit, seconds):
    meter = Meter((Window(limit, seconds),), epoch=0.0)
    for at in sorted(times):
        refused = meter.admit(at)
        if refused is not None:
            assert meter.admit(at + refused[1]) is None
            return


def test_memory_of_arrivals_is_bounded():
    window = Window(10, 1)
    meter = Meter((window,), epoch=0.0)
    accepted = sum(meter.admit(step / 16) is None for step in range(20_000))
    assert len(meter._arrivals) < 5000
    assert len(meter._aligned[window]) < 500
    assert meter.sliding_max[window] == 16
    assert accepted == 12_500


def test_requests_over_a_limit_get_429_and_are_recorded(start):
    gateway = start(limits="3/3600")
    statuses = [send(gateway, ONE).status for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    answer = send(gateway, ONE)
    assert answer.json["success"] is False
    assert answer.json["code"] == "RATE_LIMIT_EXCEEDED"
    assert answer.json["error"] == "Rate limit exceeded: 3 requests in 3600 s"
    assert 3590 <= int(answer.headers["Retry-After"]) <= 3600
    state = gateway.state()
    assert (state["violations"], state["refused"], state["texts"]) == (3, 3, 3)
    assert state["max_in_window"]["3/3600"]["sliding"] == 6
    assert [row["violation"] for row in gateway.requests] == [False] * 3 + [True] * 3
    assert delivered(gateway) == ONE * 3


def test_a_refused_request_takes_no_place_in_the_window(start):
    gateway = start(limits="2/1")
    while gateway.state()["violations"] < 20:
        send(gateway, ONE)
    accepted = [row["received"] for row in gateway.requests if not row["violation"]]
    assert most_in_any_window(accepted, 1) == 2
    assert len(accepted) >= 2


def test_each_key_has_its_own_limit(start):
    gateway = start(limits="1/3600", api_key=["first", "second"])
    assert send(gateway, key="first").status == 200
    assert send(gateway, key="second").status == 200
    assert send(gateway, key="first").status == 429
    assert send(gateway, key="wrong").status == 401
    assert gateway.state()["violations"] == 1
    assert gateway.state()["max_in_window"]["1/3600"]["sliding"] == 2


def test_the_limit_holds_for_many_clients_at_once(start):
    gateway = start(limits="40/3600")
    statuses: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: statuses.extend(send(gateway, ONE).status for _ in range(20))
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (statuses.count(200), statuses.count(429)) == (40, 120)
    assert gateway.wait_until_idle()
    assert gateway.state()["max_in_window"]["40/3600"]["sliding"] == 160
    assert len(delivered(gateway)) == 40


def test_no_limits(start):
    gateway = start(limits="none")
    assert {send(gateway, ONE).status for _ in range(120)} == {200}
    assert gateway.state()["max_in_window"] == {}
