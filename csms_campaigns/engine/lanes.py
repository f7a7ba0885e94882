"""Lanes pull work: each is a place for one request in flight, for a slice of time.

Celery messages only wake lanes. One that is lost costs seconds, one that is doubled finds the
lane taken. While an account waits, one of its lanes sleeps and the others end; the sleeper
wakes them again.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Final

from django.db import DatabaseError, InterfaceError
from django.db.models import Q

from csms_campaigns import conf
from csms_campaigns.engine import accounts
from csms_campaigns.engine.database import now, release, rows
from csms_campaigns.engine.dispatch import NEVER, Stop, send_next
from csms_campaigns.engine.limits import GATE
from csms_campaigns.engine.taking import LEASE_MARGIN, Nothing, Taken, Wait
from csms_campaigns.engine.work import has_work
from csms_campaigns.models import GatewayAccount, Heartbeat, Lane

SLICE: Final = 25.0
"""Seconds that a lane works before it hands over to its successor."""
SHORT: Final = 1.0
"""Waits up to this are slept in place, each lane for itself."""
LONG: Final = 60.0
"""Longer waits are written down; the tick starts the lanes in time."""
LOOK: Final = 10.0
"""A lane that waits for hours alone looks so often for what was launched meanwhile."""
LEAVING: Final = (1.0, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0)
"""Pauses between the tries to leave a place while the database is away."""
OVERSLEPT: Final = 2.0
"""Seconds after its time in which a sleeper wakes up, or is gone."""
BEAT: Final = "beat"
BEAT_PATIENCE: Final = 90.0
"""Seconds: cron ticks once a minute."""

Wake = Callable[[str, int], bool]
"""Wakes so many lanes of an account; False if the broker did not take it."""


@dataclass(frozen=True)
class HeldLane:
    """A lane that is ours until `until` unless it is renewed."""

    alias: str
    pk: int
    owner: str
    seconds: float

    def renew(self, extra: float = 0.0) -> bool:
        until = now() + timedelta(seconds=self.seconds + extra)
        ours = rows(Lane).filter(pk=self.pk, owner=self.owner)
        return bool(ours.update(until=until))

    def leave(self) -> None:
        rows(Lane).filter(pk=self.pk, owner=self.owner).update(owner="", until=now())


def run_lane(
    alias: str,
    wake: Wake,
    *,
    stop: Stop = NEVER,
    tick: Callable[[], object] = lambda: None,
) -> None:
    """Work for one slice, then hand over. Ends at once if every lane is taken."""
    while held := enter(alias):
        try:
            end = _work(held, wake, stop, tick)
        finally:
            _leave(held, stop)
        is_over = end is End.WAITS or (end is End.NO_WORK and not _left_behind(alias))
        if is_over or stop.is_set() or wake(alias, 1):
            return
        # The broker is away, nobody would come: this lane goes on itself.


def _leave(held: HeldLane, stop: Stop) -> None:
    """Patiently: a place that is not left is empty for a whole lease, and if the database was
    restarted under all lanes, the account stands still for as long."""
    for pause in LEAVING:
        try:
            held.leave()
        except (DatabaseError, InterfaceError):
            release()
            if stop.wait(pause) or stop.is_set():
                return
        else:
            return


def _left_behind(alias: str) -> bool:
    """Work that was launched while the lanes were closing: its wake-up found them taken."""
    return has_work(alias) and not _waits(accounts.state(alias))


def _waits(account: GatewayAccount) -> bool:
    moment = now()
    until = (account.next_free_at, account.blocked_until, account.sleeper_until)
    return any(u is not None and u > moment for u in until)


class End(Enum):
    """Why a lane stopped working, and so whether it needs a successor."""

    SLICE = auto()
    NO_WORK = auto()
    WAITS = auto()
    """For an answer in flight, or for its time: whoever has that wakes the lanes."""


def _work(held: HeldLane, wake: Wake, stop: Stop, tick: Callable[[], object]) -> End:
    step: Taken | Wait | Nothing = Nothing()
    deadline = time.monotonic() + SLICE
    while time.monotonic() < deadline and not stop.is_set():
        if not held.renew():
            return End.WAITS
        tick()
        after = step if isinstance(step, Taken) else None
        step = send_next(held.alias, stop, after)
        if isinstance(step, Nothing):
            return End.WAITS if step.for_answer else End.NO_WORK
        if isinstance(step, Wait) and not _wait(held, step, wake, stop):
            return End.WAITS
        if isinstance(step, Taken) and step.alone:
            wake(held.alias, conf.account(held.alias).concurrency - 1)
    return End.SLICE


def _wait(held: HeldLane, wait: Wait, wake: Wake, stop: Stop) -> bool:
    """True if the wait is over and this lane goes on."""
    seconds = wait.seconds
    if seconds <= SHORT:
        stop.wait(seconds)
        return True
    longest = LOOK if wait.for_hours else LONG
    if seconds > longest and _somebody_ticks():
        # Hours stand on the campaigns, where the tick reads them live: written on the account,
        # or slept in its only lane, they would hold up what is launched meanwhile.
        if not wait.for_hours:
            _write_down(held.alias, seconds)
        return False
    # Where nobody ticks, a long wait is slept in naps, between which this lane does it.
    nap = min(seconds, longest)
    if not _become_sleeper(held.alias, nap):
        return False
    held.renew(nap)
    release()
    stop.wait(nap)
    _wake_up(held.alias)
    if nap == seconds:
        wake(held.alias, conf.account(held.alias).concurrency - 1)
    return True


def _somebody_ticks() -> bool:
    """Beat or cron, which wake the lanes in time; a lane that does it for them does not count."""
    lately = now() - timedelta(seconds=BEAT_PATIENCE)
    return rows(Heartbeat).filter(name=BEAT, at__gt=lately).exists()


def _write_down(alias: str, seconds: float) -> None:
    free_at = now() + timedelta(seconds=seconds)
    rows(GatewayAccount).filter(alias=alias).update(next_free_at=free_at)


def _become_sleeper(alias: str, seconds: float) -> bool:
    moment = now()
    nobody = Q(sleeper_until__isnull=True) | Q(sleeper_until__lt=moment)
    account = rows(GatewayAccount).filter(nobody, alias=alias)
    # Two sleepers do no harm; one that was killed holds the others up for so long.
    until = moment + timedelta(seconds=seconds + OVERSLEPT)
    return bool(account.update(sleeper_until=until))


def _wake_up(alias: str) -> None:
    rows(GatewayAccount).filter(alias=alias).update(sleeper_until=None)


def enter(alias: str) -> HeldLane | None:
    """A free lane of the account, or None if all its places are taken."""
    options = conf.account(alias)
    account = accounts.state(alias)
    _make_lanes(account, options.concurrency)
    seconds = GATE + options.longest_request + LEASE_MARGIN
    moment = now()
    free = rows(Lane).filter(account=account, number__lt=options.concurrency)
    for pk in (
        free.filter(until__lt=moment).order_by("number").values_list("pk", flat=True)
    ):
        held = HeldLane(alias, pk, uuid.uuid4().hex, seconds)
        until = moment + timedelta(seconds=seconds)
        if (
            rows(Lane)
            .filter(pk=pk, until__lt=moment)
            .update(owner=held.owner, until=until)
        ):
            return held
    return None


def _make_lanes(account: GatewayAccount, concurrency: int) -> None:
    there = set(rows(Lane).filter(account=account).values_list("number", flat=True))
    long_ago = now() - timedelta(days=1)
    missing = [
        Lane(account=account, number=number, until=long_ago)
        for number in range(concurrency)
        if number not in there
    ]
    if missing:
        rows(Lane).bulk_create(missing, ignore_conflicts=True)


def idle_lanes(alias: str) -> int:
    """How many lanes could work: none while one of them sleeps for all, or the account waits."""
    options = conf.account(alias)
    account = accounts.state(alias)
    if _waits(account):
        return 0
    busy = rows(Lane).filter(
        account=account, number__lt=options.concurrency, until__gt=now()
    )
    return max(options.concurrency - busy.count(), 0)
