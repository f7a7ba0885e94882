"""When requests will have left: the limiter's rules, fair shares and hours, played forward.

Few requests are played one by one, with the same arithmetic as in `limits`; of many, a bunch in
one step, so that a million take no longer than a thousand. Pure: `history` and `workload` read
the database for it. Times are seconds from now.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from csms_campaigns.conf import Account
from csms_campaigns.engine.limits import ARRIVAL, MARGIN

STEPS: Final = 500
"""About so many for the requests of the campaign itself."""
MOST_STEPS: Final = 2000
"""With those of others; then the bunches are made larger, and it begins again."""
USUAL_ANSWER: Final = 0.5
"""Seconds an answer takes, where nothing is known yet."""
NEVER: Final = math.inf
FOREVER: Final = (-NEVER, NEVER)

Times = Callable[[float], tuple[float, float]]
"""From a moment to the first opening that is not over then."""


def always(_moment: float) -> tuple[float, float]:
    return FOREVER


class Part(NamedTuple):
    """Requests of one time zone."""

    requests: int
    opening: Times = always


@dataclass(frozen=True)
class Work:
    """What one campaign has still to send. `alone`: its first request is a canary."""

    parts: tuple[Part, ...]
    begins: float = 0.0
    alone: bool = False

    @property
    def requests(self) -> int:
        return sum(part.requests for part in self.parts)


class Forecast(NamedTuple):
    starts: float
    """When its first request leaves."""
    ends: float
    """When its last one is answered."""


class Past:
    """When the account's requests left: by how many requests ago, the stamps of some of them.

    Between two that are known the pace is taken to be even.
    """

    def __init__(self, ages: Iterable[tuple[int, float]] = ()) -> None:
        known = sorted((-ago, -age) for ago, age in ages)
        self.numbers = [number for number, _stamp in known]
        self.stamps = [stamp for _number, stamp in known]

    @classmethod
    def of(cls, ages: Sequence[float]) -> Past:
        """Of all the latest requests, the oldest first."""
        return cls((len(ages) - 1 - place, age) for place, age in enumerate(ages))


def seconds_until_sent(
    options: Account,
    requests: int,
    past: Sequence[float] = (),
    answer: float = USUAL_ANSWER,
) -> float:
    """Until the last of `requests` is answered, with nothing else to send.

    `past` are the ages in seconds of the account's latest requests, the oldest first.
    """
    work = Work((Part(requests),))
    return forecast(options, work, past=Past.of(past), answer=answer).ends


def forecast(
    options: Account,
    work: Work,
    others: Sequence[Work] = (),
    *,
    past: Past | None = None,
    answer: float = USUAL_ANSWER,
    free_in: float = 0.0,
) -> Forecast:
    """For `work`, which shares the account with the `others`, as the take does."""
    if work.requests <= 0:
        return Forecast(0.0, 0.0)
    bunch = math.ceil(work.requests / STEPS)
    while True:
        play = _Play(options, past or Past(), answer, free_in, bunch)
        found = play.run(work, others)
        if found is not None:
            return found
        bunch *= 16


@dataclass
class _State:
    """A campaign while it is played: what is left in each zone, the one that closes first first."""

    left: list[list[int]]
    openings: list[Times]
    begins: float
    alone: bool
    open_now: list[int] = field(default_factory=list)
    next_opening: float = NEVER
    holds_until: float = -NEVER

    @classmethod
    def of(cls, work: Work) -> _State:
        parts = [part for part in work.parts if part.requests > 0]
        return cls(
            [[part.requests] for part in parts],
            [part.opening for part in parts],
            work.begins,
            work.alone,
        )

    @property
    def is_done(self) -> bool:
        return not self.left

    def look(self, moment: float) -> bool:
        """Whether something of it may leave then."""
        if moment < self.begins:
            return False
        if moment >= self.holds_until:
            self._look_again(moment)
        return bool(self.open_now)

    def soonest(self, moment: float) -> float:
        """When something of it may leave, if nothing may at `moment`."""
        if moment < self.begins:
            return self.begins
        return self.next_opening

    def take(self, most: int) -> int:
        taken = 0
        while self.open_now and taken < most:
            place = self.open_now[0]
            some = min(most - taken, self.left[place][0])
            self.left[place][0] -= some
            taken += some
            if not self.left[place][0]:
                self._drop(place)
        return taken

    def _look_again(self, moment: float) -> None:
        found = [opening(moment) for opening in self.openings]
        opened = [n for n, (opens, _closes) in enumerate(found) if opens <= moment]
        self.open_now = sorted(opened, key=lambda n: found[n][1])
        later = (opens for opens, _closes in found if opens > moment)
        self.next_opening = min(later, default=NEVER)
        closes = (found[n][1] for n in opened)
        self.holds_until = min(self.next_opening, *closes, NEVER)

    def _drop(self, place: int) -> None:
        del self.left[place], self.openings[place]
        self.open_now = [n - (n > place) for n in self.open_now if n != place]


class _Play:
    def __init__(
        self, options: Account, past: Past, answer: float, free_in: float, bunch: int
    ) -> None:
        self.bunch, self.answer, self.free_in = bunch, answer, free_in
        self.pace = max(options.min_gap, answer / options.concurrency)
        self.windows: list[tuple[int, float]] = []
        for place, window in enumerate(options.rate_limits):
            kept = ARRIVAL if place else min(answer, ARRIVAL)
            self._add_window(window.limit, window.seconds + kept + MARGIN)
        self.numbers, self.stamps = list(past.numbers), list(past.stamps)
        self.count = 0

    def _add_window(self, limit: int, seconds: float) -> None:
        if limit < self.bunch:
            # Smaller than a step: of it only the pace is left.
            self.pace = max(self.pace, seconds / limit)
        else:
            self.windows.append((limit, seconds))

    def run(self, work: Work, others: Sequence[Work]) -> Forecast | None:
        """None if it takes too many steps."""
        mine = _State.of(work)
        states = [mine, *(_State.of(other) for other in others)]
        starts: float | None = None
        for _step in range(MOST_STEPS):
            states = [state for state in states if not state.is_done]
            start, sharing = self._begin(states)
            last = self._step(start, sharing)
            if starts is None and mine in sharing:
                starts = start
            if mine.is_done:
                return Forecast(starts or 0.0, last + self.answer)
        return None

    def _begin(self, states: list[_State]) -> tuple[float, list[_State]]:
        """When the next request may leave, and who shares from then on."""
        moment = max(self._free(1), self.free_in, 0.0)
        while True:
            sharing = [state for state in states if state.look(moment)]
            if sharing:
                return moment, sharing
            moment = min(state.soonest(moment) for state in states)

    def _step(self, start: float, sharing: list[_State]) -> float:
        share = math.ceil(self.bunch / len(sharing))
        taken, canaries = 0, []
        for state in sharing:
            taken += state.take(1 if state.alone else share)
            if state.alone:
                canaries.append(state)
        last = max(start + (taken - 1) * self.pace, self._free(taken))
        if taken > 1:
            # Else what was idle before would be taken for a slow pace.
            self._note(self.count + 1, start)
        self.count += taken
        self._note(self.count, last)
        for state in canaries:
            state.alone, state.begins = False, last + self.answer
        return last

    def _note(self, number: int, stamp: float) -> None:
        self.numbers.append(number)
        self.stamps.append(stamp)

    def _free(self, ahead: int) -> float:
        """When the request so many ahead has a free place in each window."""
        moments = [
            self._stamp(self.count + ahead - limit) + seconds
            for limit, seconds in self.windows
        ]
        if self.stamps:
            moments.append(self.stamps[-1] + self.pace)
        return max(moments, default=-NEVER)

    def _stamp(self, number: int) -> float:
        """When the request of that number left; those before the first are long ago."""
        place = bisect_right(self.numbers, number) - 1
        if place < 0:
            return -NEVER
        before, stamp = self.numbers[place], self.stamps[place]
        if before == number or place + 1 == len(self.numbers):
            return stamp
        span = self.numbers[place + 1] - before
        return stamp + (self.stamps[place + 1] - stamp) * (number - before) / span
