"""When so many requests will have left: the limiter's own rules, played forward.

One pass over the requests to come, with the stamps of those that still count. A request is
granted when its place in each window is free: it is the same arithmetic as in `limits`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from csms_campaigns.conf import Account, Window
from csms_campaigns.engine.database import now, rows
from csms_campaigns.engine.limits import ARRIVAL, MARGIN
from csms_campaigns.models import Attempt, GatewayAccount

MAX_STEPS: Final = 100_000
"""Beyond so many requests the pace of those before is taken to go on."""
USUAL_ANSWER: Final = 0.5
"""Seconds an answer takes, where nothing is known yet."""


def seconds_until_sent(
    options: Account,
    requests: int,
    past: Sequence[float] = (),
    answer: float = USUAL_ANSWER,
) -> float:
    """Seconds until the last of `requests` is answered.

    `past` are the ages in seconds of the account's latest requests, the oldest first.
    """
    if requests <= 0:
        return 0.0
    steps = min(requests, MAX_STEPS)
    gap = max(options.min_gap, answer / options.concurrency)
    windows = _windows(options, past, answer)
    moment = -min(past[-1], gap) if past else -gap
    for _step in range(steps):
        moment = max([moment + gap, 0.0, *(_free(w) for w in windows)])
        for _limit, _length, stamps in windows:
            stamps.append(moment)
    return moment * requests / steps + answer


_Played = tuple[int, float, deque[float]]


def _windows(options: Account, past: Sequence[float], answer: float) -> list[_Played]:
    """Each window's limit, how long a place in it is kept, and the stamps that may hold one."""
    held = min(answer, ARRIVAL) + MARGIN
    return [
        (
            w.limit,
            w.seconds + (held if index == 0 else ARRIVAL + MARGIN),
            _last(w, past),
        )
        for index, w in enumerate(options.rate_limits)
    ]


def _last(window: Window, past: Sequence[float]) -> deque[float]:
    return deque((-age for age in past[-window.limit :]), maxlen=window.limit)


def _free(played: _Played) -> float:
    limit, length, stamps = played
    return stamps[0] + length if len(stamps) == limit else 0.0


def ages(account: GatewayAccount, options: Account) -> list[float]:
    """Ages in seconds of the requests that still count in the longest window, oldest first."""
    if not options.rate_limits:
        return []
    moment = now()
    longest = max(window.limit for window in options.rate_limits)
    found = (
        rows(Attempt)
        .filter(account=account, cum__gt=account.cum - longest)
        .order_by("cum")
        .values_list("stamped_at", flat=True)
    )
    return [(moment - stamp).total_seconds() for stamp in found]
