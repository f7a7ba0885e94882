"""The record as JSON and CSV, and `control`."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime

import pytest

from csms_campaigns.sandbox.server import Sandbox
from tests.sandbox.client import KEY, TWO, control, delivered, get, request, send

ARABIC = "مرحبا، عرض اليوم\n20%"


def test_the_state(start):
    gateway = start(credits=100, limits="3/3600")
    send(gateway, ["+12125551234", "bad"])
    send(gateway, key="wrong")
    assert gateway.wait_until_idle()
    assert get(gateway, "/sandbox/state.json").json == {
        "requests": 2,
        "refused": 1,
        "violations": 0,
        "redirected": 0,
        "delivered": 1,
        "texts": 1,
        "failed": 1,
        "twice": 0,
        "twice_numbers": [],
        "numbers_with_more_than_one": 0,
        "faults": {},
        "credits": 99,
        "in_flight": 0,
        "max_in_window": {"3/3600": {"sliding": 1, "clock": 1}},
    }


def test_numbers_with_several_texts_and_with_the_same_text_twice(gateway):
    send(gateway, TWO, "one")
    send(gateway, TWO, "two")
    state = gateway.state()
    assert (state["twice"], state["numbers_with_more_than_one"]) == (0, 2)
    assert (state["texts"], state["delivered"]) == (4, 2)
    send(gateway, "1 212 555-1234", "one")
    state = gateway.state()
    assert (state["twice"], state["twice_numbers"]) == (1, ["12125551234"])
    assert state["delivered"] == 2


def test_deliveries_name_everything(gateway):
    send(gateway, ["+12125551234", "bad"], ARABIC)
    gateway.wait_until_idle()
    first, second = get(gateway, "/sandbox/deliveries.json").json["deliveries"]
    assert datetime.fromisoformat(first.pop("at")).tzinfo is not None
    assert first == {
        "number": 1,
        "phone": "+12125551234",
        "message_id": "msg_123456",
        "outcome": "delivered",
        "code": "",
        "error": "",
        "request": 1,
        "message": ARABIC,
        "answered": True,
    }
    assert (second["outcome"], second["code"]) == ("failed", "INVALID_NUMBER")
    assert second["message_id"] is None


def test_pages_of_deliveries(gateway):
    phones = [f"+1212555{n}" for n in range(2000, 2025)]
    send(gateway, phones)
    seen, after = [], 0
    while True:
        path = f"/sandbox/deliveries.json?after={after}&limit=10"
        answer = get(gateway, path).json
        if answer["next"] is None:
            break
        seen += [row["phone"] for row in answer["deliveries"]]
        after = answer["next"]
    assert seen == phones
    assert after == 25


@pytest.mark.parametrize("query", ["after=x", "limit=-1", "after=1.5"])
def test_a_wrong_page_is_told(gateway, query):
    answer = get(gateway, f"/sandbox/requests.json?{query}")
    assert answer.status == 400
    assert "must be a whole number" in answer.json["error"]


def test_requests_never_show_a_key(gateway):
    send(gateway)
    send(gateway, key="cspro_secret_and_wrong")
    gateway.wait_until_idle()
    first, second = get(gateway, "/sandbox/requests.json").json["requests"]
    assert (first["size"], first["status"], first["key_ok"]) == (2, 200, True)
    assert (first["answered"], first["fault"]) == (True, "")
    assert (second["status"], second["key_ok"]) == (401, False)
    assert second["code"] == "INVALID_API_KEY"
    assert first["received"] <= second["received"]
    shown = "".join(
        get(gateway, path).body.decode()
        for path in (
            "/", "/sandbox/state.json", "/sandbox/requests.json",
            "/sandbox/deliveries.json", "/sandbox/deliveries.csv",
        )
    )  # fmt: skip
    assert KEY not in shown
    assert "cspro_" not in shown


def test_all_deliveries_as_csv(start):
    gateway = start(limits="none")
    phones = [f"+1212{n}" for n in range(5_550_100, 5_556_200)]
    for at in range(0, len(phones), 100):
        send(gateway, phones[at : at + 100], ARABIC)
    answer = get(gateway, "/sandbox/deliveries.csv")
    assert answer.headers.get_content_type() == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
    assert [row["phone"] for row in rows] == phones
    assert {row["message"] for row in rows} == {ARABIC}
    expected = [{k: str(v) for k, v in row.items()} for row in gateway.deliveries]
    assert [row["message_id"] for row in rows] == [r["message_id"] for r in expected]


def test_two_hundred_thousand_deliveries(start):
    gateway = start(limits="none", magic=False)
    for at in range(20):
        phones = [f"+1{3_000_000_000 + at * 10_000 + n}" for n in range(10_000)]
        assert send(gateway, phones).json["successful_sends"] == 10_000
    state = gateway.state()
    assert (state["delivered"], state["texts"], state["twice"]) == (200_000, 200_000, 0)
    last = get(gateway, "/sandbox/deliveries.json?after=199999").json
    assert last["deliveries"][0]["phone"] == "+13000199999"
    assert get(gateway, "/").status == 200


def test_control_changes_what_it_is_told(gateway):
    answer = control(gateway, faults="refuse", credits=5, limits="9/60")
    assert (answer.status, answer.json["credits"]) == (200, 5)
    assert list(answer.json["max_in_window"]) == ["9/60"]
    assert send(gateway).json["code"] == "REQUEST_REFUSED"
    control(gateway, faults="", api_key="another", latency="0.01-0.02", magic=False)
    assert send(gateway).status == 401
    assert send(gateway, "+12125550001", key="another").json["successful_sends"] == 1


def test_reset_forgets_everything_but_the_options(start):
    gateway = start(credits=10, limits="2/3600", faults="refuse@1")
    assert [send(gateway).status for _ in range(4)] == [400, 200, 429, 429]
    control(gateway, reset=True)
    state = gateway.state()
    assert (state["requests"], state["texts"], state["violations"]) == (0, 0, 0)
    assert (state["credits"], gateway.deliveries) == (10, [])
    assert [send(gateway).status for _ in range(2)] == [400, 200]
    assert delivered(gateway) == TWO


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"limits": "many"}, "is no limit"),
        ({"faults": "nope"}, "There is no fault"),
        ({"credits": -1}, "credits must be a whole number from 0"),
        ({"credits": "5"}, "credits must be a whole number"),
        ({"credits": True}, "credits must be a whole number"),
        ({"latency": "soon"}, "is no latency"),
        ({"latency": "0.3-0.1"}, "is no latency"),
        ({"latency": "nan"}, "is no latency"),
        ({"latency": -1}, "is no latency"),
        ({"magic": "yes"}, "magic must be true or false"),
        ({"reset": 1}, "reset must be true or false"),
        ({"api_key": ""}, "api_key must be a text"),
        ({"api_key": 5}, "api_key must be a text"),
        ({"credits_per": "letter"}, "credits_per must be"),
        ({"colour": 1}, "There is no option 'colour'"),
    ],
)
def test_a_wrong_change_changes_nothing(gateway, changes, message):
    answer = control(gateway, **{"credits": 3, **changes})
    assert answer.status == 400
    assert message in answer.json["error"]
    assert gateway.state()["credits"] == 1_000_000
    option = {name: value for name, value in changes.items() if name != "reset"}
    if option:
        with pytest.raises(ValueError, match=message):
            Sandbox(**option)


@pytest.mark.parametrize("body", [b"", b"[]", b"no json", b"7"])
def test_control_wants_a_json_object(gateway, body):
    kind = {"Content-Type": "application/json"}
    answer = request(gateway, "POST", "/sandbox/control", body, kind)
    assert answer.status == 400
    assert answer.json["error"]


def test_control_refuses_what_a_foreign_page_could_send(gateway):
    body = json.dumps({"credits": 1}).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded"):
        headers = {"Content-Type": kind}
        answer = request(gateway, "POST", "/sandbox/control", body, headers)
        assert answer.status == 400
    assert gateway.state()["credits"] == 1_000_000
