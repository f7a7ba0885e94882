"""Counts requests per key as the provider promises to, and proves who kept the limits.

An arrival is the monotonic moment at which the first byte of a request line was
read. A window is half open: (end - seconds, end], so two requests that are exactly
`seconds` apart don't share one.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, cast

PRUNE_EVERY = 4096  # arrivals; a prune copies the list, so it is done rarely


class Window(NamedTuple):
    limit: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.limit}/{self.seconds:g}"


DEFAULT_LIMITS = "100/60,5000/3600,50000/86400"


def read_limits(value: object) -> tuple[Window, ...]:
    """Accept `"100/60,5000/3600"`, `"none"`, or pairs of (requests, seconds)."""
    if value is None or value == "none":
        return ()
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, Sequence):
        raise ValueError(_wrong_limits(value))  # noqa: TRY004 - a wrong value, as below
    return tuple(dict.fromkeys(_read_window(part) for part in parts))


def _read_window(part: object) -> Window:
    pair = part.split("/") if isinstance(part, str) else part
    try:
        limit, seconds = map(str, cast("Sequence[object]", pair))
        window = Window(int(limit), float(seconds))
    except (TypeError, ValueError):
        raise ValueError(_wrong_limits(part)) from None
    if window.limit < 1 or not 0 < window.seconds < math.inf:
        raise ValueError(_wrong_limits(part))
    return window


def _wrong_limits(value: object) -> str:
    return (
        f"{value!r} is no limit: write requests/seconds, separated by commas, "
        f"like {DEFAULT_LIMITS}, or none."
    )


def fullest(arrivals: list[float], at: float, seconds: float) -> int:
    """Count the fullest window that would hold `at`, if `at` were added.

    Threads may report arrivals out of order, so windows that end at a later
    arrival are looked at as well; in the usual order there are none.
    """
    first_later = bisect_right(arrivals, at)
    most = 1 + first_later - bisect_right(arrivals, at - seconds)
    for index in range(first_later, len(arrivals)):
        end = arrivals[index]
        if end >= at + seconds:
            break
        most = max(most, index + 2 - bisect_right(arrivals, end - seconds))
    return most


class Meter:
    """The arrivals of one key. The caller holds the gateway's lock."""

    def __init__(self, windows: tuple[Window, ...], epoch: float) -> None:
        """`epoch` + monotonic time = wall time, fixed once so that clock steps
        don't move the clock-aligned windows."""
        self.windows = windows
        self._epoch = epoch
        self._arrivals: list[float] = []
        self._accepted: list[float] = []
        self._aligned: dict[Window, Counter[int]] = {w: Counter() for w in windows}
        self.sliding_max: dict[Window, int] = dict.fromkeys(windows, 0)
        self.aligned_max: dict[Window, int] = dict.fromkeys(windows, 0)

    def admit(self, at: float) -> tuple[Window, int] | None:
        """Count the arrival; give the full window and the seconds to wait, or None.

        A refused arrival is counted in the maxima, but takes no place in a window.
        """
        self._note(at)
        for window in self.windows:
            if fullest(self._accepted, at, window.seconds) > window.limit:
                return window, self._wait(window, at)
        insort(self._accepted, at)
        return None

    def _wait(self, window: Window, at: float) -> int:
        place = bisect_right(self._accepted, at) - window.limit
        frees_at = self._accepted[max(place, 0)] + window.seconds
        return max(1, math.ceil(frees_at - at))

    def _note(self, at: float) -> None:
        for window in self.windows:
            most = fullest(self._arrivals, at, window.seconds)
            self.sliding_max[window] = max(self.sliding_max[window], most)
            slot = int((at + self._epoch) // window.seconds)
            self._aligned[window][slot] += 1
            self.aligned_max[window] = max(
                self.aligned_max[window], self._aligned[window][slot]
            )
        insort(self._arrivals, at)
        if len(self._arrivals) % PRUNE_EVERY == 0:
            self._prune(at)

    def _prune(self, at: float) -> None:
        longest = max((w.seconds for w in self.windows), default=0)
        for times in (self._arrivals, self._accepted):
            del times[: bisect_right(times, at - 2 * longest)]
        for window, slots in self._aligned.items():
            oldest = int((at + self._epoch) // window.seconds) - 2
            for slot in [slot for slot in slots if slot < oldest]:
                del slots[slot]
