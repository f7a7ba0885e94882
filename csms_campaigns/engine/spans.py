"""Spans of requests between two moments at which the balance was certain. Pure.

Nothing is in flight between two clusters of requests that overlap in time. Where each request
of a cluster has told its balance, or was certainly not sent, the lowest is the one that held
afterwards, in whatever order the gateway worked. A request whose answer was lost leaves the
balance open until the next cluster has told one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from csms_campaigns.states import AttemptOutcome


class Request(NamedTuple):
    """The columns of an attempt, in the order in which they are read."""

    cum: int
    stamped_at: datetime
    done_at: datetime | None
    outcome: str
    credits: int | None
    size: int
    segments: int
    sent: int
    failed: int

    @property
    def is_harmless(self) -> bool:
        """Certain that nothing was sent, so nothing was charged."""
        return self.outcome in {AttemptOutcome.REFUSED, AttemptOutcome.NOT_SENT}

    @property
    def tells_balance(self) -> bool:
        return self.outcome == AttemptOutcome.ANSWERED and self.credits is not None

    @property
    def unknown(self) -> int:
        """Numbers of which nobody knows whether they were charged."""
        return 0 if self.is_harmless else self.size - self.sent - self.failed


@dataclass(frozen=True)
class Span:
    """Requests between two known balances."""

    before: int
    after: int
    requests: tuple[Request, ...]

    @property
    def fell(self) -> int:
        return self.before - self.after

    @property
    def numbers(self) -> int:
        return sum(request.sent for request in self.requests)

    @property
    def segments(self) -> int:
        return sum(request.sent * request.segments for request in self.requests)

    @property
    def unknown(self) -> int:
        return sum(request.unknown for request in self.requests)

    def holds(self, cum: int) -> bool:
        return any(request.cum == cum for request in self.requests)


def spans(requests: Iterable[Request]) -> Iterator[Span]:
    """The smallest there are, one after the other; `requests` in the order of their count.

    The first cluster only begins one: older requests may overlap with it.
    """
    before: int | None = None
    held: list[Request] = []
    for cluster in clusters(requests):
        held += cluster
        after = balance(cluster)
        if after is None:
            continue
        if before is not None:
            yield Span(before, after, tuple(held))
        before, held = after, []


def clusters(requests: Iterable[Request]) -> Iterator[list[Request]]:
    """Requests that overlap in time; between two clusters nothing is in flight."""
    cluster: list[Request] = []
    for request in requests:
        if cluster and all(_is_over(one, request.stamped_at) for one in cluster):
            yield cluster
            cluster = []
        cluster.append(request)
    if cluster:
        yield cluster


def _is_over(request: Request, moment: datetime) -> bool:
    return request.done_at is not None and request.done_at <= moment


def balance(cluster: Sequence[Request]) -> int | None:
    """After the cluster; None where a request of it may have changed it unseen."""
    if not all(one.tells_balance or one.is_harmless for one in cluster):
        return None
    told = [one.credits for one in cluster if one.tells_balance]
    return min((credits for credits in told if credits is not None), default=None)
