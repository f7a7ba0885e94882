"""The sandbox as one object: start it, look at what it delivered, stop it."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from http.server import ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Self, TextIO

from csms_campaigns.sandbox import wire
from csms_campaigns.sandbox.gateway import SandboxGateway
from csms_campaigns.sandbox.handler import SandboxHandler
from csms_campaigns.sandbox.options import Options
from csms_campaigns.sandbox.record import DeliveryEntry
from csms_campaigns.sandbox.rules import JSON

STOP_SECONDS = 5.0  # for connections that are in the middle of an answer


class SandboxServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024  # a dropped SYN would come back a second later

    def __init__(
        self, address: tuple[str, int], gateway: SandboxGateway, log: TextIO | None
    ) -> None:
        self.gateway = gateway
        self.stopping = threading.Event()
        self._log = log
        self._log_lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._idle = threading.Condition()
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, SandboxHandler)

    def server_bind(self) -> None:
        """Leave out HTTPServer's look-up of the host's name, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        shown = f"[{host!s}]" if ":" in str(host) else host
        return f"http://{shown!s}:{port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._idle:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with contextlib.suppress(OSError):
            if not wire.is_reset(request):
                request.shutdown(socket.SHUT_WR)
        self.close_request(request)
        with self._idle:
            self._open.discard(request)
            self._idle.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        self.stopping.set()
        self.shutdown()
        self.server_close()
        with self._idle:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._idle.wait_for(lambda: not self._open, STOP_SECONDS)

    def log_deliveries(self, deliveries: Iterable[DeliveryEntry]) -> None:
        """Before the answer leaves, so that whatever was answered is in the file."""
        if self._log is None:
            return
        lines = [json.dumps(d.fact(), ensure_ascii=False) + "\n" for d in deliveries]
        with self._log_lock:
            self._log.writelines(lines)
            self._log.flush()

    def change(self, changes: Mapping[str, object]) -> None:
        options = dict(changes)
        reset = options.pop("reset", False)
        if not isinstance(reset, bool):
            msg = f"reset must be true or false, not {reset!r}."
            raise ValueError(msg)  # noqa: TRY004 - every wrong value is a ValueError
        self.gateway.control(options, reset=reset)


class Sandbox:
    """A local gateway: `with Sandbox(faults="lost:0.1") as sandbox: sandbox.url`.

    Options: limits, faults, latency, credits, credits_per, max_numbers, api_key,
    magic, seed; see docs/sandbox.md. A wrong one raises ValueError.
    The record can be read after `stop`; `start` then uses the same port again.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        delivered_log: str | Path | None = None,
        **options: object,
    ) -> None:
        self.gateway = SandboxGateway(Options().changed(options))
        self._address = (host, port)
        self._delivered_log = delivered_log
        self._log: TextIO | None = None
        self._server: SandboxServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """OSError: the port is taken, or the log can't be written."""
        if self._server is not None:
            msg = "This sandbox is running already."
            raise RuntimeError(msg)
        if self._delivered_log is not None:
            self._log = open(self._delivered_log, "a", encoding="utf-8")  # noqa: SIM115 - closed by stop()
        try:
            self._server = SandboxServer(self._address, self.gateway, self._log)
        except OSError:
            self._close_log()
            raise
        self._address = (self._address[0], self._server.server_port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="sandbox", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """End all connections and free the port; harmless when not running."""
        if self._server is None or self._thread is None:
            return
        self._server.stop()
        self._thread.join()
        self._server = self._thread = None
        self._close_log()

    def _close_log(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def page_url(self) -> str:
        host, port = self._address
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    @property
    def url(self) -> str:
        """What belongs in API_URL."""
        return f"{self.page_url}sms_system/api.php"

    @property
    def port(self) -> int:
        """0 before the first start, if none was asked for."""
        return self._address[1]

    def state(self) -> JSON:
        return self.gateway.state()

    @property
    def deliveries(self) -> list[JSON]:
        """The rows of /sandbox/deliveries.json, all of them."""
        return self.gateway.deliveries()

    @property
    def requests(self) -> list[JSON]:
        """The rows of /sandbox/requests.json, all of them."""
        return self.gateway.requests()

    def control(self, *, reset: bool = False, **options: object) -> None:
        self.gateway.control(options, reset=reset)

    def wait_until_idle(self, seconds: float = 5.0) -> bool:
        """Whether no request is in flight any more; a request that is on its way to
        the server doesn't count."""
        deadline = time.monotonic() + seconds
        while self.state()["in_flight"] and time.monotonic() < deadline:
            time.sleep(0.005)
        return not self.state()["in_flight"]
