"""The database's clock, watched by the steady clocks of the machines that work on it.

The limiter measures by the database's clock. If that jumps forward, requests look older than
they are, and too many would leave. A machine's steady clock is set by nobody, so the distance
between the two stands still; where it grows, the requests stamped before are counted from
later on, by as much. Everything is kept in the account's row, and read and written under its
lock: a jump is counted once, whoever sees it, and workers may be started again meanwhile.

`account.clock` holds `shift`, the sum of all moves that were noticed; `machines`, for each one
what it saw at first: the distance (at least, at most), the shift at that time, and how many
were first seen before; and `jumps`: (running count, seconds), which move every request up to
that count.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from csms_campaigns.conf import Account
from csms_campaigns.engine import database
from csms_campaigns.engine.database import rows
from csms_campaigns.engine.limits import steady, still_count
from csms_campaigns.models import GatewayAccount

TOLERANCE: Final = 0.04
"""Seconds by which the clock may seem to move: the limiter's margin covers twice as much."""
NARROW: Final = 0.01
"""Seconds that a reading may take, if others are to be compared with it."""
TRIES: Final = 3
MOST_MACHINES: Final = 20
MOST_JUMPS: Final = 50


def _machine() -> str:
    """Names a steady clock: that of this boot, in this time namespace, else of this process."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {_time_namespace()}".strip()
    return str(uuid.uuid4())


def _time_namespace() -> str:
    with suppress(OSError):
        return Path("/proc/self/ns/time").readlink().name
    return ""


MACHINE: Final = _machine()


@dataclass(frozen=True)
class Reading:
    """A moment of the database, read between two looks at the steady clock.

    So the distance between the clocks was at least `least` and at most `most` seconds.
    """

    moment: datetime
    least: float
    most: float

    @property
    def is_narrow(self) -> bool:
        return self.most - self.least <= NARROW


def read() -> Reading:
    """The clock; once more if that took long, since it says less then."""
    for _each in range(TRIES):
        before = steady()
        moment = database.now()
        after = steady()
        found = Reading(moment, _seconds(moment) - after, _seconds(moment) - before)
        if found.is_narrow:
            break
    return found


def _seconds(moment: datetime) -> float:
    """Of a naive site too: where its zone puts the clocks on, that is a jump like any other."""
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def watch(
    account: GatewayAccount, options: Account, reading: Reading, machine: str = MACHINE
) -> None:
    """Count a jump that nobody has counted yet. The account's row must be locked."""
    machines: dict[str, list[float]] = account.clock.get("machines", {})
    shift: float = account.clock.get("shift", 0.0)
    if machine not in machines:
        if reading.is_narrow:
            seen = [reading.least, reading.most, shift, _next(machines)]
            latest = sorted(machines.items(), key=_place)[1 - MOST_MACHINES :]
            known = {**dict(latest), machine: seen}
            _save(account, {**account.clock, "machines": known})
        return
    least, most, counted = machines[machine][:3]
    # It has moved by so much, less what is counted already: at least, and at most.
    moved = reading.least - most - (shift - counted)
    at_most = reading.most - least - (shift - counted)
    if moved > TOLERANCE:
        _jump(account, options, moved, at_most)
    elif at_most < -TOLERANCE:
        # Younger than they look: nothing is too early. But the next one counts from here.
        _save(account, {**account.clock, "shift": shift + moved})


def _place(entry: tuple[str, list[float]]) -> float:
    """When it was first seen, by count: PostgreSQL keeps keys in an order of its own."""
    _machine, [_least, _most, _shift, *place] = entry
    return place[0] if place else 0


def _next(machines: dict[str, list[float]]) -> float:
    return max(map(_place, machines.items()), default=0) + 1


def _jump(
    account: GatewayAccount, options: Account, seconds: float, at_most: float
) -> None:
    before = account.clock.get("jumps", [])
    jumps = [jump for jump in before if still_count(account, options, jump[0])]
    jumps.append([account.cum, at_most])
    while len(jumps) > MOST_JUMPS:
        (_cum, first), (cum, second) = jumps[:2]
        jumps[:2] = [[cum, first + second]]
    shift = account.clock.get("shift", 0.0) + seconds
    _save(account, {**account.clock, "shift": shift, "jumps": jumps})
    if account.blocked_until:
        account.blocked_until += timedelta(seconds=at_most)
        rows(GatewayAccount).filter(pk=account.pk).update(
            blocked_until=account.blocked_until
        )


def _save(account: GatewayAccount, clock: dict[str, Any]) -> None:
    account.clock = clock
    rows(GatewayAccount).filter(pk=account.pk).update(clock=clock)
