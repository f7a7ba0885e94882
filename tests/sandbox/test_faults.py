"""The syntax and the draw; what each fault does is in test_fault_answers."""

from __future__ import annotations

from collections import Counter

import pytest

from csms_campaigns.sandbox.faults import FAULTS, read_faults
from tests.sandbox.client import send


def drawn(spec, *, requests=2000, seed=0):
    plan = read_faults(spec, seed)
    return [str(plan.draw(number) or "") for number in range(1, requests + 1)]


def test_no_spec_no_fault():
    assert set(drawn("", requests=50)) == {""}


def test_a_number_strikes_one_request():
    found = drawn("lost@7,reset@2, lost@9", requests=10)
    assert found == ["", "reset", "", "", "", "", "lost", "", "lost", ""]


def test_a_number_goes_before_a_probability():
    assert drawn("slow:1,lost@2", requests=3) == ["slow", "lost", "slow"]


def test_a_bare_name_strikes_always():
    assert set(drawn("empty", requests=20)) == {"empty"}


def test_probabilities_are_kept():
    counts = Counter(drawn("lost:0.1,500:0.3"))
    assert 130 < counts["lost"] < 270
    assert 500 < counts["500"] < 700


def test_the_seed_decides_and_nothing_else():
    assert drawn("lost:0.3", seed=5) == drawn("lost:0.3", seed=5)
    assert drawn("lost:0.3", seed=5) != drawn("lost:0.3", seed=6)


def test_values():
    plan = read_faults("slow=0.25@1,slow@2,refuse=418@3")
    faults = [plan.draw(number) for number in (1, 2, 3)]
    assert [fault.value for fault in faults] == [0.25, 2, 418]


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_named(name):
    assert drawn(f"{name}@1", requests=1) == [name]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nonsense", "There is no fault 'nonsense'; the faults are: refuse,"),
        ("lost:", "is no fault: write"),
        ("lost:x", "is no fault: write"),
        ("lost@", "is no fault: write"),
        ("lost:0.1:0.2", "is no fault: write"),
        ("lost:1.2.3", "is no fault: write"),
        ("lost@0", "counted from 1"),
        ("lost=3", "takes no value"),
        ("slow=.", "is no fault: write"),
        ("refuse=99", "is no HTTP status"),
        ("status=200.5", "is no HTTP status"),
        ("lost:0.6,reset:0.6", "add up to more than 1"),
        ("lost:2", "add up to more than 1"),
    ],
)
def test_a_wrong_spec_is_told_in_one_sentence(spec, message):
    with pytest.raises(ValueError, match=message):
        read_faults(spec)


def test_requests_are_numbered_as_they_arrive(start):
    gateway = start(faults="refuse@2,key@3")
    assert [send(gateway).status for _ in range(4)] == [200, 400, 401, 200]
    assert [row["fault"] for row in gateway.requests] == ["", "refuse", "key", ""]
    assert gateway.state()["faults"] == {"refuse": 1, "key": 1}


def test_a_fault_that_had_no_chance_is_not_recorded(start):
    gateway = start(faults="lost", limits="1/3600")
    assert send(gateway, key="wrong").status == 401
    assert [row["fault"] for row in gateway.requests] == [""]
