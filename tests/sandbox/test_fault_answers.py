"""Each fault over a real socket: what the client sees, and what was delivered."""

from __future__ import annotations

import email.utils
import http.client
import json
import time

import pytest

from csms_campaigns.sandbox.faults import FAULTS
from tests.polling import wait_until
from tests.sandbox.client import TWO, connect, delivered, raw_request, send

FOUR = [*TWO, "+14155550111", "+14155550112"]


def struck(start, fault, phones=FOUR):
    gateway = start(faults=f"{fault}@1", credits=100)
    answer = send(gateway, phones)
    assert gateway.wait_until_idle()
    [row] = gateway.requests
    assert row["fault"] == fault.partition("=")[0]
    assert row["delivered"] == len(delivered(gateway))
    return gateway, answer


REFUSALS = [
    ("refuse", 400, "REQUEST_REFUSED"),
    ("refuse=200", 200, "REQUEST_REFUSED"),
    ("refuse=599", 599, "REQUEST_REFUSED"),
    ("key", 401, "INVALID_API_KEY"),
    ("credits", 402, "INSUFFICIENT_CREDITS"),
    ("rate_limit", 429, "RATE_LIMIT_EXCEEDED"),
    ("rate_limit_date", 429, "RATE_LIMIT_EXCEEDED"),
    ("unavailable", 503, "SERVICE_UNAVAILABLE"),
    ("refuse_number", 400, "INVALID_NUMBER"),
]


@pytest.mark.parametrize(("fault", "status", "code"), REFUSALS)
def test_refusals_deliver_nothing(start, fault, status, code):
    gateway, answer = struck(start, fault)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.json["success"] is False
    assert "results" not in answer.json
    assert delivered(gateway) == []
    assert gateway.state()["credits"] == 100
    assert gateway.state()["refused"] == 1
    assert gateway.state()["violations"] == 0


def test_retry_after_in_seconds_and_as_a_date(start):
    _, answer = struck(start, "rate_limit=7")
    assert answer.headers["Retry-After"] == "7"
    before = int(time.time())
    _, answer = struck(start, "rate_limit_date=90")
    until = email.utils.parsedate_to_datetime(answer.headers["Retry-After"])
    assert before + 90 <= until.timestamp() <= time.time() + 90
    _, answer = struck(start, "unavailable=3")
    assert answer.headers["Retry-After"] == "3"


def test_refuse_number_names_a_number_of_the_request(start):
    _, answer = struck(start, "refuse_number")
    assert answer.json["error"].rpartition(" ")[2] in FOUR


@pytest.mark.parametrize(
    ("fault", "status", "count"),
    [("500_before", 500, 0), ("500", 500, 2), ("status=403", 403, 0), ("html", 200, 4)],
)
def test_pages_instead_of_json(start, fault, status, count):
    gateway, answer = struck(start, fault)
    assert (answer.status, answer.headers.get_content_type()) == (status, "text/html")
    assert delivered(gateway) == FOUR[:count]


def test_half_of_a_single_number_is_nobody(start):
    gateway, answer = struck(start, "500", FOUR[:1])
    assert answer.status == 500
    assert delivered(gateway) == []


def test_a_redirect_that_counts_its_visitors(start):
    gateway, answer = struck(start, "redirect")
    assert (answer.status, delivered(gateway)) == (307, [])
    assert answer.headers["Location"] == "/sandbox/redirected"
    assert gateway.state()["redirected"] == 0
    assert send(gateway, path=answer.headers["Location"]).status == 400
    assert gateway.state()["redirected"] == 1
    assert delivered(gateway) == []


@pytest.mark.parametrize(
    ("fault", "error", "count", "answered"),
    [
        ("lost", http.client.RemoteDisconnected, 4, False),
        ("reset", ConnectionResetError, 4, False),
        ("wrong_length", http.client.IncompleteRead, 4, False),
    ],
)
def test_answers_that_break_off(start, fault, error, count, answered):
    gateway = start(faults=f"{fault}@1")
    with pytest.raises(error):
        send(gateway, FOUR)
    assert gateway.wait_until_idle()
    assert delivered(gateway) == FOUR[:count]
    assert {row["answered"] for row in gateway.deliveries} == {answered}
    assert send(gateway, TWO).status == 200


def test_reset_before_the_body_delivers_nothing(start):
    gateway = start(faults="reset_before@1")
    with connect(gateway) as client:
        head = raw_request().partition(b"\r\n\r\n")[0]
        client.sendall(head + b"\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    [row] = gateway.requests
    assert (row["fault"], row["status"], row["bytes"]) == ("reset_before", None, 0)
    assert delivered(gateway) == []


@pytest.mark.parametrize(("fault", "body"), [("empty", {}), ("list", [])])
def test_json_without_content(start, fault, body):
    gateway, answer = struck(start, fault)
    assert (answer.status, answer.json) == (200, body)
    assert delivered(gateway) == FOUR


@pytest.mark.parametrize("fault", ["broken_json", "short_length"])
def test_json_cut_off_in_the_middle(start, fault):
    gateway, answer = struck(start, fault)
    assert answer.status == 200
    assert answer.body.startswith(b'{"success": true')
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.body)
    assert delivered(gateway) == FOUR
    assert not any(row["answered"] for row in gateway.deliveries)


def test_a_body_without_end(start):
    gateway = start(faults="huge@1")
    with connect(gateway) as client:
        client.sendall(raw_request())
        got = 0
        while got < 3_000_000:
            got += len(client.recv(65536))
    assert gateway.wait_until_idle()
    assert delivered(gateway) == TWO
    assert not any(row["answered"] for row in gateway.deliveries)


def test_a_late_answer_comes(start):
    gateway = start(faults="slow=0.3@1")
    asked = time.monotonic()
    answer = send(gateway, FOUR)
    assert time.monotonic() - asked >= 0.3
    assert answer.json["successful_sends"] == 4
    assert gateway.wait_until_idle()
    assert all(row["answered"] for row in gateway.deliveries)


def test_who_left_before_the_late_answer_has_none(start):
    gateway = start(faults="slow=0.3@1")
    with connect(gateway) as client:
        client.sendall(raw_request())
    wait_until(lambda: gateway.deliveries)
    assert gateway.wait_until_idle()
    assert delivered(gateway) == TWO
    assert not any(row["answered"] for row in gateway.deliveries)


@pytest.mark.parametrize("fault", ["chunked", "drip=0.0001"])
def test_right_answers_in_pieces(start, fault):
    gateway, answer = struck(start, fault)
    assert [result["phone"] for result in answer.json["results"]] == FOUR
    assert all(row["answered"] for row in gateway.deliveries)
    chunked = answer.headers["Transfer-Encoding"] == "chunked"
    assert chunked == (fault == "chunked")


def test_one_number_is_left_out(start):
    gateway, answer = struck(start, "leave_out")
    named = [result["phone"] for result in answer.json["results"]]
    assert len(named) == 3
    assert answer.json["successful_sends"] == 4
    assert delivered(gateway) == FOUR
    silent = [row["phone"] for row in gateway.deliveries if not row["answered"]]
    assert sorted([*named, *silent]) == sorted(FOUR)


def test_one_number_more(start):
    gateway, answer = struck(start, "extra")
    named = [result["phone"] for result in answer.json["results"]]
    assert named[:4] == FOUR
    assert len(named) == 5
    assert named[4] not in delivered(gateway)


def test_one_number_twice(start):
    gateway, answer = struck(start, "twice")
    named = [result["phone"] for result in answer.json["results"]]
    assert len(named) == 5
    assert set(named) == set(FOUR)
    assert gateway.state()["twice"] == 0


def test_odd_numbers_have_the_same_digits(start):
    gateway, answer = struck(start, "odd_numbers")
    named = [result["phone"] for result in answer.json["results"]]
    digits = ["".join(filter(str.isdigit, str(phone))) for phone in named]
    assert [f"+{number}" for number in digits] == FOUR[::-1]
    assert any(isinstance(phone, int) for phone in named)
    assert any(" " in str(phone) for phone in named)
    assert not set(named) & set(FOUR)
    ids = {row["phone"]: row["message_id"] for row in gateway.deliveries}
    answered = {
        f"+{d}": r["message_id"] for d, r in zip(digits, answer.json["results"])
    }
    assert answered == ids


@pytest.mark.parametrize(
    ("fault", "field", "value"),
    [
        ("success_false", "success", False),
        ("success_string", "success", "true"),
        ("credits_string", "remaining_credits", "96"),
        ("credits_negative", "remaining_credits", -5),
        ("bad_counts", "successful_sends", 5),
    ],
)
def test_odd_fields(start, fault, field, value):
    gateway, answer = struck(start, fault)
    assert answer.json[field] == value
    assert [result["phone"] for result in answer.json["results"]] == FOUR
    assert delivered(gateway) == FOUR
    assert gateway.state()["credits"] == 96


def test_no_credits_in_the_answer(start):
    _, answer = struck(start, "credits_missing")
    assert "remaining_credits" not in answer.json
    assert len(answer.json["results"]) == 4


@pytest.mark.parametrize(("fault", "failures"), [("fail", 1), ("fail_all", 4)])
def test_numbers_that_fail(start, fault, failures):
    gateway, answer = struck(start, fault)
    failed = [r["phone"] for r in answer.json["results"] if not r["success"]]
    assert len(failed) == answer.json["failed_sends"] == failures
    assert answer.json["successful_sends"] == 4 - failures
    assert sorted([*failed, *delivered(gateway)]) == sorted(FOUR)
    assert gateway.state()["credits"] == 96 + failures
    assert gateway.state()["failed"] == failures


def test_which_number_is_struck_depends_on_the_seed(start):
    def victim(seed):
        gateway = start(faults="fail@1", seed=seed)
        results = send(gateway, FOUR).json["results"]
        return next(r["phone"] for r in results if not r["success"])

    assert victim(3) == victim(3)
    assert len({victim(seed) for seed in range(12)}) > 1


@pytest.mark.parametrize("fault", FAULTS)
def test_after_any_fault_the_next_request_is_served(start, fault):
    gateway = start(faults=f"{fault}{SHORT.get(fault, '')}@1")
    with connect(gateway) as client:
        client.sendall(raw_request())
        try:
            client.recv(10)
        except ConnectionResetError:
            pass
    assert send(gateway, TWO).json["successful_sends"] == 2


SHORT = {"slow": "=0.01", "drip": "=0.0001"}
