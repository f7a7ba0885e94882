"""What an answer means. Pure: status, headers and body in, a `Receipt` or a `GatewayError` out.

The provider documents two bodies. Whatever else arrives is read so that nobody is texted twice:
where it is not certain that nothing was sent, it is `AnswerLost`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from csms_campaigns.gateway import codes
from csms_campaigns.gateway.errors import AnswerLost, RateLimited
from csms_campaigns.gateway.receipts import NumberOutcome, Receipt
from csms_campaigns.sms.numbers import digits

COUNTS: Final = ("total_numbers", "successful_sends", "failed_sends")
LONGEST_WAIT: Final = 86_400.0
MAX_ERROR: Final = 500


def read_answer(
    http_status: int,
    headers: Mapping[str, str],
    body: bytes,
    numbers: Sequence[str],
    *,
    secret: str = "",
) -> Receipt:
    """The outcome of each of `numbers` (E.164), or the error that says what the answer was.

    `secret` is taken out of every text that the answer quotes.
    """
    answer = _object(body, secret)
    if answer is not None and is_refusal(answer):
        raise _refused(http_status, headers, answer)
    if answer is not None and is_processed(answer):
        return _receipt(http_status, answer, numbers)
    if http_status == 429 and not claims_a_send(answer or {}):
        text = "HTTP 429"
        raise RateLimited(text, http_status=429, retry_after=retry_after(headers))
    raise AnswerLost(_describe(http_status, answer), http_status=http_status)


def is_refusal(answer: Mapping[str, Any]) -> bool:
    """Exactly false, no results, and no sign that anything went out: nothing was sent."""
    return (
        answer.get("success") is False
        and answer.get("results") is None
        and answer.get("successful_sends") in (None, 0)
        and answer.get("successful_sends") is not False
    )


def claims_a_send(answer: Mapping[str, Any]) -> bool:
    """Something in it says that numbers were texted, in whatever form."""
    return (
        answer.get("success") not in (None, False)
        or answer.get("results") is not None
        or answer.get("successful_sends") not in (None, 0)
    )


def is_processed(answer: Mapping[str, Any]) -> bool:
    return isinstance(answer.get("results"), list) or any(
        isinstance(answer.get(name), int) for name in COUNTS
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from a Retry-After in seconds or as a date; a date is compared to the answer's own."""
    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return min(float(value), LONGEST_WAIT)
    moment = _date(value)
    if moment is None:
        return None
    now = _date(headers.get("Date", "")) or datetime.now(UTC)
    return min(max((moment - now).total_seconds(), 0.0), LONGEST_WAIT)


def _object(body: bytes, secret: str) -> Mapping[str, Any] | None:
    # In the decoded texts: JSON has many ways to write a key that holds a slash or a quote.
    hide = _hiding(secret) if secret else None
    try:
        answer = json.loads(body, object_hook=hide)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _hiding(secret: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Hides it in the values of an object, but for numbers: digits may look like anything."""

    def hide(found: dict[str, Any]) -> dict[str, Any]:
        for name, value in found.items():
            if isinstance(value, str) and name != "phone":
                found[name] = value.replace(secret, "[key]")
        return found

    return hide


def _refused(
    http_status: int, headers: Mapping[str, str], answer: Mapping[str, Any]
) -> Exception:
    code = _text(answer.get("code"))
    text = _text(answer.get("error")) or _text(answer.get("message")) or code
    kind = codes.refusal(code, text, http_status)
    return kind(
        text or f"HTTP {http_status}",
        code=code[:64],
        http_status=http_status,
        retry_after=retry_after(headers),
    )


def _receipt(
    http_status: int, answer: Mapping[str, Any], numbers: Sequence[str]
) -> Receipt:
    said = _by_digits(answer.get("results"))
    keys = {number: digits(number) for number in numbers}
    outcomes = {number: said[key] for number, key in keys.items() if key in said}
    return Receipt(http_status, outcomes, _credits(answer.get("remaining_credits")))


def _by_digits(results: Any) -> dict[str, NumberOutcome]:
    """A number that is there twice was accepted if either entry says so: it may have been sent.

    If neither says so and one is unclear, nobody knows: the number is left out.
    """
    said: dict[str, NumberOutcome] = {}
    unclear: set[str] = set()
    for entry in results if isinstance(results, list) else ():
        key = digits(entry.get("phone")) if isinstance(entry, dict) else ""
        outcome = _outcome(entry) if key else None
        if outcome is None:
            unclear.add(key)
        elif key not in said or outcome.accepted:
            said[key] = outcome
    return {k: o for k, o in said.items() if o.accepted or k not in unclear}


def _outcome(entry: Mapping[str, Any]) -> NumberOutcome | None:
    """None for an entry that does not say plainly whether its number was accepted."""
    if not isinstance(entry.get("success"), bool):
        return None
    if entry["success"]:
        return NumberOutcome(True, message_id=_text(entry.get("message_id"))[:128])
    code = _text(entry.get("code"))
    error = _text(entry.get("error")) or _text(entry.get("message")) or code
    return NumberOutcome(False, code=code[:64], error=error)


def _credits(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = int(float(value))
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < 2**62 else None


def _date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _text(value: Any) -> str:
    """A text of bounded length that every database stores: no NUL, no half of a surrogate pair."""
    if value is None or isinstance(value, dict | list | bool):
        return ""
    text = str(value)[:MAX_ERROR].replace("\x00", "")
    return text.encode("utf-8", "replace").decode("utf-8")


def _describe(http_status: int, answer: Mapping[str, Any] | None) -> str:
    kind = "not JSON as documented" if answer is None else "not the documented JSON"
    return f"HTTP {http_status}, the body is {kind}"
