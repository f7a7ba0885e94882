from __future__ import annotations

import itertools

import pytest

from csms_campaigns.sandbox import rules
from csms_campaigns.sandbox.cost import segment_count
from csms_campaigns.sandbox.rules import Outcome

GOOD = "+12125551234"


def ids():
    counter = itertools.count(1)
    return lambda: f"msg_{next(counter)}"


def deliver(phones, **options):
    return rules.deliver(phones, **{"affordable": 100, "new_id": ids(), **options})


@pytest.mark.parametrize(
    "phone",
    [GOOD, "12125551234", "+1 212 555-1234", "+1 (212) 555.1234", "1234567", "1" * 15],
)
def test_what_is_a_number(phone):
    assert rules.is_number(phone)


@pytest.mark.parametrize(
    "phone", ["", "+", "123456", "1" * 16, "+1212555123x", "++12125551234", "١٢٣٤٥٦٧٨"]
)
def test_what_is_none(phone):
    assert not rules.is_number(phone)
    [outcome] = deliver([phone])
    assert outcome == Outcome(phone, None, "INVALID_NUMBER", "Invalid phone number")


def test_numbers_are_paid_in_order_and_failures_are_free():
    outcomes = deliver(["bad", GOOD, "+12125551235", "+12125551236"], affordable=2)
    assert [outcome.message_id for outcome in outcomes] == [
        None, "msg_1", "msg_2", None,
    ]  # fmt: skip
    assert outcomes[-1].code == "INSUFFICIENT_CREDITS"


def test_a_fault_lets_single_positions_fail():
    outcomes = deliver([GOOD, "+12125551235"], failing=(1,))
    assert [outcome.code for outcome in outcomes] == ["", "SEND_FAILED"]


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("0001", "INVALID_NUMBER"),
        ("0005", "INSUFFICIENT_CREDITS"),
        ("0006", "BLOCKED_BY_CARRIER"),
    ],
)
def test_magic_numbers_that_are_refused(ending, code):
    phone = f"+1212555{ending}"
    assert [outcome.code for outcome in deliver([phone, GOOD])] == [code, ""]
    assert [outcome.code for outcome in deliver([phone], magic=False)] == [""]


def test_a_hidden_number_is_counted_but_not_listed():
    outcomes = deliver(["+12125550002", GOOD])
    answer = rules.completed(outcomes, 7)
    assert outcomes[0].message_id == "msg_1"
    assert (answer["total_numbers"], answer["successful_sends"]) == (2, 2)
    assert [result["phone"] for result in answer["results"]] == [GOOD]


def test_magic_of_a_whole_request():
    assert rules.magic_fault([GOOD, "+12125550003"]) == "lost"
    assert rules.magic_fault(["+12125550004"]) == "slow=3"
    assert rules.magic_fault([GOOD, "+12125550001"]) == ""
    assert rules.refused_number([GOOD, "+12120000007"]) == "+12120000007"
    assert rules.refused_number(["+12125550007"]) is None


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("م" * 70, 1),
        ("م" * 71, 2),
        ("م" * 134, 2),
        ("م" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("ç", 1),
    ],
)
def test_the_cost_of_a_text(text, count):
    assert segment_count(text) == count
