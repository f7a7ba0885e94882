"""Accidents at random, from a seed: to workers at any moment, to servers when their time has come."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.drills.processes import DrillWorker

WARM_STOP = 90.0
"""Seconds in which a worker that was asked to end has ended, on a busy machine too."""

Start = Callable[[int], DrillWorker]
"""Starts a worker for this place, and does not wait until it is ready."""
Shock = Callable[[], None]


@dataclass
class Place:
    """One of the workers: whoever dies here is replaced at once."""

    worker: DrillWorker
    frozen_until: float = 0.0
    stopped_at: float = 0.0
    killed: bool = False

    @property
    def is_well(self) -> bool:
        return self.worker.is_alive and not self.frozen_until and not self.stopped_at


@dataclass
class Storm:
    """Call `step()` again and again, with how much of the campaign is done (0 to 1).

    `shocks` strike once each, when so much is done. `freeze` is for how many seconds a worker is
    stopped: longer than a lease.
    """

    start: Start
    workers: int
    every: tuple[float, float]
    freeze: float
    seed: int = 0
    shocks: list[tuple[float, str, Shock]] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.places: list[Place] = []
        self.due = 0.0

    def begin(self) -> None:
        for number in range(self.workers):
            self.places.append(Place(self.start(number)))
        self._plan()

    def step(self, done: float) -> None:
        for number, place in enumerate(self.places):
            self._look_after(number, place)
        while self.shocks and self.shocks[0][0] <= done:
            _at, name, shock = self.shocks.pop(0)
            self.struck[name] += 1
            shock()
        if time.monotonic() >= self.due:
            self._strike()
            self._plan()

    def calm(self) -> None:
        """Nothing strikes any more: who is frozen wakes, and all are asked to end."""
        for place in self.places:
            if place.frozen_until:
                self._continue(place)
            if place.worker.is_alive and not place.stopped_at:
                self._stop(place)
        while any(place.worker.is_alive for place in self.places):
            for place in self.places:
                self._end_if_late(place)
            time.sleep(0.1)

    def end(self) -> None:
        """Whatever happened, nothing of it stays."""
        for place in self.places:
            place.worker.kill()

    def _plan(self) -> None:
        self.due = time.monotonic() + self.random.uniform(*self.every)

    def _strike(self) -> None:
        well = [place for place in self.places if place.is_well]
        accidents = [self._kill, self._freeze, self._stop]
        accident = self.random.choices(accidents, weights=[6, 2, 2])[0]
        if well:
            accident(self.random.choice(well))

    def _kill(self, place: Place) -> None:
        self.struck["SIGKILL to a worker"] += 1
        place.killed = True
        place.worker.kill()

    def _freeze(self, place: Place) -> None:
        self.struck["SIGSTOP past the lease"] += 1
        seconds = self.freeze * self.random.uniform(1.0, 1.3)
        place.frozen_until = time.monotonic() + seconds
        os.killpg(place.worker.pid, signal.SIGSTOP)

    def _continue(self, place: Place) -> None:
        place.frozen_until = 0.0
        os.killpg(place.worker.pid, signal.SIGCONT)

    def _stop(self, place: Place) -> None:
        self.struck["SIGTERM to a worker"] += 1
        place.stopped_at = time.monotonic()
        place.worker.stop_signal(signal.SIGTERM)

    def _look_after(self, number: int, place: Place) -> None:
        if place.frozen_until and time.monotonic() >= place.frozen_until:
            self._continue(place)
        self._end_if_late(place)
        if not place.worker.is_alive:
            if not place.killed and not place.stopped_at:
                self.struck["ended by itself"] += 1
            # What a warm stop has left of its group goes with it.
            place.worker.kill()
            self.places[number] = Place(self.start(number))

    def _end_if_late(self, place: Place) -> None:
        if place.stopped_at and time.monotonic() - place.stopped_at > WARM_STOP:
            if place.worker.is_alive:
                self.struck["warm stop that never ended"] += 1
            place.worker.kill()
