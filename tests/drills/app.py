"""The tests' Celery app, with an accident at one named step of one batch.

The environment says which: `DRILL_STEP` (below), `DRILL_ACTION` (`kill`, `stop` or `fail`),
`DRILL_AT` (the n-th time that this process gets there), `DRILL_MARK` (a file that is written when
it happens, so that it happens once however many processes there are). `DRILL_CELERY` holds Celery
options of a hostile host, `DRILL_MARGIN` the seconds that a lease outlasts its request,
`DRILL_PERIOD` those after which a busy lane does the tick's work.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from django.db import OperationalError

from csms_campaigns.engine import dispatch, finishing, lanes, taking, ticking
from csms_campaigns.gateway import transport
from project.celery import app

__all__ = ["app"]

# step -> where it is, and whether the accident comes before or after it
STEPS: dict[str, tuple[Any, str, str]] = {
    "before_commit_of_take": (taking, "_claim", "after"),
    "after_take": (dispatch, "send", "before"),
    "before_first_byte": (transport.Line, "stands", "before"),
    "in_flight": (transport._GuardedHTTP, "getresponse", "before"),
    "after_answer": (dispatch, "finish", "before"),
    "in_finish": (finishing, "write_outcomes", "after"),
    "after_commit_of_finish": (finishing, "finish", "after"),
}


def _once() -> bool:
    try:
        with Path(os.environ["DRILL_MARK"]).open("x") as mark:
            mark.write(str(os.getpid()))
    except FileExistsError:
        return False
    return True


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _stop() -> None:
    # To this thread: to the process alone, we would run on until another thread has noticed.
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)


def _fail() -> None:
    message = "server closed the connection unexpectedly"
    raise OperationalError(message)


ACTIONS: dict[str, Callable[[], None]] = {"kill": _kill, "stop": _stop, "fail": _fail}


def _arm(step: str, action: Callable[[], None], at: int) -> None:
    place, name, moment = STEPS[step]
    # The step may be inherited by the class: what is found there is what runs.
    original = getattr(place, name)
    calls = itertools.count(1)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        is_mine = next(calls) >= at
        if is_mine and moment == "before" and _once():
            action()
        result = original(*args, **kwargs)
        if is_mine and moment == "after" and _once():
            action()
        return result

    setattr(place, name, wrapped)


if margin := os.environ.get("DRILL_MARGIN"):
    taking.LEASE_MARGIN = lanes.LEASE_MARGIN = float(margin)
if period := os.environ.get("DRILL_PERIOD"):
    ticking.PERIOD = float(period)
if named := os.environ.get("DRILL_STEP"):
    _arm(named, ACTIONS[os.environ["DRILL_ACTION"]], int(os.environ["DRILL_AT"]))
app.conf.update(json.loads(os.environ.get("DRILL_CELERY", "{}")))
