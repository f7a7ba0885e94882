"""The gateway behind the socket: keys, limits, credits, faults and the record.

One lock guards all of it. It is held while a request is decided, never while
sleeping, writing to a socket or making JSON.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from csms_campaigns.sandbox.answers import (
    Reply,
    completed_reply,
    fault_refusal,
    refusal_reply,
    unprocessed_reply,
)
from csms_campaigns.sandbox.cost import segment_count
from csms_campaigns.sandbox.faults import Fault, FaultPlan, read_fault, read_faults
from csms_campaigns.sandbox.limits import Meter
from csms_campaigns.sandbox.options import Options
from csms_campaigns.sandbox.record import Clock, DeliveryEntry, Record, RequestEntry
from csms_campaigns.sandbox.rules import (
    INVALID_KEY,
    JSON,
    NO_CREDITS,
    NOT_POST,
    Outcome,
    Refusal,
    SendRequest,
    deliver,
    magic_fault,
    naming_refusal,
    read_request,
    refused_number,
    too_many_numbers,
)

FIRST_MESSAGE_ID = 123456  # as in the provider's example


@dataclass(slots=True)
class Exchange:
    """One request on its way through the gateway."""

    entry: RequestEntry
    record: Record  # a reset in the meantime puts a new one in its place
    fault: Fault | None
    options: Options
    deliveries: list[DeliveryEntry] = field(default_factory=list)


class SandboxGateway:
    def __init__(self, options: Options) -> None:
        self.lock = threading.Lock()
        self.clock = Clock()
        self.options = options
        self.credits = options.credits
        self.record = Record(self.clock)
        self._plan: FaultPlan = read_faults(options.faults, options.seed)
        self._meters: dict[str, Meter] = {}
        self._next_id = FIRST_MESSAGE_ID
        self._latency = random.Random(options.seed)  # noqa: S311 - delays, no secrets
        self._in_flight = 0

    # A request: open -> answer -> close

    def open(self, received: float, *, is_post: bool) -> Exchange:
        """Number the request and draw its fault, before its body is read."""
        with self.lock:
            entry = self.record.open(received)
            self._in_flight += 1
            fault = self._plan.draw(entry.number) if is_post else None
            return Exchange(entry, self.record, fault, self.options)

    def answer(self, exchange: Exchange, body: bytes) -> Reply:
        exchange.entry.body_bytes = len(body)
        request = read_request(body)
        if isinstance(request, SendRequest):
            exchange.fault = exchange.fault or self._magic_fault(exchange, request)
        with self.lock:
            decision = self._decide(exchange, request)
            delay = self._latency.uniform(*self.options.latency)
        if isinstance(decision, Refusal):
            reply = refusal_reply(decision)
        elif isinstance(decision, Reply):
            reply = decision
        else:
            reply = completed_reply(*decision, exchange.fault)
        return replace(reply, delay=reply.delay + delay)

    def refuse(self, exchange: Exchange, refusal: Refusal = NOT_POST) -> Reply:
        """Refuse without looking at the body."""
        with self.lock:
            self._refused(exchange, refusal)
        return refusal_reply(refusal)

    def strike(self, exchange: Exchange) -> None:
        """Note that the fault of the exchange took effect."""
        with self.lock:
            self._strike(exchange)

    def close(self, exchange: Exchange, status: int | None, *, answered: bool) -> None:
        with self.lock:
            exchange.entry.status = status
            exchange.entry.answered = answered
            self._in_flight -= 1

    # The decision, under the lock

    def _decide(
        self, exchange: Exchange, request: SendRequest | Refusal
    ) -> Refusal | Reply | tuple[list[Outcome], int]:
        if isinstance(request, Refusal):
            return self._refused(exchange, request)
        refusal = self._refusal(exchange, request)
        if refusal is not None:
            return self._refused(exchange, refusal)
        reply = exchange.fault and unprocessed_reply(exchange.fault)
        if reply:
            self._strike(exchange)
            return reply
        cost = self._cost(request)
        if self.credits < cost:
            return self._refused(exchange, NO_CREDITS)
        return self._process(exchange, request, cost)

    def _refused(self, exchange: Exchange, refusal: Refusal) -> Refusal:
        exchange.record.refuse(exchange.entry, refusal.code)
        return refusal

    def _refusal(self, exchange: Exchange, request: SendRequest) -> Refusal | None:
        entry = exchange.entry
        entry.size = len(request.phones)
        entry.key_ok = request.api_key in self.options.api_key
        if not entry.key_ok:
            return INVALID_KEY
        limited = self._limited(entry, request.api_key)
        if limited is not None:
            return limited
        return self._unwelcome(request) or self._fault_refusal(exchange, request)

    def _unwelcome(self, request: SendRequest) -> Refusal | None:
        most = self.options.max_numbers
        if most and len(request.phones) > most:
            return too_many_numbers(most)
        refused = refused_number(request.phones) if self.options.magic else None
        return naming_refusal(refused) if refused else None

    def _fault_refusal(
        self, exchange: Exchange, request: SendRequest
    ) -> Refusal | None:
        fault = exchange.fault
        refusal = fault_refusal(fault, request.phones) if fault else None
        if refusal:
            self._strike(exchange)
        return refusal

    def _limited(self, entry: RequestEntry, key: str) -> Refusal | None:
        meter = self._meters.get(key)
        if meter is None:
            meter = Meter(self.options.limits, self.clock.epoch)
            self._meters[key] = meter
        full = meter.admit(entry.received)
        if full is None:
            return None
        window, wait = full
        entry.violation = True
        error = f"Rate limit exceeded: {window.limit} requests in {window.seconds:g} s"
        return Refusal(429, "RATE_LIMIT_EXCEEDED", error, str(wait))

    def _process(
        self, exchange: Exchange, request: SendRequest, cost: int
    ) -> tuple[list[Outcome], int]:
        phones: Sequence[str] = request.phones
        fault = exchange.fault
        if fault and fault.name == "500":
            phones = phones[: len(phones) // 2]
        outcomes = deliver(
            phones,
            affordable=self.credits // cost,
            new_id=self._new_id,
            failing=_failing(fault, len(phones)),
            magic=self.options.magic,
        )
        outcomes = _with_one_left_out(outcomes, fault)
        if fault:
            self._strike(exchange)
        exchange.deliveries = exchange.record.deliver(
            exchange.entry, request.message, outcomes
        )
        self.credits -= cost * exchange.entry.delivered
        return outcomes, self.credits

    def _cost(self, request: SendRequest) -> int:
        by_segment = self.options.credits_per == "segment"
        return segment_count(request.message) if by_segment else 1

    def _new_id(self) -> str:
        self._next_id += 1
        return f"msg_{self._next_id - 1}"

    def _strike(self, exchange: Exchange) -> None:
        exchange.entry.fault = str(exchange.fault)
        exchange.record.faults[exchange.entry.fault] += 1

    def _magic_fault(self, exchange: Exchange, request: SendRequest) -> Fault | None:
        spec = magic_fault(request.phones) if exchange.options.magic else ""
        return read_fault(spec) if spec else None

    # Looking and changing

    def state(self) -> JSON:
        with self.lock:
            return self.record.counts() | {
                "credits": self.credits,
                "in_flight": self._in_flight,
                "max_in_window": self._max_in_window(),
            }

    def _max_in_window(self) -> JSON:
        meters = self._meters.values()
        return {
            str(window): {
                "sliding": max((m.sliding_max[window] for m in meters), default=0),
                "clock": max((m.aligned_max[window] for m in meters), default=0),
            }
            for window in self.options.limits
        }

    def requests(self, after: int = 0, limit: int | None = None) -> list[JSON]:
        with self.lock:
            entries = self.record.requests[after:][:limit]
        return [entry.row() for entry in entries]

    def deliveries(self, after: int = 0, limit: int | None = None) -> list[JSON]:
        with self.lock:
            entries = self.record.deliveries[after:][:limit]
        return [entry.row() for entry in entries]

    def latest(self) -> list[DeliveryEntry]:
        with self.lock:
            return list(self.record.latest)[::-1]

    def redirected(self) -> None:
        with self.lock:
            self.record.redirected += 1

    def control(self, changes: dict[str, object], *, reset: bool = False) -> None:
        """Change options while it runs; ValueError leaves everything as it was."""
        with self.lock:
            self.options = self.options.changed(changes)
            if changes.keys() & {"faults", "seed"}:
                self._plan = read_faults(self.options.faults, self.options.seed)
            if "limits" in changes or reset:
                self._meters = {}
            if "credits" in changes or reset:
                self.credits = self.options.credits
            if reset:
                self.record = Record(self.clock)


def _failing(fault: Fault | None, count: int) -> Sequence[int]:
    if fault is None or fault.name not in {"fail", "fail_all"}:
        return ()
    return range(count) if fault.name == "fail_all" else (fault.position(count),)


def _with_one_left_out(outcomes: list[Outcome], fault: Fault | None) -> list[Outcome]:
    if fault is None or fault.name != "leave_out":
        return outcomes
    position = fault.position(len(outcomes))
    outcomes[position] = outcomes[position]._replace(hidden=True)
    return outcomes
