"""The truth that tests compare with: every request, and what became of each number."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from csms_campaigns.sandbox.rules import JSON, Outcome

LATEST = 100  # texts on the page
EXAMPLES = 100  # of numbers that were texted twice


@dataclass(frozen=True, slots=True)
class Clock:
    """Monotonic time told as wall time; both are read once, so steps don't show."""

    started: float = field(default_factory=time.monotonic)
    epoch: float = field(default_factory=lambda: time.time() - time.monotonic())

    def iso(self, at: float) -> str:
        return datetime.fromtimestamp(at + self.epoch, UTC).isoformat()


@dataclass(slots=True)
class RequestEntry:
    number: int
    received: float  # monotonic, at the first byte
    clock: Clock
    fault: str = ""
    size: int = 0  # numbers
    body_bytes: int = 0
    key_ok: bool = False
    status: int | None = None  # None: no answer was given (yet)
    code: str = ""
    violation: bool = False
    delivered: int = 0
    failed: int = 0
    answered: bool = False

    def row(self) -> JSON:
        return {
            "request": self.number,
            "at": self.clock.iso(self.received),
            "received": round(self.received - self.clock.started, 6),
            "size": self.size,
            "bytes": self.body_bytes,
            "status": self.status,
            "code": self.code,
            "fault": self.fault,
            "key_ok": self.key_ok,
            "violation": self.violation,
            "delivered": self.delivered,
            "failed": self.failed,
            "answered": self.answered,
        }


@dataclass(slots=True)
class DeliveryEntry:
    number: int
    outcome: Outcome
    message: str
    request: RequestEntry

    def row(self) -> JSON:
        """`answered`: an answer that names the number was written in full."""
        return self.fact() | {
            "answered": self.request.answered and not self.outcome.hidden
        }

    def fact(self) -> JSON:
        phone, message_id, code, error, _hidden = self.outcome
        return {
            "number": self.number,
            "phone": phone,
            "message_id": message_id,
            "outcome": "delivered" if message_id is not None else "failed",
            "code": code,
            "error": error,
            "request": self.request.number,
            "at": self.request.clock.iso(self.request.received),
            "message": self.message,
        }


class Record:
    """Grows by one request at a time. The caller holds the gateway's lock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.requests: list[RequestEntry] = []
        self.deliveries: list[DeliveryEntry] = []
        self.latest: deque[DeliveryEntry] = deque(maxlen=LATEST)
        self.faults: Counter[str] = Counter()
        self.texts = self.refused = self.violations = self.redirected = 0
        self._texts_of: Counter[str] = Counter()
        self._same_text: Counter[tuple[str, str]] = Counter()
        self._twice: dict[str, None] = {}
        self._more_than_one = 0

    def open(self, received: float) -> RequestEntry:
        entry = RequestEntry(len(self.requests) + 1, received, self.clock)
        self.requests.append(entry)
        return entry

    def refuse(self, entry: RequestEntry, code: str) -> None:
        entry.code = code
        self.refused += 1
        self.violations += entry.violation

    def deliver(
        self, entry: RequestEntry, message: str, outcomes: Iterable[Outcome]
    ) -> list[DeliveryEntry]:
        first = len(self.deliveries)
        for outcome in outcomes:
            self._add(DeliveryEntry(0, outcome, message, entry))
        new = self.deliveries[first:]
        entry.delivered = sum(e.outcome.message_id is not None for e in new)
        entry.failed = len(new) - entry.delivered
        return new

    def _add(self, delivery: DeliveryEntry) -> None:
        self.deliveries.append(delivery)
        delivery.number = len(self.deliveries)
        if delivery.outcome.message_id is not None:
            self._count_text(delivery)

    def _count_text(self, delivery: DeliveryEntry) -> None:
        phone = digits_of(delivery.outcome.phone)
        self.latest.append(delivery)
        self.texts += 1
        self._texts_of[phone] += 1
        self._more_than_one += self._texts_of[phone] == 2
        self._same_text[phone, delivery.message] += 1
        if self._same_text[phone, delivery.message] == 2:
            self._twice[phone] = None

    def counts(self) -> JSON:
        return {
            "requests": len(self.requests),
            "refused": self.refused,
            "violations": self.violations,
            "redirected": self.redirected,
            "delivered": len(self._texts_of),
            "texts": self.texts,
            "failed": len(self.deliveries) - self.texts,
            "twice": len(self._twice),
            "twice_numbers": list(self._twice)[:EXAMPLES],
            "numbers_with_more_than_one": self._more_than_one,
            "faults": dict(self.faults),
        }


def digits_of(phone: str) -> str:
    """`+1 212…` and `1212…` are the same telephone."""
    digits = phone.removeprefix("+")
    return digits if digits.isdecimal() else "".join(filter(str.isdecimal, digits))
