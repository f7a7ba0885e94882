from __future__ import annotations

import threading

from tests.sandbox.client import TWO, delivered, send

LONG = "a" * 161  # two segments


def test_credits_run_out_in_the_middle_of_a_request(start):
    gateway = start(credits=1)
    answer = send(gateway, TWO)
    assert answer.status == 200
    assert answer.json["remaining_credits"] == 0
    assert answer.json["results"][1] == {
        "phone": TWO[1],
        "success": False,
        "error": "Insufficient credits",
        "code": "INSUFFICIENT_CREDITS",
    }
    assert delivered(gateway) == TWO[:1]


def test_without_credits_the_whole_request_is_refused(start):
    gateway = start(credits=0)
    answer = send(gateway)
    assert answer.status == 402
    assert answer.json == {
        "success": False,
        "error": "Insufficient credits",
        "code": "INSUFFICIENT_CREDITS",
    }
    assert delivered(gateway) == []


def test_a_number_costs_one_credit_however_long_the_text(start):
    assert send(start(credits=10), TWO, LONG).json["remaining_credits"] == 8


def test_or_one_for_each_segment(start):
    gateway = start(credits=5, credits_per="segment")
    assert send(gateway, TWO, LONG).json["remaining_credits"] == 1
    assert send(gateway, TWO, LONG).status == 402
    assert send(gateway, TWO, "short").json["failed_sends"] == 1
    assert gateway.state()["credits"] == 0


def test_credits_add_up_for_many_clients_at_once(start):
    gateway = start(credits=101, limits="none")
    threads = [
        threading.Thread(target=lambda: [send(gateway, TWO) for _ in range(10)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = gateway.deliveries
    ids = [row["message_id"] for row in rows if row["outcome"] == "delivered"]
    assert len(ids) == len(set(ids)) == 101
    assert gateway.state()["credits"] == 0


def test_requests_of_too_many_numbers(start):
    gateway = start(max_numbers=1)
    answer = send(gateway, TWO)
    assert (answer.status, answer.json["code"]) == (400, "TOO_MANY_NUMBERS")
    assert answer.json["error"] == "Too many numbers: at most 1 in one request"
    assert send(gateway, TWO[0]).status == 200
