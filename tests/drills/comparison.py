"""Number by number: what the campaign says of each recipient, and what the gateway knows."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import Any

from csms_campaigns.engine.finishing import NO_ENTRY
from csms_campaigns.engine.ledger import ledger
from csms_campaigns.engine.recovery import STALLED
from csms_campaigns.models import Attempt, Batch, Campaign, SendResult
from csms_campaigns.sandbox.record import DeliveryEntry
from csms_campaigns.sandbox.server import Sandbox
from csms_campaigns.states import OPEN_BATCHES, SendStatus

DIED = "the worker was killed or frozen"
LATE = "the answer came after the time-out"
LEFT_OUT = "the answer left the number out"
BROKE = "the answer broke, after the texts had left"
BROKE_BEFORE = "the answer broke, before the texts had left"

UNPROCESSED = ("reset_before", "500_before", "status", "redirect", "500")
"""The sandbox's faults after which nothing, or half, was delivered, and the client cannot know."""
SLICE = 20_000


@dataclass
class Comparison:
    """`mistakes` are what must not be; `unknown` says why nobody knows, by number."""

    statuses: dict[str, int] = field(default_factory=dict)
    mistakes: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    fullest: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Of each window: the most arrivals, sliding and by the clock."""
    used: dict[str, float] = field(default_factory=dict)
    stalled_batches: int = 0
    requests: int = 0
    delivered: int = 0


def compare(campaign: Campaign, gateway: Sandbox, *, read_timeout: float) -> Comparison:
    """Everything is read once; a million recipients need a minute."""
    found = Comparison()
    texted, entries = _what_arrived(gateway)
    found.delivered = len(texted)
    found.mistakes["texted twice"] = sum(times > 1 for times in texted.values())
    found.mistakes["lost: still waiting"] = 0
    judge = _Judge(found, texted, entries, _late(read_timeout))
    for result in _results(campaign):
        judge.hear(*result)
    found.mistakes["texted, and not in the campaign"] = len(set(texted) - judge.seen)
    _count_broken_before(found, judge.broke_before, gateway)
    _ledger(found, campaign)
    _limits(found, gateway)
    return found


def _what_arrived(gateway: Sandbox) -> tuple[Counter[str], dict[str, DeliveryEntry]]:
    texted: Counter[str] = Counter()
    entries: dict[str, DeliveryEntry] = {}
    for entry in gateway.gateway.record.deliveries:
        phone = entry.outcome.phone
        if entry.outcome.message_id is not None:
            texted[phone] += 1
            entries[phone] = entry
        else:
            entries.setdefault(phone, entry)
    return texted, entries


def _results(campaign: Campaign) -> Iterator[tuple[str, str, str, int | None]]:
    found = SendResult.objects.filter(campaign=campaign, phone__isnull=False)
    # The last attempt of the batch is the one that left these unknown.
    columns = ("phone", "status", "error", "batch__attempt_id")
    yield from found.values_list(*columns).iterator(chunk_size=SLICE)


def _late(read_timeout: float) -> dict[int, tuple[str, bool]]:
    """By attempt: its error, and whether the worker had waited for as long as it may."""
    found = Attempt.objects.filter(outcome="unknown")
    return {
        pk: (error, _seconds(stamped, done) >= read_timeout)
        for pk, error, stamped, done in found.values_list(
            "pk", "error", "stamped_at", "done_at"
        )
    }


def _seconds(since: datetime, until: datetime | None) -> float:
    return (until - since).total_seconds() if until else 0.0


@dataclass
class _Judge:
    found: Comparison
    texted: Counter[str]
    entries: dict[str, DeliveryEntry]
    unanswered: dict[int, tuple[str, bool]]
    seen: set[str] = field(default_factory=set)
    broke_before: set[int] = field(default_factory=set)

    def hear(self, phone: str, status: str, error: str, attempt: int | None) -> None:
        self.seen.add(phone)
        arrived = phone in self.texted
        mistakes = self.found.mistakes
        match status:
            case SendStatus.SENT:
                mistakes["called sent, and never arrived"] += not arrived
            case SendStatus.FAILED:
                mistakes["called failed, and arrived"] += arrived
            case SendStatus.UNKNOWN:
                self._unknown(phone, error, attempt)
            case SendStatus.PENDING:
                mistakes["lost: still waiting"] += 1
            case _:
                mistakes["left out or cancelled, and arrived"] += arrived

    def _unknown(self, phone: str, error: str, attempt: int | None) -> None:
        cause = self._cause(self.entries.get(phone), error, attempt)
        if cause:
            self.found.unknown[cause] += 1
        self.found.mistakes["unknown, though the answer was there"] += not cause
        if cause == BROKE_BEFORE and attempt:
            self.broke_before.add(attempt)

    def _cause(
        self, entry: DeliveryEntry | None, error: str, attempt: int | None
    ) -> str:
        if error == NO_ENTRY:
            return LEFT_OUT if entry and entry.outcome.hidden else ""
        said, was_late = self.unanswered.get(attempt or 0, ("", False))
        if said == STALLED:
            return DIED
        if was_late:
            return LATE
        if entry is None:
            return BROKE_BEFORE
        return "" if entry.request.answered else BROKE


def _count_broken_before(found: Comparison, ours: set[int], gateway: Sandbox) -> None:
    """The gateway does not know whose these were, but it knows how many."""
    faults: Any = gateway.state()["faults"]
    theirs = sum(faults.get(name, 0) for name in UNPROCESSED)
    extra = max(len(ours) - theirs, 0)
    found.mistakes["requests called broken that were not"] = extra


def _ledger(found: Comparison, campaign: Campaign) -> None:
    told = ledger(campaign)
    found.statuses = told.counted
    found.mistakes["the ledger does not add up"] = int(not told.adds_up)
    batches = Batch.objects.filter(campaign=campaign)
    found.mistakes["batches left open"] = batches.filter(
        status__in=OPEN_BATCHES
    ).count()
    attempts = Attempt.objects.filter(batch__campaign=campaign)
    found.mistakes["requests left open"] = attempts.filter(outcome="").count()
    found.stalled_batches = attempts.filter(error=STALLED).count()


def _limits(found: Comparison, gateway: Sandbox) -> None:
    """From the arrivals alone, also of those whose body the gateway never read."""
    record = gateway.gateway.record
    arrivals = sorted(entry.received for entry in record.requests)
    found.requests = len(arrivals)
    found.mistakes["requests above a limit"] = record.violations
    for window in gateway.gateway.options.limits:
        sliding = fullest(arrivals, window.seconds)
        clock = Counter(
            int((at + record.clock.epoch) // window.seconds) for at in arrivals
        )
        by_clock = max(clock.values(), default=0)
        found.fullest[str(window)] = (sliding, by_clock)
        found.used[str(window)] = share_used(arrivals, window.limit, window.seconds)
        above = max(sliding, by_clock) > window.limit
        found.mistakes["windows above a limit"] += above


def fullest(arrivals: Sequence[float], seconds: float) -> int:
    """The most of the ordered `arrivals` in any (t − seconds, t]."""
    return max(
        (
            index + 1 - bisect_right(arrivals, at - seconds)
            for index, at in enumerate(arrivals)
        ),
        default=0,
    )


def most_at_once(spans: Sequence[tuple[datetime, datetime]]) -> int:
    """How many of these spans of time lie over each other, where most of them do."""
    steps = sorted([(b, 1) for b, _e in spans] + [(e, -1) for _b, e in spans])
    return max(accumulate(step for _at, step in steps), default=0)


def share_used(arrivals: Sequence[float], limit: int, seconds: float) -> float:
    """The time that whole windows of `limit` requests need, of the time that they took."""
    ordered = sorted(arrivals)
    windows = (len(ordered) - 1) // limit
    if windows < 1:
        return 0.0
    return windows * seconds / (ordered[windows * limit] - ordered[0])
