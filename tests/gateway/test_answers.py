"""`read_answer` under everything that may come: it never guesses that nothing was sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from csms_campaigns.gateway import codes, errors
from csms_campaigns.gateway.answers import LONGEST_WAIT, MAX_ERROR, read_answer
from csms_campaigns.gateway.receipts import NumberOutcome, Receipt
from csms_campaigns.sms.numbers import digits
from tests.gateway import NUMBERS

pytestmark = pytest.mark.once
quick = settings(max_examples=300, deadline=None)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([0, 0.0, "0", "false", "true", "INSUFFICIENT_CREDITS", 10**400])
)
phones = st.sampled_from(
    [form(n) for n in NUMBERS for form in (str, digits, int, float, lambda n: f" {n} ")]
)
entries = st.dictionaries(
    st.sampled_from(["phone", "success", "message_id", "error", "message", "code"]),
    scalars | phones,
) | st.fixed_dictionaries(
    {"phone": phones, "success": st.booleans() | scalars}, optional={"error": scalars}
)
anything = st.recursive(
    scalars,
    lambda x: (
        st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=5), x, max_size=3)
    ),
    max_leaves=8,
)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "success": st.booleans() | scalars,
        "results": st.lists(entries | anything, max_size=6) | anything,
        "successful_sends": st.integers(0, 3) | anything,
        "total_numbers": anything,
        "failed_sends": anything,
        "remaining_credits": anything,
        "error": anything,
        "message": anything,
        "code": st.sampled_from([*codes.RATE_LIMIT, *codes.CREDITS, *codes.KEY])
        | anything,
    },
)
statuses = st.sampled_from([200, 201, 302, 400, 401, 402, 403, 429, 500, 502, 503, 504])
headers = st.dictionaries(
    st.sampled_from(["Retry-After", "Date"]),
    st.text(max_size=40)
    | st.integers().map(str)
    | st.sampled_from(["9" * 400, "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", ""]),
)


def read(
    status: int, body: Any, named: dict[str, str] | None = None
) -> Receipt | errors.GatewayError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        return read_answer(status, CaseInsensitiveDict(named or {}), raw, NUMBERS)
    except errors.GatewayError as error:
        return error


@quick
@given(statuses, headers, st.binary(max_size=200))
@example(200, {}, b"[" * 200_000)
@example(200, {}, b'{"remaining_credits": ' + b"9" * 5000 + b"}")
@example(200, {}, b'{"success": NaN, "results": [Infinity]}')
@example(429, {}, b"\xff\xfe\x00")
def test_any_bytes(status: int, named: dict[str, str], body: bytes) -> None:
    """Nothing but an answer or a GatewayError comes out; the rest would escape as itself."""
    assert_sound(read(status, body, named), status, None)


@quick
@given(statuses, headers, anything | bodies)
def test_any_json(status: int, named: dict[str, str], body: Any) -> None:
    assert_sound(read(status, body, named), status, body)


@settings(max_examples=1000, deadline=None)
@given(statuses, headers, bodies)
def test_any_body_that_is_nearly_the_documented_one(
    status: int, named: dict[str, str], body: dict[str, Any]
) -> None:
    assert_sound(read(status, body, named), status, body)


def assert_sound(said: Receipt | errors.GatewayError, status: int, body: Any) -> None:
    if isinstance(said, Receipt):
        for number, outcome in said.outcomes.items():
            assert number in NUMBERS
            assert_was_said(number, outcome, body["results"])
        assert said.remaining_credits is None or abs(said.remaining_credits) < 2**63
    elif said.nothing_sent:
        assert says_nothing_sent(status, body)
        assert said.retry_after is None or 0 <= said.retry_after <= LONGEST_WAIT
        assert_fits(said.text, MAX_ERROR)
        assert_fits(said.code, 64)


def says_nothing_sent(status: int, body: Any) -> bool:
    """The two ways of being certain, in words of their own."""
    if not isinstance(body, dict):
        return status == 429
    no_sends = body.get("results") is None and (body.get("successful_sends") or 0) == 0
    refused = body.get("success", "missing") is False
    return no_sends and (refused or (status == 429 and not body.get("success")))


def assert_was_said(number: str, outcome: NumberOutcome, results: list[Any]) -> None:
    ours = [
        e
        for e in results
        if isinstance(e, dict) and digits(e.get("phone")) == digits(number)
    ]
    assert outcome.accepted is any(e.get("success") is True for e in ours)
    if not outcome.accepted:
        assert all(e.get("success") is False for e in ours)
    assert_fits(outcome.error, MAX_ERROR)
    assert_fits(outcome.code, 64)
    assert_fits(outcome.message_id, 128)


def assert_fits(text: str, length: int) -> None:
    """Every database stores it."""
    assert len(text) <= length
    assert "\x00" not in text
    text.encode()


@quick
@given(
    st.lists(st.sampled_from([True, False, None, "left out"]), min_size=3, max_size=3)
)
def test_each_number_gets_its_own_outcome(said: list[Any]) -> None:
    results = [
        {"phone": number, "success": one}
        for number, one in zip(NUMBERS, said, strict=True)
        if one != "left out"
    ]
    receipt = read(200, {"success": True, "results": results})
    assert isinstance(receipt, Receipt)
    found = [receipt.outcomes.get(number) for number in NUMBERS]
    for one, outcome in zip(said, found, strict=True):
        assert (outcome and outcome.accepted) == (
            one if isinstance(one, bool) else None
        )


REFUSALS = [
    ("INVALID_API_KEY", "", 200, errors.KeyRefused),
    ("", "Invalid or inactive API key", 400, errors.KeyRefused),
    ("api-key-expired", "", 400, errors.KeyRefused),
    ("rate limit exceeded", "", 400, errors.RateLimited),
    ("", "Too many requests, slow down", 503, errors.RateLimited),
    ("", "Insufficient credits.", 200, errors.CreditsExhausted),
    ("LOW_BALANCE", "", 500, errors.CreditsExhausted),
    ("", "No credit left", 401, errors.CreditsExhausted),
    ("TOO_MANY_NUMBERS", "", 400, errors.TooManyNumbers),
    ("INVALID_PHONE", "+12125550109 is no number", 400, errors.NumberRefused),
    ("", "Down for maintenance", 500, errors.Unavailable),
    ("SERVICE_UNAVAILABLE", "", 200, errors.Unavailable),
    ("SOMETHING", "of its own", 404, errors.Refused),
]


@pytest.mark.parametrize(("code", "text", "status", "kind"), REFUSALS)
def test_words_decide_before_the_status(
    code: str, text: str, status: int, kind: type[errors.Refused]
) -> None:
    said = read(status, {"success": False, "error": text, "code": code})
    assert type(said) is kind
    assert said.code == code
    assert said.text == (text or code)
