"""Starts programs one after the other, watches them, and stops them in reverse order."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final, Self

from project.demo.processes import Child, ChildError

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(BaseException):
    """Somebody wants us to end: Ctrl-C, SIGTERM, or the terminal was closed."""


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Each of the signals raises `StopRequested`, wherever we are."""

    def ask(number: int, frame: FrameType | None) -> None:
        # One is enough: a second one must not interrupt the stopping.
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise StopRequested

    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        # Under nohup a closed terminal is no reason to end.
        if number != signal.SIGHUP or before[number] != signal.SIG_IGN:
            signal.signal(number, ask)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Supervisor:
    """As a context manager it stops, however the block ends."""

    def __init__(self) -> None:
        self._running: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        while self._running:
            self._running.pop().stop()

    def start(self, child: Child, is_ready: Callable[[], bool]) -> None:
        """Returns when the child is ready. `ChildError` says why it is not."""
        # Remembered before it starts: a signal may come at any moment.
        self._running.append(child)
        child.start().wait_ready(is_ready)

    def finish(self, child: Child) -> str:
        """Runs it to its end, and returns the last line that it wrote."""
        self._running.append(child)
        child.start()
        while child.is_alive:
            time.sleep(0.05)
        if child.status:
            raise ChildError(child.obituary())
        self._running.remove(child)
        return child.last_lines(1).strip()

    def watch(self) -> None:
        """Never returns: it ends with a signal, or with the death of a child."""
        while True:
            for child in self._running:
                if not child.is_alive:
                    raise ChildError(child.obituary())
            time.sleep(0.2)
