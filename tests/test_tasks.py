"""What a task does with the message that woke it, where it cannot do its work."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError

from csms_campaigns import tasks

Wakes = list[tuple[str, int]]


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> Wakes:
    """The wake-ups that were sent, as (account, lanes)."""
    found: Wakes = []
    monkeypatch.setattr(tasks, "wake_lanes", lambda *given: found.append(given))
    return found


@pytest.fixture
def lane_fails(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    def fail_with(error: Exception) -> None:
        def run_lane(*_given: Any, **_options: Any) -> None:
            raise error

        monkeypatch.setattr(tasks.lanes, "run_lane", run_lane)

    return fail_with


@pytest.fixture
def time_passes(monkeypatch: pytest.MonkeyPatch) -> Event:
    """Until it is set, the seconds before a wake-up is passed on do not end."""
    passed = Event()
    monkeypatch.setattr(tasks._Stop, "wait", lambda _stop, _seconds: passed.wait(30))
    return passed


@pytest.mark.once
@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_without_a_database_a_wake_up_is_passed_on_one_at_a_time(
    woken: Wakes,
    lane_fails: Any,
    time_passes: Event,
    wait_until: Any,
    error: type[Exception],
) -> None:
    lane_fails(error("gone"))
    with ThreadPoolExecutor(1) as slots:
        first = slots.submit(tasks.lane, "default")
        wait_until(tasks._passing_on.locked)
        for _each in range(3):
            with pytest.raises(error):
                tasks.lane("default")
        assert woken == []
        time_passes.set()
        with pytest.raises(error):
            first.result(30)
    assert woken == [("default", 1)]
    with pytest.raises(error):
        tasks.lane("other")
    assert woken == [("default", 1), ("other", 1)]


@pytest.mark.once
def test_another_fault_is_passed_on_to_nobody(woken: Wakes, lane_fails: Any) -> None:
    lane_fails(ValueError("a mistake of ours"))
    with pytest.raises(ValueError, match="of ours"):
        tasks.lane("default")
    assert woken == []
