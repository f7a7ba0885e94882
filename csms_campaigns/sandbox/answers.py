"""From a decision to the bytes that answer it, with what a fault does to them.

`Reply.wire` says how `wire.py` writes the bytes. `Reply.readable` is False when the
client can't learn from the answer what became of the numbers.
"""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from csms_campaigns.sandbox.faults import Fault
from csms_campaigns.sandbox.rules import (
    INVALID_KEY,
    JSON,
    NO_CREDITS,
    Outcome,
    Refusal,
    completed,
    naming_refusal,
)

HTML = "text/html; charset=utf-8"
REDIRECTED_PATH = "/sandbox/redirected"
ODD_PAGE = b"<!DOCTYPE html><title>Oops</title><h1>The service has a bad day.</h1>\n"


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    wire: str = "whole"
    delay: float = 0.0  # seconds before the first byte
    pause: float = 0.0  # seconds between two bytes
    readable: bool = True


def json_reply(payload: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(payload, ensure_ascii=False).encode())


def refusal_reply(refusal: Refusal) -> Reply:
    headers: tuple[tuple[str, str], ...] = ()
    if refusal.retry_after is not None:
        headers = (("Retry-After", refusal.retry_after),)
    if refusal.status == 405:
        headers = (("Allow", "POST"),)
    return replace(json_reply(refusal.payload(), refusal.status), headers=headers)


# Faults that keep the request from being processed


def fault_refusal(fault: Fault, phones: Sequence[str]) -> Refusal | None:
    match fault.name:
        case "refuse":
            error = "The request was not accepted"
            return Refusal(int(fault.value), "REQUEST_REFUSED", error)
        case "key":
            return INVALID_KEY
        case "credits":
            return NO_CREDITS
        case "refuse_number":
            return naming_refusal(phones[fault.position(len(phones))])
    return _retry_refusal(fault)


def _retry_refusal(fault: Fault) -> Refusal | None:
    seconds = f"{fault.value:.0f}"
    match fault.name:
        case "rate_limit":
            return _rate_limited(seconds)
        case "rate_limit_date":
            until = time.time() + fault.value
            return _rate_limited(email.utils.formatdate(until, usegmt=True))
        case "unavailable":
            error = "The service is temporarily unavailable"
            return Refusal(503, "SERVICE_UNAVAILABLE", error, seconds)
    return None


def _rate_limited(retry_after: str) -> Refusal:
    return Refusal(429, "RATE_LIMIT_EXCEEDED", "Rate limit exceeded", retry_after)


def unprocessed_reply(fault: Fault) -> Reply | None:
    """An answer that is no refusal either, to a request that was not processed."""
    match fault.name:
        case "500_before":
            return Reply(500, ODD_PAGE, HTML)
        case "status":
            return Reply(int(fault.value), ODD_PAGE, HTML)
        case "redirect":
            return Reply(307, b"", HTML, (("Location", REDIRECTED_PATH),))
    return None


# Faults in the answer to a request that was processed


def completed_reply(
    outcomes: Sequence[Outcome], credits: int, fault: Fault | None
) -> Reply:
    payload = completed(outcomes, credits)
    if fault is None:
        return json_reply(payload)
    alter = ALTERATIONS.get(fault.name)
    return _on_the_wire(fault, json_reply(alter(payload, fault) if alter else payload))


def _on_the_wire(fault: Fault, reply: Reply) -> Reply:
    if fault.name in UNREADABLE:
        return UNREADABLE[fault.name](reply)
    match fault.name:
        case "slow":
            return replace(reply, delay=fault.value)
        case "drip":
            return replace(reply, wire="drip", pause=fault.value)
        case "chunked":
            return replace(reply, wire="chunked")
    return reply


def _wire(name: str) -> Callable[[Reply], Reply]:
    return lambda reply: replace(reply, wire=name, readable=False)


def _body(status: int, body: bytes, kind: str = HTML) -> Callable[[Reply], Reply]:
    return lambda _reply: Reply(status, body, kind, readable=False)


def _cut(reply: Reply) -> Reply:
    return replace(reply, body=reply.body[: len(reply.body) // 2], readable=False)


UNREADABLE: dict[str, Callable[[Reply], Reply]] = {
    "lost": _wire("lost"),
    "reset": _wire("reset"),
    "huge": _wire("huge"),
    "wrong_length": _wire("wrong_length"),
    "short_length": _wire("short_length"),
    "500": _body(500, ODD_PAGE),
    "html": _body(200, ODD_PAGE),
    "empty": _body(200, b"{}", "application/json"),
    "list": _body(200, b"[]", "application/json"),
    "broken_json": _cut,
}


def _results(payload: JSON) -> list[JSON]:
    results = payload["results"]
    assert isinstance(results, list)  # noqa: S101 - made by completed()
    return results


def _extra(payload: JSON, _fault: Fault) -> JSON:
    stranger: JSON = {"phone": "+15005559999", "success": True, "message_id": "msg_1"}
    return payload | {"results": [*_results(payload), stranger]}


def _twice(payload: JSON, fault: Fault) -> JSON:
    results = _results(payload)
    again = results[fault.position(len(results)) :][:1]
    return payload | {"results": results + again}


def _odd_numbers(payload: JSON, _fault: Fault) -> JSON:
    results = [
        result | {"phone": _odd_number(str(result["phone"]), position)}
        for position, result in enumerate(_results(payload))
    ]
    return payload | {"results": results[::-1]}


def _odd_number(phone: str, position: int) -> object:
    digits = phone.removeprefix("+")
    if position % 3 == 1 and digits.isdecimal():
        return int(digits)
    return f"+{digits[:3]} {digits[3:6]} {digits[6:]}" if position % 3 == 2 else digits


def _bad_counts(payload: JSON, _fault: Fault) -> JSON:
    count = len(_results(payload))
    return payload | {"successful_sends": count + 1, "failed_sends": count + 2}


def _set(**values: object) -> Callable[[JSON, Fault], JSON]:
    return lambda payload, _fault: payload | values


def _credits_string(payload: JSON, _fault: Fault) -> JSON:
    return payload | {"remaining_credits": str(payload["remaining_credits"])}


def _credits_missing(payload: JSON, _fault: Fault) -> JSON:
    return {name: value for name, value in payload.items() if "credits" not in name}


ALTERATIONS: dict[str, Callable[[JSON, Fault], JSON]] = {
    "extra": _extra,
    "twice": _twice,
    "odd_numbers": _odd_numbers,
    "bad_counts": _bad_counts,
    "success_false": _set(success=False),
    "success_string": _set(success="true"),
    "credits_string": _credits_string,
    "credits_missing": _credits_missing,
    "credits_negative": _set(remaining_credits=-5),
}
