"""What an account has done lately, as the forecast needs it: cheap, whatever its limits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from statistics import median
from typing import Final

from csms_campaigns.conf import Account
from csms_campaigns.engine.database import now, rows
from csms_campaigns.engine.forecast import USUAL_ANSWER, Past
from csms_campaigns.models import Attempt, GatewayAccount
from csms_campaigns.states import AttemptOutcome

POINTS: Final = 200
"""So many stamps are read for each window; between them the pace is taken to be even."""
ANSWERS: Final = 50
QUICKEST: Final = 0.05
"""Seconds. A gateway that answers sooner is on this machine, and the worker is no quicker."""


def past(account: GatewayAccount, options: Account) -> Past:
    """The stamps of requests that still count: each one for small windows, some for large."""
    moment = now()
    numbers = sorted({account.cum - ago for ago in _wanted(options)})
    found = rows(Attempt).filter(account=account, cum__in=numbers)
    return Past(
        (account.cum - cum, (moment - stamp).total_seconds())
        for cum, stamp in found.values_list("cum", "stamped_at")
    )


def _wanted(options: Account) -> Iterator[int]:
    yield 0
    for window in options.rate_limits:
        step = max(window.limit / POINTS, 1)
        for point in range(min(window.limit, POINTS) + 1):
            yield min(int(point * step), window.limit)


def usual_answer(account: GatewayAccount) -> float:
    """Seconds from stamp to answer, of the latest that were answered."""
    latest = rows(Attempt).filter(account=account, cum__gt=account.cum - ANSWERS)
    times = latest.filter(outcome=AttemptOutcome.ANSWERED, done_at__isnull=False)
    return _median(times.values_list("stamped_at", "done_at"))


def _median(times: Iterable[tuple[datetime, datetime | None]]) -> float:
    seconds = [(done - stamped).total_seconds() for stamped, done in times if done]
    return max(median(seconds), QUICKEST) if seconds else USUAL_ANSWER


def free_in(account: GatewayAccount) -> float:
    """Seconds for which the account is blocked."""
    until = account.blocked_until
    return max((until - now()).total_seconds(), 0.0) if until else 0.0
