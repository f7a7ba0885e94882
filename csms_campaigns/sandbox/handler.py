"""One HTTP connection: the gateway's own address, the sandbox's page and its JSON."""

from __future__ import annotations

import csv
import io
import json
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qs

from csms_campaigns.sandbox import page, wire
from csms_campaigns.sandbox.answers import REDIRECTED_PATH, Reply, json_reply
from csms_campaigns.sandbox.gateway import Exchange
from csms_campaigns.sandbox.rules import JSON, NOT_POST, Refusal

if TYPE_CHECKING:
    from csms_campaigns.sandbox.server import SandboxServer

API_PATHS = frozenset({"/sms_system/api.php", "/api.php"})
MOST_BYTES = 20_000_000
MOST_ROWS = 10_000
NO_LENGTH = Refusal(411, "LENGTH_REQUIRED", "Send the body with a Content-Length")
TOO_LARGE = Refusal(413, "BODY_TOO_LARGE", "The body is too large")
CSV_COLUMNS = (
    "number", "phone", "message_id", "outcome", "code",
    "error", "request", "at", "answered", "message",
)  # fmt: skip


class SandboxHandler(BaseHTTPRequestHandler):
    server: SandboxServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle_one_request(self) -> None:
        """Stamp the arrival when the first byte of the request line has been read."""
        try:
            if not cast("io.BufferedReader", self.rfile).peek(1):
                self.close_connection = True
                return
            self.arrived = time.monotonic()
            super().handle_one_request()
        except OSError:  # the client went away, or a stop shut the socket down
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what happened is in the record."""

    def answer_any_method(self) -> None:
        self.path, _, query = self.path.partition("?")
        if self.path in API_PATHS:
            self._gateway_request()
        elif self.path == REDIRECTED_PATH:
            self._redirected()
        elif self.command == "POST" and self.path == "/sandbox/control":
            self._control()
        elif self.command in {"GET", "HEAD"}:
            self._look(query)
        else:
            self._reply(Reply(404, b"Not found\n", "text/plain"), close=True)

    do_GET = do_HEAD = do_POST = do_PUT = answer_any_method  # noqa: N815
    do_PATCH = do_DELETE = do_OPTIONS = answer_any_method  # noqa: N815

    # The gateway

    def _gateway_request(self) -> None:
        gateway = self.server.gateway
        exchange = gateway.open(self.arrived, is_post=self.command == "POST")
        status, answered = None, False
        try:
            reply = self._gateway_reply(exchange)
            if reply is not None:
                status = None if reply.wire in {"lost", "reset"} else reply.status
                answered = self._reply(reply, close=self.close_connection)
        finally:
            gateway.close(exchange, status, answered=answered)

    def _gateway_reply(self, exchange: Exchange) -> Reply | None:
        gateway = self.server.gateway
        if exchange.fault and exchange.fault.name == "reset_before":
            gateway.strike(exchange)
            wire.reset(self.connection)
            self.close_connection = True
            return None
        body = self._read_body()
        if isinstance(body, Refusal):
            return gateway.refuse(exchange, body)
        if self.command != "POST":
            return gateway.refuse(exchange, NOT_POST)
        if body is None:
            return None
        reply = gateway.answer(exchange, body)
        self.server.log_deliveries(exchange.deliveries)
        return reply

    def _read_body(self) -> bytes | Refusal | None:
        """None: the client went away in the middle of it."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            if self.command != "POST" and "Transfer-Encoding" not in self.headers:
                return b""
            self.close_connection = True
            return NO_LENGTH
        if int(length) > MOST_BYTES:
            self.close_connection = True
            return TOO_LARGE
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True
            return None
        return body

    def _reply(self, reply: Reply, *, close: bool = False) -> bool:
        self.close_connection = close or wire.ends_connection(reply)
        if self.command == "HEAD":
            size = ("Content-Length", str(len(reply.body)))
            self.connection.sendall(wire.head(reply, size, close=close))
            return True
        return wire.write(self.connection, reply, self.server.stopping, close=close)

    # The sandbox's own addresses

    def _redirected(self) -> None:
        self._read_body()
        self.server.gateway.redirected()
        refusal = Refusal(400, "REDIRECT_FOLLOWED", "A redirect was followed")
        self._reply(json_reply(refusal.payload(), 400), close=True)

    def _control(self) -> None:
        # A page of another site may send a form to loopback, but not this type.
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip()
        body = self._read_body()
        if kind != "application/json" or not isinstance(body, bytes):
            error = "Send a JSON object with Content-Type: application/json."
            self._reply(json_reply({"error": error}, 400), close=True)
            return
        try:
            changes = json.loads(body)
            if not isinstance(changes, dict):
                raise TypeError
            self.server.change(changes)
        except TypeError:
            self._reply(json_reply({"error": "The body is not a JSON object."}, 400))
        except ValueError as error:
            self._reply(json_reply({"error": str(error)}, 400))
        else:
            self._reply(json_reply(self.server.gateway.state()))

    def _look(self, query: str) -> None:
        gateway = self.server.gateway
        match self.path:
            case "/":
                text = page.render(gateway.state(), gateway.latest(), self.server.url)
                self._reply(page.reply(text))
            case "/sandbox/style.css":
                self._reply(page.STYLE)
            case "/sandbox/page.js":
                self._reply(page.SCRIPT)
            case "/sandbox/state.json":
                self._reply(json_reply(gateway.state()))
            case "/sandbox/requests.json" | "/sandbox/deliveries.json":
                self._rows(query)
            case "/sandbox/deliveries.csv":
                self._csv()
            case _:
                self._reply(Reply(404, b"Not found\n", "text/plain"))

    def _rows(self, query: str) -> None:
        gateway = self.server.gateway
        kind = self.path.removeprefix("/sandbox/").removesuffix(".json")
        try:
            after = _whole(query, "after", 0)
            limit = min(_whole(query, "limit", 1000), MOST_ROWS)
        except ValueError as error:
            self._reply(json_reply({"error": str(error)}, 400))
            return
        read = gateway.requests if kind == "requests" else gateway.deliveries
        rows = read(after, limit)
        following = after + len(rows) if rows else None
        self._reply(json_reply({kind: rows, "next": following}))

    def _csv(self) -> None:
        """Stream page by page, so that memory doesn't grow with the record."""
        start = Reply(200, b"", "text/csv; charset=utf-8")
        field = ("Transfer-Encoding", "chunked")
        self.connection.sendall(wire.head(start, field, close=False))
        self.connection.sendall(wire.chunk(",".join(CSV_COLUMNS).encode() + b"\r\n"))
        after = 0
        while rows := self.server.gateway.deliveries(after, 5000):
            self.connection.sendall(wire.chunk(_csv_lines(rows)))
            after += len(rows)
        self.connection.sendall(wire.chunk(b""))


def _csv_lines(rows: list[JSON]) -> bytes:
    text = io.StringIO()
    csv.DictWriter(text, CSV_COLUMNS).writerows(rows)
    return text.getvalue().encode()


def _whole(query: str, name: str, default: int) -> int:
    value = parse_qs(query).get(name, [str(default)])[-1]
    if not value.isdecimal():
        msg = f"{name} must be a whole number from 0, not {value!r}."
        raise ValueError(msg)
    return int(value)
