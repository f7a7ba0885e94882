"""What the gateway says to a request: pure rules, no socket, no clock, no state.

Where the provider's documentation is silent, the choices made here are written down
in docs/sandbox.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NamedTuple

JSON = dict[str, object]


@dataclass(frozen=True, slots=True)
class SendRequest:
    api_key: str
    phones: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    code: str
    error: str
    retry_after: str | None = None

    def payload(self) -> JSON:
        return {"success": False, "error": self.error, "code": self.code}


class Outcome(NamedTuple):
    """What became of one number; `message_id` is None when nothing was delivered."""

    phone: str
    message_id: str | None
    code: str = ""
    error: str = ""
    hidden: bool = False  # left out of `results`


INVALID_KEY = Refusal(401, "INVALID_API_KEY", "Invalid or inactive API key")
NO_CREDITS = Refusal(402, "INSUFFICIENT_CREDITS", "Insufficient credits")
NOT_POST = Refusal(405, "METHOD_NOT_ALLOWED", "Use POST with a JSON body")
BAD_JSON = Refusal(400, "INVALID_JSON", "The body is not a JSON object")
BAD_PHONE = Refusal(400, "INVALID_PHONE", "phone must be a string or array of strings")

NO_CREDIT_LEFT = (NO_CREDITS.code, NO_CREDITS.error)
INVALID_NUMBER = ("INVALID_NUMBER", "Invalid phone number")
SEND_FAILED = ("SEND_FAILED", "The message could not be sent")


class Magic(NamedTuple):
    meaning: str
    failure: tuple[str, str] | None = None
    hidden: bool = False
    fault: str = ""  # of the whole request


MAGIC: dict[str, Magic] = {
    "0001": Magic("refused as invalid", failure=INVALID_NUMBER),
    "0002": Magic("delivered, but left out of the results", hidden=True),
    "0003": Magic("delivered, but the answer to its request is lost", fault="lost"),
    "0004": Magic("delivered, answered after three seconds", fault="slow=3"),
    "0005": Magic("refused for want of credits", failure=NO_CREDIT_LEFT),
    "0006": Magic(
        "refused by the carrier",
        failure=("BLOCKED_BY_CARRIER", "Blocked by the carrier"),
    ),
}
# Six digits, since it stops a whole campaign until somebody takes the number out.
REFUSED_WITH_ITS_REQUEST = "000007"


def read_request(body: bytes) -> SendRequest | Refusal:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return BAD_JSON
    if not isinstance(data, dict):
        return BAD_JSON
    for field in ("api_key", "phone", "message"):
        if data.get(field) in (None, "", []):
            error = f"Missing required parameter: {field}"
            return Refusal(400, "MISSING_PARAMETER", error)
    return _read_fields(data)


def _read_fields(data: JSON) -> SendRequest | Refusal:
    phones = _read_phones(data["phone"])
    if not phones:
        return BAD_PHONE
    for field in ("api_key", "message"):
        if not isinstance(data[field], str):
            return Refusal(400, "INVALID_PARAMETER", f"{field} must be a string")
    return SendRequest(str(data["api_key"]), phones, str(data["message"]))


def _read_phones(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(part for part in map(str.strip, value.split(",")) if part)
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        return ()
    return tuple(map(str.strip, value))


def is_number(phone: str) -> bool:
    digits = phone.removeprefix("+")
    if not digits.isdecimal():
        digits = digits.translate(PUNCTUATION)
    return digits.isascii() and digits.isdecimal() and 7 <= len(digits) <= 15


PUNCTUATION = str.maketrans("", "", " -.()")


def magic_fault(phones: Collection[str]) -> str:
    """The fault that a magic number brings upon its whole request, in fault syntax."""
    for phone in phones:
        magic = MAGIC.get(phone[-4:])
        if magic and magic.fault:
            return magic.fault
    return ""


def refused_number(phones: Collection[str]) -> str | None:
    return next((p for p in phones if p.endswith(REFUSED_WITH_ITS_REQUEST)), None)


def naming_refusal(phone: str) -> Refusal:
    return Refusal(400, INVALID_NUMBER[0], f"{INVALID_NUMBER[1]}: {phone}")


def too_many_numbers(most: int) -> Refusal:
    error = f"Too many numbers: at most {most} in one request"
    return Refusal(400, "TOO_MANY_NUMBERS", error)


def failure_of(phone: str, *, magic: bool) -> tuple[str, str] | None:
    if not is_number(phone):
        return INVALID_NUMBER
    kind = MAGIC.get(phone[-4:]) if magic else None
    return kind.failure if kind else None


def is_hidden(phone: str) -> bool:
    kind = MAGIC.get(phone[-4:])
    return kind is not None and kind.hidden


def deliver(
    phones: Collection[str],
    *,
    affordable: int,
    new_id: Callable[[], str],
    failing: Collection[int] = (),
    magic: bool = True,
) -> list[Outcome]:
    """Decide each number in order; `affordable` texts can be paid, failures are free.

    `failing` are the positions of the numbers that a fault lets fail.
    """
    outcomes = []
    for position, phone in enumerate(phones):
        failure = failure_of(phone, magic=magic)
        if failure is None and position in failing:
            failure = SEND_FAILED
        if failure is None and affordable < 1:
            failure = NO_CREDIT_LEFT
        hidden = magic and is_hidden(phone)
        if failure:
            outcomes.append(Outcome(phone, None, *failure, hidden))
        else:
            outcomes.append(Outcome(phone, new_id(), hidden=hidden))
            affordable -= 1
    return outcomes


def completed(outcomes: Collection[Outcome], credits: int) -> JSON:
    """The documented answer; a number left out of `results` is still counted."""
    sent = sum(outcome.message_id is not None for outcome in outcomes)
    return {
        "success": True,
        "message": "SMS sending completed",
        "total_numbers": len(outcomes),
        "successful_sends": sent,
        "failed_sends": len(outcomes) - sent,
        "remaining_credits": credits,
        "results": [_result(outcome) for outcome in outcomes if not outcome.hidden],
    }


def _result(outcome: Outcome) -> JSON:
    phone, message_id, code, error, _hidden = outcome
    if message_id is not None:
        return {"phone": phone, "success": True, "message_id": message_id}
    return {"phone": phone, "success": False, "error": error, "code": code}
