"""What an account has done lately, as the forecast needs it: cheap, whatever its limits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from statistics import median
from typing import Final, NamedTuple

from csms_campaigns.conf import Account
from csms_campaigns.engine.database import rows
from csms_campaigns.engine.forecast import USUAL_ANSWER, Past
from csms_campaigns.models import Attempt, GatewayAccount
from csms_campaigns.states import AttemptOutcome

POINTS: Final = 200
"""So many stamps are read for each window; between them the pace is taken to be even."""
ANSWERS: Final = 50
QUICKEST: Final = 0.05
"""Seconds. A gateway that answers sooner is on this machine, and the worker is no quicker."""


class Lately(NamedTuple):
    """`past`: requests that still count. `answer`: seconds from stamp to answer, as usual."""

    past: Past
    answer: float


def lately(account: GatewayAccount, options: Account, moment: datetime) -> Lately:
    """One query: each request of small windows, some of large ones, and the latest."""
    wanted = {account.cum - ago for ago in _wanted(options)}
    latest = {account.cum - ago for ago in range(ANSWERS)}
    found = rows(Attempt).filter(account=account, cum__in=sorted(wanted | latest))
    ages, answers = [], []
    for cum, stamped, done, outcome in found.values_list(
        "cum", "stamped_at", "done_at", "outcome"
    ):
        if cum in wanted:
            ages.append((account.cum - cum, (moment - stamped).total_seconds()))
        if cum in latest and done and outcome == AttemptOutcome.ANSWERED:
            answers.append((done - stamped).total_seconds())
    return Lately(Past(ages), _usual(answers))


def _wanted(options: Account) -> Iterator[int]:
    yield 0
    for window in options.rate_limits:
        step = max(window.limit / POINTS, 1)
        for point in range(min(window.limit, POINTS) + 1):
            yield min(int(point * step), window.limit)


def _usual(seconds: list[float]) -> float:
    return max(median(seconds), QUICKEST) if seconds else USUAL_ANSWER


def free_in(account: GatewayAccount, moment: datetime) -> float:
    """Seconds for which the account is blocked."""
    until = account.blocked_until
    return max((until - moment).total_seconds(), 0.0) if until else 0.0
