"""Writes a reply to the socket, whole or in the broken way that a fault asks for."""

from __future__ import annotations

import email.utils
import socket
import struct
import threading
from collections.abc import Callable
from http import HTTPStatus

from csms_campaigns.sandbox.answers import Reply

HUGE_START = b'{"success": true, "message": "'
HUGE_PIECE = b"x" * 65536
CHUNK = 40  # bytes, so that a small answer has several


def write(
    connection: socket.socket, reply: Reply, stopping: threading.Event, *, close: bool
) -> bool:
    """Write the reply and say whether all of it was written.

    "Written" means handed to the operating system while the client was there.
    """
    present = not (reply.delay and stopping.wait(reply.delay))
    present = present and not (reply.delay and _is_gone(connection))
    WRITERS[reply.wire](connection, reply, stopping, close)
    return present and reply.readable


def ends_connection(reply: Reply) -> bool:
    return reply.wire not in {"whole", "drip", "chunked"}


def head(reply: Reply, *fields: tuple[str, str], close: bool) -> bytes:
    phrase = HTTPStatus(reply.status).phrase if reply.status in KNOWN else "Odd"
    lines = [f"HTTP/1.1 {reply.status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in (*reply.headers, *fields)]
    lines.append(f"Content-Type: {reply.content_type}")
    lines.append(f"Date: {email.utils.formatdate(usegmt=True)}")
    if close:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


KNOWN = frozenset(HTTPStatus)


def _length(size: int) -> tuple[str, str]:
    return "Content-Length", str(size)


def _whole(
    connection: socket.socket, reply: Reply, _stopping: threading.Event, close: bool
) -> None:
    size = _length(len(reply.body))
    connection.sendall(head(reply, size, close=close) + reply.body)


def _lost(
    connection: socket.socket, reply: Reply, stopping: threading.Event, close: bool
) -> None:
    """Write nothing; the handler closes the connection."""


def reset(connection: socket.socket) -> None:
    """Let the close that follows send RST; see SandboxServer.shutdown_request."""
    linger = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


def is_reset(connection: socket.socket) -> bool:
    return connection.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == (
        struct.pack("ii", 1, 0)
    )


def _reset(
    connection: socket.socket, _reply: Reply, _stopping: threading.Event, _close: bool
) -> None:
    reset(connection)


def _wrong_length(
    connection: socket.socket, reply: Reply, _stopping: threading.Event, _close: bool
) -> None:
    size = _length(len(reply.body) + 100)
    connection.sendall(head(reply, size, close=True) + reply.body)


def _short_length(
    connection: socket.socket, reply: Reply, _stopping: threading.Event, _close: bool
) -> None:
    size = _length(len(reply.body) // 2)
    connection.sendall(head(reply, size, close=True) + reply.body)


def _drip(
    connection: socket.socket, reply: Reply, stopping: threading.Event, close: bool
) -> None:
    connection.sendall(head(reply, _length(len(reply.body)), close=close))
    for byte in reply.body:
        connection.sendall(bytes([byte]))
        if stopping.wait(reply.pause):
            break


def _huge(
    connection: socket.socket, reply: Reply, stopping: threading.Event, _close: bool
) -> None:
    connection.sendall(head(reply, close=True) + HUGE_START)
    while not stopping.is_set():
        connection.sendall(HUGE_PIECE)


def _chunked(
    connection: socket.socket, reply: Reply, _stopping: threading.Event, close: bool
) -> None:
    connection.sendall(head(reply, ("Transfer-Encoding", "chunked"), close=close))
    for start in range(0, len(reply.body), CHUNK):
        connection.sendall(chunk(reply.body[start : start + CHUNK]))
    connection.sendall(chunk(b""))


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(piece), piece)


WRITERS: dict[str, Callable[[socket.socket, Reply, threading.Event, bool], None]] = {
    "whole": _whole,
    "lost": _lost,
    "reset": _reset,
    "wrong_length": _wrong_length,
    "short_length": _short_length,
    "drip": _drip,
    "huge": _huge,
    "chunked": _chunked,
}


def _is_gone(connection: socket.socket) -> bool:
    """After a delay: has the client closed its side in the meantime?"""
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.setblocking(True)
