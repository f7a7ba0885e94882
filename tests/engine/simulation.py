"""A gateway with a strict eye and workers with bad luck, in simulated time.

Requests are stamped by the real limiter on real rows; when they arrive and when they are
answered is drawn at random, within what the limiter's proof assumes.
"""

from __future__ import annotations

import heapq
import random
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from csms_campaigns.conf import Account
from csms_campaigns.engine import clock, limits
from csms_campaigns.engine.clock import Reading
from csms_campaigns.engine.taking import CLOCK_SLACK
from csms_campaigns.models import Attempt, Batch, GatewayAccount

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Simulation:
    """`travel()` draws seconds from stamp to arrival (at most 3), `answer()` from there on.

    `error(seconds)` is how wrong the database's clock is at that time. So many `machines` take
    turns, each with a steady clock that began at another time.
    """

    options: Account
    batch: Batch
    travel: Callable[[random.Random], float]
    answer: Callable[[random.Random], float]
    seed: int = 0
    error: Callable[[float], float] = lambda _seconds: 0.0
    machines: int = 2
    now: float = 0.0
    arrivals: list[float] = field(default_factory=list)
    in_flight: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.account = GatewayAccount.objects.create(alias=self.options.alias)

    def send(self, requests: int) -> float:
        """Seconds until the last of them was granted."""
        for _request in range(requests):
            while (wait := self._wait()) > 0:
                self.now += wait
            self._grant()
        return self.now

    def _wait(self) -> float:
        self._answer_until(self.now)
        if len(self.in_flight) >= self.options.concurrency:
            return max(self.in_flight[0][0] - self.now, 1e-6)
        moment = self._at(self.now)
        stamp = self._stamp()
        if (behind := (stamp - moment).total_seconds()) > CLOCK_SLACK:
            return behind
        machine = self.random.randrange(self.machines)
        clock.watch(self.account, self.options, self._read(machine), f"m{machine}")
        return limits.seconds_to_wait(self.account, self.options, stamp)

    def _stamp(self) -> datetime:
        moment = self._at(self.now)
        return max(self.account.stamped_at or moment, moment)

    def _read(self, machine: int) -> Reading:
        """As narrow as it has to be, and somewhere around the truth."""
        moment = self._at(self.now)
        distance = moment.timestamp() - (self.now + 1000.0 * machine)
        early = self.random.uniform(0, clock.NARROW)
        return Reading(moment, distance - early, distance - early + clock.NARROW)

    def _grant(self) -> None:
        self.account.cum += 1
        self.account.stamped_at = self._stamp()
        made = Attempt.objects.create(
            account=self.account,
            batch=self.batch,
            cum=self.account.cum,
            stamped_at=self.account.stamped_at,
        )
        arrived = self.now + self.travel(self.random)
        self.arrivals.append(arrived)
        done = arrived + self.answer(self.random)
        heapq.heappush(self.in_flight, (done, made.pk))

    def _answer_until(self, moment: float) -> None:
        while self.in_flight and self.in_flight[0][0] <= moment:
            done, pk = heapq.heappop(self.in_flight)
            Attempt.objects.filter(pk=pk).update(done_at=self._at(done))

    def _at(self, seconds: float) -> datetime:
        """What the database's clock says then."""
        return START + timedelta(seconds=seconds + self.error(seconds))

    def most_in_a_window(self, seconds: float) -> int:
        """The largest number of arrivals in any (t − seconds, t]."""
        ordered = sorted(self.arrivals)
        return max(
            index + 1 - bisect_right(ordered, moment - seconds)
            for index, moment in enumerate(ordered)
        )

    def most_in_a_clock_window(self, seconds: float) -> int:
        counts: dict[int, int] = {}
        for moment in self.arrivals:
            counts[int(moment // seconds)] = counts.get(int(moment // seconds), 0) + 1
        return max(counts.values())
