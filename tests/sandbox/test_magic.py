from __future__ import annotations

import http.client
import time

import pytest

from csms_campaigns.sandbox.rules import MAGIC
from tests.sandbox.client import TWO, delivered, send


@pytest.mark.parametrize("ending", [e for e, m in MAGIC.items() if m.failure])
def test_a_refused_number_leaves_the_others_alone(start, ending):
    gateway = start(credits=100)
    magic = f"+1212555{ending}"
    answer = send(gateway, [magic, *TWO]).json
    code, error = MAGIC[ending].failure
    assert answer["results"][0] == {
        "phone": magic, "success": False, "error": error, "code": code,
    }  # fmt: skip
    assert (answer["failed_sends"], answer["remaining_credits"]) == (1, 98)
    assert delivered(gateway) == TWO


def test_0002_is_delivered_but_left_out(gateway):
    answer = send(gateway, ["+12125550002", *TWO]).json
    assert [result["phone"] for result in answer["results"]] == TWO
    assert delivered(gateway) == ["+12125550002", *TWO]
    gateway.wait_until_idle()
    assert [row["answered"] for row in gateway.deliveries] == [False, True, True]


def test_0003_loses_the_answer_of_its_request(gateway):
    with pytest.raises(http.client.RemoteDisconnected):
        send(gateway, ["+12125550003", *TWO])
    assert delivered(gateway) == ["+12125550003", *TWO]
    assert gateway.wait_until_idle()
    assert gateway.requests[0]["status"] is None


def test_0004_is_answered_late(gateway):
    asked = time.monotonic()
    assert send(gateway, "+12125550004").json["successful_sends"] == 1
    assert time.monotonic() - asked >= 3


def test_000007_has_its_whole_request_refused_by_name(gateway):
    answer = send(gateway, [*TWO, "+12120000007"])
    assert (answer.status, answer.json["code"]) == (400, "INVALID_NUMBER")
    assert answer.json["error"] == "Invalid phone number: +12120000007"
    assert delivered(gateway) == []
    assert send(gateway, TWO).json["successful_sends"] == 2


def test_magic_can_be_switched_off(start):
    gateway = start(magic=False)
    phones = [f"+1212555{ending}" for ending in MAGIC] + ["+12120000007"]
    answer = send(gateway, phones).json
    assert [result["phone"] for result in answer["results"]] == phones
    assert delivered(gateway) == phones


def test_a_fault_on_demand_goes_before_the_magic(start):
    gateway = start(faults="refuse@1")
    assert send(gateway, ["+12125550003"]).json["code"] == "REQUEST_REFUSED"
    assert delivered(gateway) == []
