"""Nothing that the doctor asks may keep it waiting: a resolver, a firewall, a server that hangs."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class NoAnswer(Exception):
    """Not within the time."""


def within(seconds: float, call: Callable[[], T]) -> T:
    """The call's own result or error, or `NoAnswer`. It is left behind in a thread of its own,
    so it must not use the database's connection of this one."""
    answers: queue.SimpleQueue[tuple[T | None, Exception | None]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put((call(), None))
        except Exception as error:  # noqa: BLE001 raised again where it is waited for
            answers.put((None, error))

    threading.Thread(target=ask, daemon=True).start()
    try:
        result, error = answers.get(timeout=seconds)
    except queue.Empty:
        raise NoAnswer from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]
