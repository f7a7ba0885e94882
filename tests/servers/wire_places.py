"""Addresses at which a request meets its fate: `with place() as where: where.url`."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from unittest import mock

from tests.servers.wire import CERTIFICATE, Heard, Script, Wire


@dataclass
class Where:
    url: str
    heard: list[Heard] = field(default_factory=list)


Place = Callable[[], AbstractContextManager[Where]]


def serving(script: Script, *, tls: bool = False) -> Place:
    @contextlib.contextmanager
    def place() -> Iterator[Where]:
        trust = trusting_ours() if tls else contextlib.nullcontext()
        with trust, Wire(script, tls=tls) as wire:
            yield Where(wire.url, wire.heard)

    return place


def trusting_ours() -> AbstractContextManager[object]:
    """As if the certificate of `Wire` were one of the world's authorities."""
    return mock.patch("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(CERTIFICATE))


@contextlib.contextmanager
def no_such_name() -> Iterator[Where]:
    """The system's resolver knows no such name; asking a real one would leave the machine."""
    real = socket.getaddrinfo

    def resolve(host: str, *args: object, **kwargs: object) -> object:
        if host == "nobody.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *args, **kwargs)  # type: ignore[arg-type]

    with mock.patch("socket.getaddrinfo", resolve):
        yield Where("https://nobody.invalid/sms_system/api.php")


@contextlib.contextmanager
def nobody_listens() -> Iterator[Where]:
    """The port is held by a socket that does not listen, so nobody else takes it meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield Where(_url(held))


@contextlib.contextmanager
def nobody_accepts() -> Iterator[Where]:
    """The queue of new connections is full: the system leaves each further SYN unanswered."""
    with contextlib.ExitStack() as held:
        listener = held.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        while _joins_queue(held, listener.getsockname()):
            pass
        yield Where(_url(listener))


def _joins_queue(held: contextlib.ExitStack, address: tuple[str, int]) -> bool:
    waiting = held.enter_context(socket.socket())
    waiting.settimeout(0.2)
    try:
        waiting.connect(address)
    except TimeoutError:
        return False
    return True


@contextlib.contextmanager
def untrusted_certificate() -> Iterator[Where]:
    with Wire(_never, tls=True) as wire:
        yield Where(wire.url, wire.heard)


@contextlib.contextmanager
def certificate_of_another() -> Iterator[Where]:
    with trusting_ours(), Wire(_never, tls=True) as wire:
        yield Where(wire.url.replace("localhost", "127.0.0.1"), wire.heard)


@contextlib.contextmanager
def no_tls_at_all() -> Iterator[Where]:
    with Wire(lambda peer: peer.send(b"HTTP/1.1 400 Bad\r\n\r\n")) as wire:
        yield Where(wire.url.replace("http://", "https://"), wire.heard)


@contextlib.contextmanager
def silent_handshake() -> Iterator[Where]:
    """TCP stands, and nothing ever comes of TLS."""
    with Wire(lambda peer: peer.say_nothing()) as wire:
        yield Where(wire.url.replace("http://", "https://"), wire.heard)


def _never(_peer: object) -> None:
    message = "no request may get here"
    raise AssertionError(message)


def _url(sock: socket.socket) -> str:
    return f"http://127.0.0.1:{sock.getsockname()[1]}/sms_system/api.php"
