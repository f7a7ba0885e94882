"""A peer that says exactly the bytes that a test wants, and keeps the bytes that it heard.

The sandbox gateway speaks HTTP; this one need not: it resets, drips, lies and never ends.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

CERTIFICATE = Path(__file__).with_name("wire.pem")
"""Self-signed, for `localhost`; with its key, which opens nothing."""
PATIENCE = 10.0


@dataclass
class Heard:
    """What came over one connection, from its first byte to its end."""

    raw: bytes = b""
    ended: bool = False
    """The client has closed its side, or it was reset."""

    @property
    def head(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def requests(self) -> int:
        return self.raw.count(b" HTTP/1.")

    def header(self, name: str) -> str | None:
        for line in self.head.decode("latin-1").split("\r\n")[1:]:
            found, _, value = line.partition(":")
            if found.lower() == name.lower():
                return value.strip()
        return None


class Peer:
    """The server's end of one connection, in the hands of a script."""

    def __init__(
        self, sock: socket.socket, heard: Heard, stopping: threading.Event
    ) -> None:
        self.sock = sock
        self.heard = heard
        self.stopping = stopping

    def read_head(self) -> None:
        while b"\r\n\r\n" not in self.heard.raw and self._read():
            pass

    def read_request(self) -> None:
        self.read_head()
        length = int(self.heard.header("Content-Length") or 0)
        while len(self.heard.body) < length and self._read():
            pass
        if not length or len(self.heard.body) < length:
            # There was a connection, and no request came of it: nobody waits for an answer.
            raise ConnectionAbortedError

    @property
    def numbers(self) -> list[str]:
        found = json.loads(self.heard.body)["phone"]
        assert isinstance(found, list)
        return found

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def drip(self, data: bytes, pause: float) -> None:
        """One byte at a time, so many seconds apart."""
        for byte in data:
            if self.stopping.wait(pause):
                return
            self.send(bytes([byte]))

    def forever(self, piece: bytes) -> None:
        """The same again and again, until the client has enough."""
        while not self.stopping.is_set():
            self.send(piece)

    def say_nothing(self) -> None:
        """Hold the connection until the client gives up."""
        self.read_to_the_end()

    def reset(self) -> None:
        """RST instead of FIN."""
        linger = struct.pack("ii", 1, 0)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.sock.close()

    def read_to_the_end(self) -> None:
        while self._read():
            pass

    def _read(self) -> bool:
        data = self.sock.recv(65_536)
        self.heard.raw += data
        return bool(data)


Script = Callable[[Peer], None]


class Wire:
    """`with Wire(script) as wire: wire.url`; the script runs once for each connection."""

    def __init__(self, script: Script, *, tls: bool = False) -> None:
        self.script = script
        self.heard: list[Heard] = []
        self._tls = _tls_context() if tls else None
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._socks: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._start(self._accept)
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopping.set()
        for sock in (self._listener, *self._socks):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(PATIENCE)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        scheme, host = ("https", "localhost") if self._tls else ("http", "127.0.0.1")
        return f"{scheme}://{host}:{self.port}/sms_system/api.php"

    @property
    def requests(self) -> int:
        return sum(heard.requests for heard in self.heard)

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(PATIENCE)
            heard = Heard()
            self.heard.append(heard)
            self._start(self._serve, sock, heard)

    def _serve(self, sock: socket.socket, heard: Heard) -> None:
        with contextlib.suppress(OSError), self._wrapped(sock) as ready:
            self._socks.append(ready)
            self.script(Peer(ready, heard, self._stopping))
            if ready.fileno() != -1:
                # The plain method: SSLSocket's own would go on in clear text.
                socket.socket.shutdown(ready, socket.SHUT_WR)
                Peer(ready, heard, self._stopping).read_to_the_end()
        heard.ended = True

    def _wrapped(self, sock: socket.socket) -> socket.socket:
        if self._tls is None:
            return sock
        with sock:
            return self._tls.wrap_socket(sock, server_side=True)


def _tls_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context
