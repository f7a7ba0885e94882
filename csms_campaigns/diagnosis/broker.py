"""Does the broker answer, and how many wake-ups wait in it?"""

from __future__ import annotations

from typing import Any, Final

from celery import current_app
from django.utils.translation import gettext as _
from kombu import Connection

from csms_campaigns.diagnosis import wiring
from csms_campaigns.diagnosis.findings import Finding, fine, problem
from csms_campaigns.diagnosis.patience import within

PATIENCE: Final = 3.0
QUICK: Final[dict[str, Any]] = {
    "socket_timeout": 2,
    "socket_connect_timeout": 2,
    "max_retries": 0,
}


class BrokerAway(Exception):
    """The text is the kind of error: the broker's own words may hold its password."""


def link() -> Connection:
    """Not connected yet; gives up after two seconds."""
    return current_app.connection_for_write(connect_timeout=2, transport_options=QUICK)


def lengths() -> dict[str, int]:
    """Messages that wait in each of our queues; `BrokerAway` if it does not answer."""
    queues = sorted(wiring.our_queues())
    try:
        return within(PATIENCE, lambda: _lengths(queues))
    except Exception as error:
        # Each transport has errors of its own.
        raise BrokerAway(type(error).__name__) from error


def _lengths(queues: list[str]) -> dict[str, int]:
    with link() as found:
        found.ensure_connection(max_retries=1, timeout=2)
        # Redis connects with the channel.
        channel: Any = found.channel()
        channel.close()
        return {queue: _length(found, queue) for queue in queues}


def _length(found: Connection, queue: str) -> int:
    channel: Any
    with found.channel() as channel:
        try:
            return int(channel.queue_declare(queue=queue, passive=True).message_count)
        except found.channel_errors:
            return 0  # Redis forgets a queue that is empty.


def examine() -> list[Finding]:
    try:
        waiting = lengths()
    except BrokerAway as error:
        text = _("The broker (%(kind)s) does not answer: %(error)s.")
        advice = _(
            "Start it, or correct CELERY_BROKER_URL. Nothing is lost meanwhile, but idle "
            "workers are not woken."
        )
        words = {"kind": wiring.broker_kind(), "error": error}
        return [problem("broker.unreachable", text % words, advice)]
    queues = ", ".join(f"{queue}: {count}" for queue, count in waiting.items())
    text = _("The broker (%(kind)s) answers. Waiting wake-ups: %(queues)s.")
    words = {"kind": wiring.broker_kind(), "queues": queues}
    return [fine("broker", text % words)]
