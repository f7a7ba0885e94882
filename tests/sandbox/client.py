"""A plain HTTP client for these tests, so that nothing of ours judges the sandbox."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any, NamedTuple

from csms_campaigns.sandbox.server import Sandbox

KEY = "cspro_your_secret_key_here"
TWO = ["+12125551234", "+13235554567"]


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def request(
    sandbox: Sandbox,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=30)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def post(sandbox: Sandbox, path: str, data: object) -> Answer:
    kind = {"Content-Type": "application/json"}
    return request(sandbox, "POST", path, json.dumps(data).encode(), kind)


def send(
    sandbox: Sandbox,
    phone: object = TWO,
    message: str = "Hello from us",
    *,
    key: str = KEY,
    path: str = "/sms_system/api.php",
) -> Answer:
    return post(sandbox, path, {"api_key": key, "phone": phone, "message": message})


def get(sandbox: Sandbox, path: str) -> Answer:
    return request(sandbox, "GET", path)


def control(sandbox: Sandbox, **changes: object) -> Answer:
    return post(sandbox, "/sandbox/control", changes)


def connect(sandbox: Sandbox) -> socket.socket:
    return socket.create_connection(("127.0.0.1", sandbox.port), timeout=30)


def raw_request(phone: object = TWO, *, close: bool = True) -> bytes:
    body = json.dumps({"api_key": KEY, "phone": phone, "message": "Hi"}).encode()
    lines = [
        "POST /sms_system/api.php HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Length: {len(body)}",
        f"Connection: {'close' if close else 'keep-alive'}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def delivered(sandbox: Sandbox) -> list[str]:
    rows = sandbox.deliveries
    return [str(row["phone"]) for row in rows if row["outcome"] == "delivered"]
