"""What a peer says and does once it has a request; the pieces of the table of answers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.servers.wire import Peer, Script

Makes = Callable[[list[str]], Any]
"""From the numbers of the request to the body that answers it."""
Header = tuple[str, str]

HTML = b"<!DOCTYPE html><title>Oops</title><h1>Bad gateway</h1>"


def processed(numbers: Sequence[str], **changes: Any) -> dict[str, Any]:
    """The documented answer: every number accepted."""
    return {
        "success": True,
        "message": "SMS sending completed",
        "total_numbers": len(numbers),
        "successful_sends": len(numbers),
        "failed_sends": 0,
        "remaining_credits": 98,
        "results": [accepted(number) for number in numbers],
        **changes,
    }


def accepted(number: object, **changes: Any) -> dict[str, Any]:
    message_id = f"msg_{str(number)[-4:]}"
    return {"phone": number, "success": True, "message_id": message_id, **changes}


def failed(number: object, **changes: Any) -> dict[str, Any]:
    return {"phone": number, "success": False, **changes}


def refusal(error: str, code: str = "", **changes: Any) -> dict[str, Any]:
    return {"success": False, "error": error, "code": code, **changes}


def response(body: bytes, status: int = 200, *headers: Header) -> bytes:
    """With the headers of a usual answer, unless others are named; None leaves one out."""
    named = {name.lower() for name, _ in headers}
    usual = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    lines = [f"HTTP/1.1 {status} Whatever"]
    lines += [f"{n}: {v}" for n, v in usual if n.lower() not in named]
    lines += [f"{n}: {v}" for n, v in headers if v]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def says(makes: Makes | object, status: int = 200, *headers: Header) -> Script:
    """A whole answer of JSON; `makes` is the body or makes it from the numbers."""

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(response(_body(makes, peer), status, *headers))

    return script


def answers(**changes: Any) -> Script:
    """The documented answer with some values changed."""
    return says(lambda numbers: processed(numbers, **changes))


def lists(makes: Makes, **changes: Any) -> Script:
    """The documented answer with other `results`."""
    return says(lambda numbers: processed(numbers, results=makes(numbers), **changes))


def sends(raw: bytes | Callable[[Peer], bytes]) -> Script:
    """These bytes after the request, and the end."""

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(raw(peer) if callable(raw) else raw)

    return script


def changed(change: Callable[[bytes], bytes], *headers: Header) -> Script:
    """The documented answer, whose body is changed before it leaves."""

    def script(peer: Peer) -> None:
        peer.read_request()
        body = change(json.dumps(processed(peer.numbers)).encode())
        peer.send(response(body, 200, *headers))

    return script


def chunked(cut: slice = slice(None), size: int = 40) -> Script:
    """The documented answer in chunks; `cut` takes away from the end of what is sent."""

    def make(peer: Peer) -> bytes:
        body = json.dumps(processed(peer.numbers)).encode()
        pieces = [body[i : i + size] for i in range(0, len(body), size)]
        coded = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in [*pieces, b""])
        head = response(b"", 200, ("Content-Length", ""), CHUNKED)
        return head + coded[cut]

    return sends(make)


CHUNKED: Header = ("Transfer-Encoding", "chunked")
NO_LENGTH: Header = ("Content-Length", "")


def without_length(version: bytes = b"HTTP/1.0") -> Script:
    """As before HTTP/1.1: the end of the connection is the end of the body."""

    def make(peer: Peer) -> bytes:
        body = json.dumps(processed(peer.numbers)).encode()
        return response(body, 200, NO_LENGTH).replace(b"HTTP/1.1", version, 1)

    return sends(make)


def continues(times: int = 3) -> Script:
    """“100 Continue” some times, then the documented answer."""

    def make(peer: Peer) -> bytes:
        answer = response(json.dumps(processed(peer.numbers)).encode())
        return b"HTTP/1.1 100 Continue\r\n\r\n" * times + answer

    return sends(make)


def bomb(megabytes: int) -> Script:
    """A small body that grows without bound when it is unpacked."""
    body = gzip.compress(b" " * (megabytes << 20))
    return sends(response(body, 200, ("Content-Encoding", "gzip")))


def endless(start: bytes, piece: bytes) -> Script:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(start)
        peer.forever(piece)

    return script


def drips(pause: float, *, from_head: bool = False) -> Script:
    """The documented answer, one byte at a time: from the status line, or from the body."""

    def script(peer: Peer) -> None:
        peer.read_request()
        body = json.dumps(processed(peer.numbers)).encode()
        whole = response(body)
        begin = 0 if from_head else len(whole) - len(body)
        peer.send(whole[:begin])
        peer.drip(whole[begin:], pause)

    return script


def page_drips(status: int, pause: float) -> Script:
    """A page without a length: cut off anywhere, it looks whole."""

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(response(b"", status, NO_LENGTH))
        peer.drip(HTML * 10, pause)

    return script


def resets_at_once(peer: Peer) -> None:
    """After the first bytes of the request; whether the rest was read, nobody can tell."""
    peer.read_head()
    peer.reset()


def resets_after_request(peer: Peer) -> None:
    peer.read_request()
    peer.reset()


def resets_in_body(peer: Peer) -> None:
    peer.read_request()
    peer.send(response(json.dumps(processed(peer.numbers)).encode())[:-20])
    peer.reset()


def says_nothing(peer: Peer) -> None:
    peer.say_nothing()


def closes(peer: Peer) -> None:
    peer.read_request()


def answers_early(peer: Peer) -> None:
    """The refusal leaves before the request's body is read."""
    peer.read_head()
    peer.send(response(json.dumps(refusal("Too busy", "MAINTENANCE")).encode(), 503))


def redirects(status: int, to: str = "/elsewhere") -> Script:
    return says(b"", status, ("Location", to))


def _body(makes: Makes | object, peer: Peer) -> bytes:
    made = makes(peer.numbers) if callable(makes) else makes
    return made if isinstance(made, bytes) else json.dumps(made).encode()
