"""Celery: ids in, one call. A message only wakes; the database says what there is to do.

Whatever a site sets for its own tasks (late acknowledgement, a visibility timeout, time
limits, eager mode), a message of ours may be lost or run twice without harm.
"""

from __future__ import annotations

import math
import os
import select
import threading
import time
import warnings
from typing import Any, Final

from celery import current_app, shared_task, signals
from celery.exceptions import AlwaysEagerIgnored
from django.db import InterfaceError, OperationalError

from csms_campaigns import conf, logs
from csms_campaigns.contacts_io import filling, jobs, running
from csms_campaigns.engine import audience, lanes, retention, ticking

logger = logs.logger("csms_campaigns.tasks")

SAFE: Final[dict[str, Any]] = {
    "acks_late": False,
    "reject_on_worker_lost": False,
    "ignore_result": True,
    "max_retries": 0,
    "store_errors_even_if_ignored": False,
    "track_started": False,
    # 0 and not None, which would mean the site's own.
    "rate_limit": 0,
}
EXPIRES: Final = 86_400.0
"""Seconds after which a wake-up that no worker took is dropped, so that they do not pile up.

A day, since a worker compares with its own clock: with an hour, one whose clock was some hours
ahead dropped all that others sent, and its campaigns stood still. A day of ticks without any
worker are some 35,000 messages, which take a minute to find that there is nothing to do."""
AGAIN: Final = 3.0
"""Seconds before a wake-up that could not be followed is passed on."""
_passing_on: Final = threading.Lock()
NO_LIMIT: Final = 86_400
"""Longer than any task of ours: a site's own limit would kill a lane in the middle of a request."""


class _Stop:
    """Set when the worker is told to end; shared with the children of a prefork pool.

    A pipe that is written once and never read: it has no lock that a killed child could keep.
    """

    def __init__(self) -> None:
        self.pipe: tuple[int, int] | None = None

    def share(self) -> None:
        """Before the pool forks, so that its children inherit the pipe."""
        self.pipe = os.pipe()

    def set(self) -> None:
        if self.pipe:
            os.write(self.pipe[1], b"!")

    def is_set(self) -> bool:
        return self.wait(0)

    def wait(self, timeout: float | None = None) -> bool:
        """True at once when set, else False after `timeout` seconds."""
        seconds = max(timeout or 0.0, 0.0)
        if self.pipe is None:
            time.sleep(seconds)
            return False
        poll = select.poll()
        poll.register(self.pipe[0], select.POLLIN)
        return bool(poll.poll(math.ceil(seconds * 1000)))


STOP: Final = _Stop()


@signals.worker_init.connect
def _share_stop(**_kwargs: Any) -> None:
    STOP.share()


@signals.worker_ready.connect
def _start_at_once(**_kwargs: Any) -> None:
    # A worker that was killed and started again need not wait for beat, or for cron.
    wake_tick()


@signals.worker_shutting_down.connect
def _set_stop(**_kwargs: Any) -> None:
    STOP.set()


@shared_task(**SAFE, time_limit=NO_LIMIT, soft_time_limit=NO_LIMIT)
def lane(alias: str) -> None:
    """Work for the account until the slice or the work ends."""
    with logs.about(account=alias):
        try:
            lanes.run_lane(alias, wake_lanes, stop=STOP, tick=_tick_if_due)
        except (InterfaceError, OperationalError):
            _pass_on(alias)
            raise


def _pass_on(alias: str) -> None:
    """A worker that is cut off from the database fails at once, waits for messages again, and
    so would take every wake-up from those that are not. One at a time for each process: where
    no worker can work, its wake-ups do not pile up."""
    if _passing_on.acquire(blocking=False):
        try:
            STOP.wait(AGAIN)
            wake_lanes(alias, 1)
        finally:
            _passing_on.release()


@shared_task(**SAFE, time_limit=NO_LIMIT, soft_time_limit=NO_LIMIT, expires=EXPIRES)
def tick() -> None:
    """To be scheduled every 10 seconds."""
    ticking.regular_tick(wake_lanes, wake_prepare)
    _tend_imports()


@shared_task(**SAFE, time_limit=NO_LIMIT, soft_time_limit=NO_LIMIT)
def prepare(campaign_id: int, token: str) -> None:
    """Prepare with this token; a doubled message finds it used."""
    with logs.about(campaign_id=campaign_id):
        audience.prepare_once(campaign_id, token)


@shared_task(**SAFE, time_limit=NO_LIMIT, soft_time_limit=NO_LIMIT)
def import_contacts(import_id: int, token: str) -> None:
    """Check or import an uploaded file with this token; a doubled message finds it used."""
    running.run_once(import_id, token, should_stop=STOP.is_set)


@shared_task(**SAFE, time_limit=NO_LIMIT, soft_time_limit=NO_LIMIT)
def fill_list(selection_id: int, token: str) -> None:
    """Go on putting contacts into a list; a doubled message finds its token used."""
    filling.run_once(selection_id, token, should_stop=STOP.is_set)


@shared_task(**SAFE, time_limit=NO_LIMIT, soft_time_limit=NO_LIMIT)
def retain() -> None:
    """To be scheduled once a day, where RETENTION is set. Broken off, the next one goes on."""
    days = conf.retention()
    retention.keep(
        anonymise_after=days["ANONYMISE_AFTER"],
        delete_after=days["DELETE_AFTER"],
        should_stop=STOP.is_set,
    )


def _tick_if_due() -> None:
    # The tick is about all accounts, not about the one whose lane does it.
    with logs.about(account=None):
        if ticking.tick_if_due(wake_lanes, wake_prepare):
            _tend_imports()


def _tend_imports() -> None:
    """Imports whose worker died get another; old files and reports go."""
    for import_id in jobs.stale():
        wake_import(import_id)
    jobs.tidy()
    for selection_id in filling.stale():
        wake_fill(selection_id)


def wake_lanes(alias: str, count: int | None = None) -> bool:
    """Wake lanes of an account; False if the broker did not take the message."""
    if count is None:
        count = conf.account(alias).concurrency
    return all(_publish(lane.name, [alias]) for _lane in range(count))


def wake_prepare(campaign_id: int, token: Any = None) -> bool:
    """Have a worker prepare; without a token, what nobody works on any more."""
    return _publish(prepare.name, [campaign_id, str(token or "")])


def wake_import(import_id: int, token: Any = None) -> bool:
    """Have a worker check or import; without a token, what nobody works on any more."""
    return _publish(import_contacts.name, [import_id, str(token or "")])


def wake_fill(selection_id: int, token: Any = None) -> bool:
    """Have a worker fill a list; without a token, what nobody works on any more."""
    return _publish(fill_list.name, [selection_id, str(token or "")])


def wake_tick() -> bool:
    return _publish(tick.name, [])


def _publish(name: str, args: list[Any]) -> bool:
    """Never raises, never hangs. `send_task` is deaf to eager mode: a lane must not run in a
    web request, whatever a site sets for its tests."""
    quick = {"socket_timeout": 1, "socket_connect_timeout": 1, "max_retries": 0}
    try:
        with (
            warnings.catch_warnings(),
            current_app.connection_for_write(
                connect_timeout=1, transport_options=quick
            ) as broker,
        ):
            warnings.simplefilter("ignore", AlwaysEagerIgnored)
            current_app.send_task(
                name,
                args=args,
                connection=broker,
                retry=False,
                expires=EXPIRES,
                # Else it would first subscribe to the site's result backend, 19 s if that is down.
                ignore_result=True,
            )
    except Exception as error:  # noqa: BLE001 every broker has errors of its own
        logger.warning("The broker did not take %s: %s", name, type(error).__name__)
        return False
    return True
