"""The examples of the provider's documentation get the documented answers."""

from __future__ import annotations

import pytest

from csms_campaigns.sandbox.server import Sandbox
from tests.sandbox.client import KEY, TWO, delivered, get, post, request, send

API = "/sms_system/api.php"


def test_an_array_of_numbers_gets_the_documented_answer_to_the_letter(start):
    answer = send(start(credits=100), TWO)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json == {
        "success": True,
        "message": "SMS sending completed",
        "total_numbers": 2,
        "successful_sends": 2,
        "failed_sends": 0,
        "remaining_credits": 98,
        "results": [
            {"phone": "+12125551234", "success": True, "message_id": "msg_123456"},
            {"phone": "+13235554567", "success": True, "message_id": "msg_123457"},
        ],
    }


@pytest.mark.parametrize("path", [API, "/api.php"])
@pytest.mark.parametrize(
    ("phone", "expected"),
    [
        ("+12125551234", ["+12125551234"]),
        ("+12125551234,+13235554567", TWO),
        (" +12125551234 , +13235554567, ", TWO),
        (["+12125551234"], ["+12125551234"]),
        (TWO, TWO),
    ],
)
def test_every_documented_form_of_phone(gateway, path, phone, expected):
    answer = send(gateway, phone, path=path).json
    assert [result["phone"] for result in answer["results"]] == expected
    assert answer["total_numbers"] == answer["successful_sends"] == len(expected)
    assert delivered(gateway) == expected


def test_a_wrong_key_gets_the_documented_refusal(gateway):
    answer = send(gateway, key="cspro_wrong")
    assert answer.status == 401
    assert answer.json == {
        "success": False,
        "error": "Invalid or inactive API key",
        "code": "INVALID_API_KEY",
    }
    assert delivered(gateway) == []


@pytest.mark.parametrize("missing", ["api_key", "phone", "message"])
@pytest.mark.parametrize("empty", [None, ""])
def test_a_missing_or_empty_parameter_is_named(gateway, missing, empty):
    data = {"api_key": KEY, "phone": TWO, "message": "Hello"}
    data[missing] = empty
    for body in (data, {name: v for name, v in data.items() if name != missing}):
        answer = post(gateway, API, body)
        assert (answer.status, answer.json["code"]) == (400, "MISSING_PARAMETER")
        assert missing in answer.json["error"]
    assert delivered(gateway) == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "INVALID_JSON"),
        (b"api_key=x&phone=1", "INVALID_JSON"),
        (b"[1, 2]", "INVALID_JSON"),
        (b'"text"', "INVALID_JSON"),
        (b"\xff\xfe", "INVALID_JSON"),
        (b"[" * 100_000, "INVALID_JSON"),
        (b'{"api_key": "k", "phone": 12, "message": "m"}', "INVALID_PHONE"),
        (b'{"api_key": "k", "phone": ",", "message": "m"}', "INVALID_PHONE"),
        (b'{"api_key": "k", "phone": [12], "message": "m"}', "INVALID_PHONE"),
        (b'{"api_key": "k", "phone": {"a": 1}, "message": "m"}', "INVALID_PHONE"),
        (b'{"api_key": 5, "phone": "1", "message": "m"}', "INVALID_PARAMETER"),
        (b'{"api_key": "k", "phone": "1", "message": ["m"]}', "INVALID_PARAMETER"),
    ],
)
def test_a_body_that_is_not_the_documented_one_is_refused(gateway, body, code):
    answer = request(gateway, "POST", API, body)
    assert (answer.status, answer.json["code"]) == (400, code)
    assert answer.json["success"] is False
    assert gateway.state()["refused"] == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_only_post_sends(gateway, method):
    answer = request(gateway, method, API, b"{}")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert answer.json["code"] == "METHOD_NOT_ALLOWED"


def test_head_gets_no_body(gateway):
    answer = request(gateway, "HEAD", API)
    assert (answer.status, answer.body) == (405, b"")


def test_another_address_is_not_found(gateway):
    assert get(gateway, "/elsewhere").status == 404
    assert post(gateway, "/elsewhere", {}).status == 404
    assert gateway.requests == []


def test_a_body_of_unknown_or_enormous_length_is_refused(gateway: Sandbox):
    for headers, status in (
        ({"Transfer-Encoding": "chunked"}, 411),
        ({"Content-Length": "99999999999"}, 413),
    ):
        answer = request(gateway, "POST", API, None, headers)
        assert answer.status == status
        assert answer.json["success"] is False
