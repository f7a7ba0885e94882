"""How a request goes over the wire: its bytes, its one connection, its gate and its bounds."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from csms_campaigns.gateway.client import MAX_BODY, GatewayClient
from csms_campaigns.gateway.errors import AnswerLost, PermitExpired, Unreachable
from tests.gateway import KEY, NUMBERS
from tests.servers import wire_places
from tests.servers.wire import Peer, Wire
from tests.servers.wire_scripts import (
    CHUNKED,
    NO_LENGTH,
    answers,
    bomb,
    changed,
    closes,
    drips,
    endless,
    redirects,
    response,
    says_nothing,
)

pytestmark = pytest.mark.once
Start = Callable[..., Wire]
Make = Callable[..., GatewayClient]
Until = Callable[..., object]

HASTY = (0.3, 0.5)


def test_the_request_is_the_documented_one(wire: Start, client: Make) -> None:
    gateway = wire(answers())
    client(gateway.url).send(NUMBERS, "Grüße 🙂\n{{ name }}")
    (heard,) = gateway.heard
    assert heard.head.startswith(b"POST /sms_system/api.php HTTP/1.1\r\n")
    assert heard.header("Content-Type") == "application/json"
    assert heard.header("Connection") == "close"
    assert heard.header("Content-Length") == str(len(heard.body))
    assert json.loads(heard.body) == {
        "api_key": KEY,
        "phone": NUMBERS,
        "message": "Grüße 🙂\n{{ name }}",
    }


def test_the_key_stands_in_the_body_and_nowhere_else(wire: Start, client: Make) -> None:
    gateway = wire(answers())
    client(gateway.url).send(NUMBERS, "Hello")
    (heard,) = gateway.heard
    assert KEY.encode() not in heard.head
    assert heard.body.count(KEY.encode()) == 1


def test_no_header_offers_what_is_not_wanted(wire: Start, client: Make) -> None:
    gateway = wire(answers())
    client(gateway.url).send(NUMBERS, "Hello")
    (heard,) = gateway.heard
    assert heard.header("Accept-Encoding") == "identity"
    for name in ("Authorization", "Cookie", "Expect", "Transfer-Encoding"):
        assert heard.header(name) is None


def test_each_request_has_a_connection_of_its_own(wire: Start, client: Make) -> None:
    def keeps_alive(peer: Peer) -> None:
        answers()(peer)
        peer.read_to_the_end()

    gateway = wire(keeps_alive)
    ours = client(gateway.url)
    for _ in range(3):
        ours.send(NUMBERS, "Hello")
    assert [heard.requests for heard in gateway.heard] == [1, 1, 1]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(status: int, wire: Start, client: Make) -> None:
    elsewhere = wire(answers())
    gateway = wire(redirects(status, elsewhere.url))
    with pytest.raises(AnswerLost):
        client(gateway.url).send(NUMBERS, "Hello")
    assert (gateway.requests, elsewhere.heard) == (1, [])


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wire: Start) -> Wire:
    """A machine that wants all traffic to go through its proxy, and knows passwords."""
    proxy = wire(answers())
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv(name.upper(), proxy.url)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1\nlogin somebody\npassword secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    return proxy


def test_proxies_and_passwords_of_the_environment_are_ignored(
    environment: Wire, wire: Start, client: Make
) -> None:
    gateway = wire(answers())
    client(gateway.url).send(NUMBERS, "Hello")
    assert environment.heard == []
    assert gateway.heard[0].header("Authorization") is None


def test_the_environment_cannot_name_an_authority(
    monkeypatch: pytest.MonkeyPatch, client: Make
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(wire_places.CERTIFICATE))
    with wire_places.untrusted_certificate() as where, pytest.raises(Unreachable):
        client(where.url).send(NUMBERS, "Hello")


def test_a_request_without_an_answer_is_not_repeated(wire: Start, client: Make) -> None:
    gateway = wire(closes)
    with pytest.raises(AnswerLost):
        client(gateway.url).send(NUMBERS, "Hello")
    assert (len(gateway.heard), gateway.requests) == (1, 1)


# The gate


def expired() -> None:
    message = "the connection stood too late"
    raise PermitExpired(message)


@pytest.mark.parametrize("tls", [False, True])
def test_an_expired_permit_lets_not_a_byte_out(
    tls: bool, client: Make, wait_until: Until
) -> None:
    with wire_places.serving(says_nothing, tls=tls)() as where:
        with pytest.raises(PermitExpired) as caught:
            client(where.url).send(NUMBERS, "Hello", expired)
        assert caught.value.nothing_sent is True
        wait_until(lambda: where.heard and where.heard[0].ended)
        assert [heard.raw for heard in where.heard] == [b""]


def test_a_gate_that_breaks_lets_not_a_byte_out(
    wire: Start, client: Make, wait_until: Until
) -> None:
    gateway = wire(says_nothing)
    with pytest.raises(Unreachable, match="ZeroDivisionError"):
        client(gateway.url).send(NUMBERS, "Hello", lambda: 1 / 0)
    wait_until(lambda: gateway.heard and gateway.heard[0].ended)
    assert gateway.heard[0].raw == b""


@pytest.mark.parametrize("tls", [False, True])
def test_the_gate_is_asked_once_when_the_connection_stands(
    tls: bool, client: Make
) -> None:
    seen: list[list[bytes]] = []
    with wire_places.serving(answers(), tls=tls)() as where:
        client(where.url).send(
            NUMBERS, "Hello", lambda: seen.append([h.raw for h in where.heard])
        )
    assert len(seen) == 1
    assert all(raw == b"" for raw in seen[0])


def test_no_gate_is_asked_where_no_connection_stands(client: Make) -> None:
    asked: list[bool] = []
    with wire_places.nobody_listens() as where, pytest.raises(Unreachable):
        client(where.url).send(NUMBERS, "Hello", lambda: asked.append(True))
    assert asked == []


# Bounds


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("from_head", [False, True])
def test_dripping_ends_when_the_time_is_over(
    tls: bool, from_head: bool, client: Make
) -> None:
    """At this pace the answer would take a minute: only the bound on the whole can end it."""
    script = drips(0.2, from_head=from_head)
    with wire_places.serving(script, tls=tls)() as where:
        with pytest.raises(AnswerLost):
            client(where.url, HASTY).send(NUMBERS, "Hello")
        assert not where.heard[0].ended


def test_a_slow_resolver_cannot_lift_the_bound(
    wire: Start, client: Make, monkeypatch: pytest.MonkeyPatch, wait_until: Until
) -> None:
    """The time was over before there was a socket that could be shut."""
    real, timers = socket.getaddrinfo, threading.Timer
    gateway = wire(drips(0.2))

    def resolve(*args: object, **kwargs: object) -> object:
        wait_until(
            lambda: not any(isinstance(t, timers) for t in threading.enumerate())
        )
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(Unreachable):
        client(gateway.url, HASTY).send(NUMBERS, "Hello")
    assert gateway.requests == 0


SPACE = b" " * 65_536
ENDLESS = {
    "body": endless(response(b"", 200, NO_LENGTH), SPACE),
    "body of a length": endless(
        response(b"", 200, ("Content-Length", "1" * 15)), SPACE
    ),
    "chunks": endless(
        response(b"", 200, NO_LENGTH, CHUNKED), b"10000\r\n" + SPACE + b"\r\n"
    ),
    "one chunk": endless(
        response(b"", 200, NO_LENGTH, CHUNKED) + b"fffffffffff\r\n", SPACE
    ),
    "chunk's size": endless(response(b"", 200, NO_LENGTH, CHUNKED), b"0" * 65_536),
    "header": endless(b"HTTP/1.1 200 OK\r\nX: ", SPACE),
    "headers": endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "status line": endless(b"HTTP/1.1 200 ", SPACE),
    "body of a redirect": endless(
        response(b"", 307, NO_LENGTH, ("Location", "/x")), SPACE
    ),
    "gzip": bomb(64),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_what_never_ends_is_cut_off(what: str, wire: Start, client: Make) -> None:
    """By its size, long before its time: the peer sends as fast as the machine can."""
    gateway = wire(ENDLESS[what])
    timeouts: list[str] = []
    try:
        client(gateway.url, (30.0, 600.0)).send(NUMBERS, "Hello")
    except AnswerLost as error:
        timeouts.append(error.text)
    assert timeouts
    assert "too long" not in timeouts[0]


@pytest.mark.parametrize(("more", "is_read"), [(0, True), (1, False)])
def test_the_largest_answer(
    more: int, is_read: bool, wire: Start, client: Make
) -> None:
    def pad(body: bytes) -> bytes:
        return body.ljust(MAX_BODY + more)

    ours = client(wire(changed(pad)).url)
    if is_read:
        assert set(ours.send(NUMBERS, "Hello").outcomes) == set(NUMBERS)
    else:
        with pytest.raises(AnswerLost):
            ours.send(NUMBERS, "Hello")


def test_nothing_is_left_behind(wire: Start, client: Make, wait_until: Until) -> None:
    """No watchdog outlives its request, and no socket stays open."""
    gateway = wire(answers())
    client(gateway.url, (60.0, 600.0)).send(NUMBERS, "Hello")
    wait_until(
        lambda: not any(isinstance(t, threading.Timer) for t in threading.enumerate())
    )
    wait_until(lambda: gateway.heard[0].ended)


def test_clients_share_nothing(client: Make) -> None:
    """Requests in flight at once each get their own answer."""
    with ExitStack() as running:
        gateway = running.enter_context(Wire(answers()))
        ours = client(gateway.url)
        found: list[set[str]] = []
        threads = [
            threading.Thread(
                target=lambda n=n: found.append(set(ours.send([n], "Hello").outcomes))
            )
            for n in NUMBERS
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(map(sorted, found)) == [[number] for number in NUMBERS]
