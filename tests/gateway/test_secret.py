"""The API key leaves in the body of the request and appears nowhere else."""

from __future__ import annotations

import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator

import pytest

from csms_campaigns.gateway import errors
from csms_campaigns.gateway.client import GatewayClient
from tests.gateway import KEY, NUMBERS
from tests.gateway.rows import Row
from tests.gateway.table import TABLE
from tests.servers.wire import Peer, Script, Wire
from tests.servers.wire_scripts import (
    accepted,
    failed,
    processed,
    refusal,
    response,
    says,
)

pytestmark = pytest.mark.once
Start = Callable[..., Wire]
Make = Callable[..., GatewayClient]

ERRORS = [row for row in TABLE if not isinstance(row.outcome, tuple)]
SPELLINGS = {KEY, KEY.replace("/", "\\/"), json.dumps(KEY)[1:-1], "cspro_"}


def assert_hidden(text: str) -> None:
    for spelling in SPELLINGS:
        assert spelling not in text


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def everything(error: BaseException) -> str:
    """What a tool that reports errors could show: the chain, its frames and their variables."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    parts = ["".join(shown.format())]
    parts += [f"{one!s} {one!r} {one.args} {vars(one)}" for one in chain(error)]
    return "\n".join(parts)


def caught(client: GatewayClient, **options: object) -> errors.GatewayError:
    try:
        client.send(NUMBERS, "Hello", **options)  # type: ignore[arg-type]
    except errors.GatewayError as error:
        return error
    message = "an error was expected"
    raise AssertionError(message)


def test_no_repr_shows_it(client: Make) -> None:
    ours = client("http://127.0.0.1:9/")
    assert_hidden(f"{ours!r} {ours!s} {[ours]}")


@pytest.mark.parametrize("row", ERRORS, ids=lambda row: row.what)
def test_no_error_shows_it(
    row: Row, client: Make, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), row.place() as where:
        error = caught(client(where.url, row.timeout))
    assert_hidden(everything(error))
    assert list(chain(error)) == [error]
    assert_hidden(caplog.text)


def test_an_expired_permit_does_not_show_it(wire: Start, client: Make) -> None:
    def gate() -> None:
        try:
            raise KeyError(KEY)
        except KeyError as error:
            message = "too late"
            raise errors.PermitExpired(message) from error

    error = caught(client(wire(says(processed)).url), gate=gate)
    assert isinstance(error, errors.PermitExpired)
    assert_hidden(everything(error))


def echoes(make: Callable[[str], object], status: int = 200) -> Script:
    """An answer that quotes the key it was sent, in the body and in a header."""

    def script(peer: Peer) -> None:
        peer.read_request()
        key = json.loads(peer.heard.body)["api_key"]
        body = make(key)
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        peer.send(response(raw, status, ("X-Your-Key", key), ("Retry-After", key)))

    return script


def php(key: str) -> bytes:
    """As PHP writes it: each slash with a backslash."""
    text = json.dumps(refusal(f"The key {key} is not active", key))
    return text.replace("/", "\\/").encode()


def escaped(key: str) -> bytes:
    """Every letter by its number."""
    text = "".join(f"\\u{ord(letter):04x}" for letter in f"Key {key}?")
    return b'{"success": false, "error": "%s"}' % text.encode()


ECHOES: dict[str, Callable[[str], object]] = {
    "in the text": lambda key: refusal(f"The key {key} is not active"),
    "as the code": lambda key: refusal("No", key),
    "as PHP writes it": php,
    "by numbers": escaped,
    "in UTF-16": lambda key: json.dumps(refusal(f"Not {key}")).encode("utf-16"),
    "at the cut of a long text": lambda key: refusal("x" * 490 + key),
    "in a page": lambda key: f"<h1>{key}</h1>".encode(),
}


@pytest.mark.parametrize("how", ECHOES)
@pytest.mark.parametrize("status", [200, 401, 429, 500])
def test_a_gateway_that_quotes_it(
    how: str, status: int, wire: Start, client: Make, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = wire(echoes(ECHOES[how], status))
    with caplog.at_level(logging.DEBUG):
        error = caught(client(gateway.url))
    assert_hidden(everything(error))
    assert_hidden(repr(pickle.dumps(vars(error))))
    assert_hidden(caplog.text)


def test_results_that_quote_it(wire: Start, client: Make) -> None:
    results = [
        accepted(NUMBERS[0], message_id=KEY),
        failed(NUMBERS[1], error=f"Not with {KEY}", code=KEY),
        failed(NUMBERS[2], message=f"{KEY}{KEY}"),
    ]
    gateway = wire(says(processed(NUMBERS, results=results)))
    receipt = client(gateway.url).send(NUMBERS, "Hello")
    assert_hidden(repr(receipt))
    assert receipt.outcomes[NUMBERS[0]].message_id == "[key]"
    assert receipt.outcomes[NUMBERS[1]].error == "Not with [key]"


def test_a_key_of_digits_does_not_hide_numbers(wire: Start) -> None:
    gateway = wire(says(processed))
    ours = GatewayClient(gateway.url, "1", (2.0, 5.0))
    assert set(ours.send(NUMBERS, "Hello").outcomes) == set(NUMBERS)
