"""What probably became of unknown recipients, judged by the credits that were charged.

Over the smallest span of requests around the lost answer that begins and ends with nothing in
flight and with a known balance: credits fell by X, the sends that are known explain Y, and the
rest says how many of the unknown were charged. What a number costs is learnt from the account's
own history. Evidence decides nothing: a person does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final

from django.db.models import Q

from csms_campaigns.engine import accounts
from csms_campaigns.engine.database import rows
from csms_campaigns.engine.spans import Request, Span, spans
from csms_campaigns.models import Attempt, Batch, GatewayAccount

REACH: Final = 300
"""Requests that are read before and after the lost answer."""
HISTORY: Final = 1000
"""Latest requests from which the cost is learnt."""
SURE: Final = 0.8
"""Share of the spans that must agree before a cost is believed."""

COLUMNS: Final = (
    "cum",
    "stamped_at",
    "done_at",
    "outcome",
    "remaining_credits",
    "size",
    "segments",
    "sent_count",
    "failed_count",
)


class Per(StrEnum):
    NUMBER = "number"
    SEGMENT = "segment"


class Unclear(StrEnum):
    """Why nobody can tell how many were charged."""

    NO_REQUEST = "no_request"
    NO_BALANCE = "no_balance"
    COST_UNKNOWN = "cost_unknown"
    TOPPED_UP = "topped_up"
    CONTRADICTION = "contradiction"
    MIXED = "mixed"


@dataclass(frozen=True)
class Price:
    """Credits for each number, or for each of its segments."""

    per: Per
    credits: Fraction
    agreeing: int
    """So many spans of the history say exactly this."""

    def of_one(self, request: Request) -> Fraction:
        return self.credits * (request.segments if self.per is Per.SEGMENT else 1)

    def of_sent(self, span: Span) -> Fraction:
        units = span.segments if self.per is Per.SEGMENT else span.numbers
        return self.credits * units


@dataclass(frozen=True)
class Cost:
    """What the account's history says; two prices where all its texts were alike."""

    prices: tuple[Price, ...] = ()
    spans: int = 0

    @property
    def agreeing(self) -> int:
        return self.prices[0].agreeing if self.prices else 0

    @property
    def is_known(self) -> bool:
        enough = self.agreeing >= self.spans * SURE
        return bool(self.prices) and enough and self.prices[0].credits > 0


@dataclass(frozen=True)
class Evidence:
    """`charged` of the span's `unknown` numbers were charged, or it is `unclear` why not."""

    unclear: Unclear | None
    cost: Cost
    unknown: int = 0
    requests: int = 0
    fell: int = 0
    explained: Fraction = Fraction(0)
    charged: int | None = None


def evidence(
    batches: Iterable[Batch], alias: str, cost: Cost | None = None
) -> dict[int, Evidence]:
    """By the batch's id, for batches of one account; a few queries for a page of them.

    `cost` is what `learn_cost` says, where it has been asked already.
    """
    account = accounts.state(alias)
    chosen = list(batches)
    cums = _counts(chosen)
    known = learn_cost(account) if cost is None else cost
    found = list(_spans_around(account, cums.values()))
    return {
        batch.pk: judge(cums.get(batch.attempt_id or 0), found, known)
        for batch in chosen
    }


def learn_cost(account: GatewayAccount) -> Cost:
    """From spans in which the outcome of every number is known."""
    latest = Q(cum__gt=account.cum - HISTORY)
    return cost_of(spans(_requests(account, latest)))


def cost_of(found: Iterable[Span]) -> Cost:
    clean = [s for s in found if not s.unknown and s.numbers and s.fell >= 0]
    if not clean:
        return Cost()
    prices = [
        _usual(Per.NUMBER, (Fraction(s.fell, s.numbers) for s in clean)),
        _usual(Per.SEGMENT, (Fraction(s.fell, s.segments or 1) for s in clean)),
    ]
    best = max(price.agreeing for price in prices)
    return Cost(tuple(p for p in prices if p.agreeing == best), len(clean))


def _usual(per: Per, each: Iterable[Fraction]) -> Price:
    ((credits, agreeing),) = Counter(each).most_common(1)
    return Price(per, credits, agreeing)


def judge(cum: int | None, found: Iterable[Span], cost: Cost) -> Evidence:
    """Pure: the span that holds the request, and what it says."""
    if cum is None:
        return Evidence(Unclear.NO_REQUEST, cost)
    span = next((span for span in found if span.holds(cum)), None)
    if span is None:
        return Evidence(Unclear.NO_BALANCE, cost)
    said = [_charged(span, price) for price in cost.prices]
    unclear = _why_unclear(span, cost, said)
    return Evidence(
        unclear,
        cost,
        unknown=span.unknown,
        requests=len(span.requests),
        fell=span.fell,
        explained=cost.prices[0].of_sent(span) if cost.prices else Fraction(0),
        charged=None if unclear or not isinstance(said[0], int) else said[0],
    )


def _why_unclear(span: Span, cost: Cost, said: list[int | Unclear]) -> Unclear | None:
    if span.fell < 0:
        return Unclear.TOPPED_UP
    if not cost.is_known or len(set(said)) > 1:
        return Unclear.COST_UNKNOWN
    return said[0] if isinstance(said[0], Unclear) else None


def _charged(span: Span, price: Price) -> int | Unclear:
    rest = span.fell - price.of_sent(span)
    lost = [request for request in span.requests if request.unknown]
    most = sum(
        (request.unknown * price.of_one(request) for request in lost), Fraction(0)
    )
    if rest < 0 or rest > most:
        # A top-up, or another program with the same key.
        return Unclear.CONTRADICTION
    if rest in (0, most):
        return span.unknown if rest else 0
    units = {price.of_one(request) for request in lost}
    if len(units) > 1:
        return Unclear.MIXED
    count = rest / units.pop()
    return int(count) if count.denominator == 1 else Unclear.CONTRADICTION


# Reading


def _counts(batches: list[Batch]) -> dict[int, int]:
    ids = [batch.attempt_id for batch in batches if batch.attempt_id]
    found = rows(Attempt).filter(pk__in=ids)
    return dict(found.values_list("pk", "cum"))


def _spans_around(account: GatewayAccount, cums: Iterable[int]) -> Iterator[Span]:
    for first, last in _ranges(cums):
        yield from spans(_requests(account, Q(cum__gte=first, cum__lte=last)))


def _ranges(cums: Iterable[int]) -> list[tuple[int, int]]:
    """Those that overlap are read once."""
    found: list[tuple[int, int]] = []
    for cum in sorted(cums):
        first = cum - REACH
        if found and first <= found[-1][1]:
            first = found.pop()[0]
        found.append((first, cum + REACH))
    return found


def _requests(account: GatewayAccount, those: Q) -> Iterator[Request]:
    found: Any = rows(Attempt).filter(those, account=account).order_by("cum")
    return (Request(*columns) for columns in found.values_list(*COLUMNS))
