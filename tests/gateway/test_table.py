"""Each row of the table through a real socket: a receipt, or the one right error."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from csms_campaigns.gateway import errors
from csms_campaigns.gateway.client import GatewayClient
from csms_campaigns.gateway.receipts import NumberOutcome, Receipt
from tests.gateway import NUMBERS
from tests.gateway.rows import Row
from tests.gateway.table import NOTHING_SENT, TABLE
from tests.servers.wire_places import Where

pytestmark = pytest.mark.once
Client = Callable[..., GatewayClient]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.what)
def test_answer(row: Row, client: Client) -> None:
    with row.place() as where:
        said = outcome(client(where.url, row.timeout))
    assert_is(said, row)
    assert_asked_once(where, row)


def outcome(client: GatewayClient) -> Receipt | errors.GatewayError:
    try:
        return client.send(NUMBERS, "Hello")
    except errors.GatewayError as error:
        return error


def assert_is(said: Receipt | errors.GatewayError, row: Row) -> None:
    if isinstance(row.outcome, tuple):
        assert isinstance(said, Receipt), repr(said)
        assert statuses(said.outcomes) == row.outcome
        assert said.remaining_credits == row.credits
        assert said.http_status == row.http_status
    else:
        assert type(said) is row.outcome, repr(said)
        assert said.nothing_sent is issubclass(row.outcome, errors.NothingSent)
        assert row.code in (None, said.code)
        assert said.text
        assert row.http_status in (None, said.http_status)


def statuses(outcomes: Mapping[str, NumberOutcome]) -> tuple[str, ...]:
    """What is said of each number that was sent; a receipt names no others."""
    assert set(outcomes) <= set(NUMBERS)
    words = {None: "unknown", True: "sent", False: "failed"}
    found = [outcomes.get(number) for number in NUMBERS]
    return tuple(words[one and one.accepted] for one in found)


def assert_asked_once(where: Where, row: Row) -> None:
    """One connection and one request, or not a byte of a request where there was no peer."""
    assert len(where.heard) <= 1
    requests = sum(heard.requests for heard in where.heard)
    assert requests == (0 if row in NOTHING_SENT else 1)


@pytest.mark.parametrize(
    ("what", "seconds"),
    [
        ("rate limit, Retry-After in seconds", 17.0),
        ("rate limit, Retry-After as a date", 90.0),
        ("rate limit, Retry-After is 0", 0.0),
        ("rate limit, Retry-After is nonsense", None),
        ("rate limit, 429 without Retry-After", None),
        ("unavailable, Retry-After in seconds", 17.0),
    ],
)
def test_retry_after(what: str, seconds: float | None, client: Client) -> None:
    (row,) = (row for row in TABLE if row.what == what)
    with row.place() as where:
        said = outcome(client(where.url))
    assert isinstance(said, errors.Refused)
    assert said.retry_after == seconds


def test_a_failed_number_keeps_all_that_was_said_of_it(client: Client) -> None:
    (row,) = (row for row in TABLE if row.what == "one failed")
    with row.place() as where:
        said = outcome(client(where.url))
    assert isinstance(said, Receipt)
    assert said.outcomes[NUMBERS[0]] == NumberOutcome(True, message_id="msg_0109")
    assert said.outcomes[NUMBERS[1]] == NumberOutcome(
        False, code="X", error="No such number"
    )


def test_every_row_has_its_own_name() -> None:
    names = [row.what for row in TABLE]
    assert len(names) == len(set(names))
