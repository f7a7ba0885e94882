"""What the site's Celery settings say of our messages: broker, queues, schedule. Asks nobody."""

from __future__ import annotations

import warnings
from datetime import timedelta
from typing import Any, Final

from celery import current_app

from csms_campaigns import tasks

OURS: Final = "csms_campaigns."
REDIS: Final = frozenset({"redis", "rediss", "sentinel"})
USUAL_SCHEDULER: Final = "celery.beat:PersistentScheduler"


class NoRoute(Exception):
    """The site's routes give a task of ours no queue; the text says why."""


def our_tasks() -> list[str]:
    return sorted(name for name in current_app.tasks if name.startswith(OURS))


def has_broker() -> bool:
    """Without one Celery silently takes RabbitMQ on this machine."""
    found = current_app.conf
    return bool(found.broker_write_url or found.broker_url)


def broker_kind() -> str:
    """`redis`, `amqp`, `memory`…"""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return str(current_app.connection_for_write().transport_cls).split(":")[0]


def is_redis() -> bool:
    return broker_kind() in REDIS


def queue_of(task: str) -> str:
    try:
        route = current_app.amqp.router.route({}, task)
    except Exception as error:
        # Routers are the site's own code, and may raise anything.
        raise NoRoute(str(error) or type(error).__name__) from error
    queue = route.get("queue")
    if queue is None:
        return str(route.get("routing_key") or current_app.conf.task_default_queue)
    return str(getattr(queue, "name", queue))


def our_queues() -> dict[str, list[str]]:
    """Our tasks by the queue that they are sent to; a task without a route is left out."""
    found: dict[str, list[str]] = {}
    for task in our_tasks():
        try:
            found.setdefault(queue_of(task), []).append(task)
        except NoRoute:
            continue
    return found


def declared_queues() -> list[str] | None:
    """What a worker without -Q reads; None where it reads the default queue alone."""
    queues = current_app.conf.task_queues
    if not queues:
        return None
    # A mapping by name, or a list of queues.
    return [str(getattr(queue, "name", queue)) for queue in queues]


def tick_seconds() -> float | None:
    """Between two ticks of beat; None if it has none, 0 if its schedule is of another kind."""
    entries = current_app.conf.beat_schedule or {}
    found = [e for e in entries.values() if e.get("task") == tasks.tick.name]
    return min((_seconds(entry.get("schedule")) for entry in found), default=None)


def schedule_is_elsewhere() -> bool:
    """Such as in the database, as django-celery-beat keeps it."""
    return str(current_app.conf.beat_scheduler) != USUAL_SCHEDULER


def _seconds(schedule: Any) -> float:
    every = getattr(schedule, "run_every", schedule)
    if isinstance(every, timedelta):
        return every.total_seconds()
    return float(every) if isinstance(every, int | float) else 0.0
