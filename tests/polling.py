"""Waiting for a condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(predicate: Callable[[], T], *, seconds: float = 90) -> T:
    """The first truthy value of `predicate()`; a failed test after `seconds` without one."""
    deadline = time.monotonic() + seconds
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            message = f"It was not so within {seconds} s: {predicate} gave {value!r}."
            raise AssertionError(message)
        time.sleep(0.05)
