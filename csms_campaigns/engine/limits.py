"""May the next request leave now? Read from the log of requests, in the transaction of the claim.

The proof that no sliding window can hold more than its limit is in `docs/design.md`. In short:
a request has arrived `ARRIVAL` seconds after its stamp (the gate shuts 2.5 s after it, the body
takes at most 0.5 s), so a place that is kept until its request has surely arrived, and then
for the length of the window, is kept for as long as any window could hold that arrival.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from csms_campaigns.conf import Account, Window
from csms_campaigns.engine.database import rows
from csms_campaigns.models import Attempt, GatewayAccount
from csms_campaigns.states import AttemptOutcome

GATE: Final = 2.5
"""Seconds from the stamp after which a request may no longer begin."""
ARRIVAL: Final = 3.0
"""Seconds from the stamp after which a request that began has arrived."""
MARGIN: Final = 0.1
"""Seconds for the rounding of clocks, and for moves of the database's that are too small to see."""
MOST_PLACES: Final = 1000
"""Of a larger shortest window one row is read, as of the longer ones, and not thousands."""


@dataclass(frozen=True)
class Place:
    """One request as the shortest window sees it."""

    stamped_at: datetime
    done_at: datetime | None
    moved: timedelta = timedelta()
    """By how much the clock has jumped since: both moments were later, as it is now."""

    def free_at(self, window: Window) -> datetime:
        arrived = self.stamped_at + timedelta(seconds=ARRIVAL)
        if self.done_at is not None:
            # Not before the stamp, should the clock have been set back in between.
            arrived = min(arrived, max(self.done_at, self.stamped_at))
        return arrived + self.moved + timedelta(seconds=window.seconds + MARGIN)


def seconds_to_wait(
    account: GatewayAccount, options: Account, now: datetime, n: int = 1
) -> float:
    """0 if `n` more may leave now; the account's row must be locked."""
    moments = [_gap_over(account, options)]
    windows = list(options.rate_limits)
    if windows and windows[0].limit <= MOST_PLACES:
        moments.append(_place_free(account, windows.pop(0), n))
    moments += [_left_window(account, window, n) for window in windows]
    return max((m - now).total_seconds() if m else 0.0 for m in [*moments, now])


def _gap_over(account: GatewayAccount, options: Account) -> datetime | None:
    if account.stamped_at is None or not options.min_gap:
        return None
    gap = timedelta(seconds=options.min_gap)
    return account.stamped_at + gap + _moved(account, account.cum)


def _place_free(account: GatewayAccount, window: Window, n: int) -> datetime | None:
    return nth_free(_recent(account, window), window, n)


def nth_free(places: Sequence[Place], window: Window, n: int) -> datetime | None:
    """When `n` of the window's places are free, if these are the latest requests."""
    moments = sorted((place.free_at(window) for place in places), reverse=True)
    kept = max(window.limit - n, 0)
    return moments[kept] if len(moments) > kept else None


def _recent(account: GatewayAccount, window: Window) -> list[Place]:
    """All that can still hold a place: no more than the limit for each window begun."""
    oldest = account.cum - _most_held(window)
    found = rows(Attempt).filter(account=account, cum__gt=oldest)
    columns = found.values_list("cum", "stamped_at", "done_at", "outcome")
    # Where the answer was lost, nobody knows that the request has arrived.
    logged = [
        Place(
            stamped,
            None if outcome == AttemptOutcome.UNKNOWN else done,
            _moved(account, cum),
        )
        for cum, stamped, done, outcome in columns
    ]
    return logged + _lost(account, oldest)


def _most_held(window: Window) -> int:
    windows = math.ceil((window.seconds + ARRIVAL + MARGIN) / window.seconds)
    return window.limit * windows


def still_count(account: GatewayAccount, options: Account, cum: int) -> bool:
    """Whether a window may hold the requests up to `cum`; told by counts, not by a clock."""
    most = max((_most_held(window) for window in options.rate_limits), default=0)
    return cum > account.cum - most


def _moved(account: GatewayAccount, cum: int) -> timedelta:
    """By how much the clock has jumped forward since this request: see `clock`."""
    jumps = account.clock.get("jumps", [])
    return timedelta(seconds=sum(s for latest, s in jumps if cum <= latest))


def _lost(account: GatewayAccount, oldest: int) -> list[Place]:
    """Those that a database which was set back has forgotten: as if all had just been sent."""
    if account.lost_at is None:
        return []
    count = account.lost_to - max(account.lost_from, oldest)
    moved = _moved(account, account.lost_to)
    return [Place(account.lost_at, None, moved)] * max(count, 0)


def steady() -> float:
    """Seconds of a clock that nobody sets, and that goes on while the machine is suspended."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


def _left_window(account: GatewayAccount, window: Window, n: int) -> datetime | None:
    """When the request that must have left the window has surely left it.

    Where that one is gone from the log, the next later one stands for it: never too early.
    """
    leaving = account.cum + n - window.limit
    if leaving <= 0:
        return None
    stamp = _stamp_of(account, leaving)
    if stamp is None:
        return None
    return stamp + timedelta(seconds=ARRIVAL + MARGIN + window.seconds)


def _stamp_of(account: GatewayAccount, cum: int) -> datetime | None:
    """Of this request, or of the next later one that is known of."""
    found = rows(Attempt).filter(account=account, cum__gte=cum).order_by("cum")
    first = found.values_list("cum", "stamped_at").first()
    is_lost = first is None or first[0] > account.lost_from
    if cum <= account.lost_to and is_lost and account.lost_at:
        first = account.lost_to, account.lost_at
    return first[1] + _moved(account, first[0]) if first else None
