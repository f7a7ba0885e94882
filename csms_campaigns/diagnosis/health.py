"""The least that must be so, for load balancers and supervisors. Says nothing secret."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from django.db import DatabaseError

from csms_campaigns.diagnosis import broker, ticking
from csms_campaigns.diagnosis.database import PATIENCE
from csms_campaigns.engine.bounded import TooSlow, bounded

OK: Final = "ok"
AWAY: Final = "away"
USUAL: Final = ("database", "tick")


class NoSuchPart(Exception):
    """Asked for something that is not looked at."""


def health(wanted: Iterable[str] = USUAL) -> dict[str, str]:
    """For each part `ok`, or one word for what it is instead."""
    names = list(wanted)
    if not names or not set(names) <= set(PARTS):
        raise NoSuchPart
    return {name: PARTS[name]() for name in names}


def _database() -> str:
    # The row of the tick is asked for anyway: that it can be is the proof.
    return AWAY if _tick() == AWAY else OK


def _tick() -> str:
    try:
        with bounded(PATIENCE):
            age = ticking.age()
    except (DatabaseError, TooSlow):
        return AWAY
    if age is None:
        return "never"
    return OK if age <= ticking.LATE else "late"


def _broker() -> str:
    try:
        broker.lengths()
    except broker.BrokerAway:
        return AWAY
    return OK


PARTS: Final[dict[str, Callable[[], str]]] = {
    "database": _database,
    "tick": _tick,
    "broker": _broker,
}
