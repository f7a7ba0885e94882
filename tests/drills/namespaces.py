"""A machine of its own for a worker: a network namespace, with one cable to each server.

The servers of a test run listen on the loopback of this machine, so here each cable ends in a
relay to them. A cable that is cut drops what is sent, and says nothing to either side.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.drills.processes import DrillWorker

CLONE_NEWNET = 0x40000000


def what_is_missing() -> str:
    """For a network of its own for a worker; empty if nothing is."""
    if os.geteuid() != 0:
        return "root"
    if shutil.which("ip") is None:
        return "the program ip (iproute2)"
    if not _can_be_made():
        return "the right to make network namespaces (CAP_SYS_ADMIN, CAP_NET_ADMIN)"
    return ""


def _can_be_made() -> bool:
    name = f"csms-try-{secrets.token_hex(3)}"
    try:
        _ip("netns", "add", name)
        _ip("netns", "del", name)
    except subprocess.CalledProcessError:
        return False
    return True


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=20)


@dataclass
class Cable:
    """Between us (`address`) and the namespace, for one port of ours."""

    name: str
    address: str
    port: int

    def cut(self) -> None:
        # Our end: at the other one the kernel would tell the worker that there is no way.
        _ip("link", "set", "dev", self.name, "down")

    def mend(self) -> None:
        _ip("link", "set", "dev", self.name, "up")


@dataclass
class Namespace:
    name: str = field(default_factory=lambda: f"csms-{secrets.token_hex(3)}")
    net: int = field(default_factory=lambda: secrets.randbelow(250))
    cables: int = 0
    running: ExitStack = field(default_factory=ExitStack)

    def cable(self, port: int) -> Cable:
        """Our `port`, at an address that the namespace reaches."""
        end = f"{self.name[5:]}{self.cables}"
        first = 4 * self.cables + 1
        ours, theirs = (f"10.213.{self.net}.{first + i}" for i in range(2))
        self.cables += 1
        _ip(
            *["link", "add", f"c{end}", "type", "veth"],
            *["peer", "name", f"w{end}", "netns", self.name],
        )
        _ip("addr", "add", f"{ours}/30", "dev", f"c{end}")
        _ip("link", "set", "dev", f"c{end}", "up")
        # With one end the other goes, and the namespace may outlive its name for a while.
        self.running.callback(_ip, "link", "del", "dev", f"c{end}")
        self._inside("addr", "add", f"{theirs}/30", "dev", f"w{end}")
        self._inside("link", "set", "dev", f"w{end}", "up")
        server = socket.create_server((ours, port))
        self.running.enter_context(relay(server, port))
        return Cable(f"c{end}", ours, port)

    def loopback(self, port: int) -> None:
        """Our `port`, on the loopback of the namespace: no cable, and nothing to cut."""
        self.running.enter_context(relay(self._listen_inside(port), port))

    def _inside(self, *words: str) -> None:
        _ip("-n", self.name, *words)

    def _listen_inside(self, port: int) -> socket.socket:
        """A socket stays in the namespace in which it was made; a thread may visit one."""
        made: list[socket.socket] = []

        def make() -> None:
            with Path("/run/netns", self.name).open() as place:
                libc = ctypes.CDLL(None, use_errno=True)
                if libc.setns(place.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            made.append(socket.create_server(("127.0.0.1", port)))

        visitor = threading.Thread(target=make)
        visitor.start()
        visitor.join()
        return made[0]


@contextmanager
def namespace() -> Iterator[Namespace]:
    made = Namespace()
    _ip("netns", "add", made.name)
    try:
        _ip("-n", made.name, "link", "set", "dev", "lo", "up")
        with made.running:
            yield made
    finally:
        _ip("netns", "del", made.name)


@contextmanager
def relay(server: socket.socket, port: int) -> Iterator[None]:
    """Whoever connects to `server` speaks with our `port`."""
    with ExitStack() as talks:
        accepting = threading.Thread(
            target=_accept, args=(server, port, talks), daemon=True
        )
        accepting.start()
        try:
            yield
        finally:
            # An accept that waits is not ended by closing its socket.
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            accepting.join(10)
            server.close()


def _accept(server: socket.socket, port: int, talks: ExitStack) -> None:
    while True:
        try:
            theirs = server.accept()[0]
            ours = socket.create_connection(("127.0.0.1", port))
        except OSError:
            return
        for source, target in ((theirs, ours), (ours, theirs)):
            pump = threading.Thread(target=_pump, args=(source, target), daemon=True)
            pump.start()
            talks.callback(pump.join, 10)
        for one in (theirs, ours):
            talks.callback(one.close)
            talks.callback(_end(one))


def _end(one: socket.socket) -> Callable[[], None]:
    def end() -> None:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)

    return end


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@dataclass
class FarWorker(DrillWorker):
    """A worker in a namespace."""

    inside: str = ""

    def _command(self) -> list[str]:
        return ["ip", "netns", "exec", self.inside, *super()._command()]
