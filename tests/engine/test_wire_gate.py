"""A connection that stands too late: not a byte leaves, and the batch goes back to the queue."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from csms_campaigns.engine import dispatch, limits
from csms_campaigns.engine.consequences import (
    EXPIRIES_UNTIL_BLOCK,
    SLOW_DATABASE_REST,
)
from csms_campaigns.engine.taking import Taken, Wait
from csms_campaigns.models import Attempt, Batch, GatewayAccount
from tests import factories
from tests.servers.wire import Wire
from tests.servers.wire_scripts import answers

pytestmark = pytest.mark.django_db


@pytest.fixture
def gateway(configure: Callable[..., None]) -> Any:
    with Wire(answers()) as wire:
        configure(API_URL=wire.url, BATCH_SIZE=3, MIN_GAP=0, TIMEOUT=(2.0, 5.0))
        yield wire


def slow_resolver(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Looking up the name outlasts the permit; the clock is told, nobody has to wait."""
    real, clock, late = socket.getaddrinfo, limits.steady, [0.0]

    def resolve(*args: Any, **kwargs: Any) -> Any:
        late[0] += seconds
        return real(*args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(dispatch, "steady", lambda: clock() + late[0])


def send() -> Taken:
    taken = dispatch.send_next("default")
    assert isinstance(taken, Taken)
    return taken


@pytest.mark.parametrize("seconds", [2.5, 60.0])
def test_too_late(
    seconds: float,
    gateway: Wire,
    monkeypatch: pytest.MonkeyPatch,
    wait_until: Callable[..., Any],
) -> None:
    factories.sending(6)
    slow_resolver(monkeypatch, seconds)
    taken = send()
    wait_until(lambda: gateway.heard and gateway.heard[0].ended)
    assert [heard.raw for heard in gateway.heard] == [b""]
    batch = Batch.objects.get(pk=taken.batch_id)
    assert (batch.status, batch.tries, batch.lease_until) == ("pending", 1, None)
    assert set(batch.results.values_list("status", flat=True)) == {"pending"}


def test_in_time(gateway: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.sending(6)
    slow_resolver(monkeypatch, 0.5)
    taken = send()
    assert Batch.objects.get(pk=taken.batch_id).status == "done"
    assert gateway.requests == 1


def test_the_attempt_is_burnt(gateway: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its place in the limits stays taken: the next claim has a stamp of its own."""
    campaign = factories.sending(6)
    monkeypatch.setattr(dispatch, "GATE", 0.0)
    first = send()
    monkeypatch.undo()
    second = send()
    assert (second.batch_id, second.cum) == (first.batch_id, first.cum + 1)
    outcomes = Attempt.objects.order_by("cum").values_list("outcome", flat=True)
    assert list(outcomes) == ["not_sent", "answered"]
    account = GatewayAccount.objects.get(alias="default")
    assert (account.cum, account.failures, account.blocked_reason) == (2, 0, "")
    campaign.refresh_from_db()
    assert campaign.status == "sending"


def test_again_and_again(gateway: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the database that is slow: the account rests, the campaign is not paused."""
    campaign = factories.sending(6)
    # The commit, or the process itself, took its time.
    monkeypatch.setattr(dispatch, "steady", lambda: limits.steady() + 3)
    taken = [send() for _ in range(EXPIRIES_UNTIL_BLOCK)]
    account = GatewayAccount.objects.get(alias="default")
    assert account.blocked_reason == "database_slow"
    done_at = Attempt.objects.get(pk=taken[-1].attempt_id).done_at
    assert account.blocked_until is not None
    assert done_at is not None
    assert account.blocked_until - done_at == timedelta(seconds=SLOW_DATABASE_REST)
    assert isinstance(dispatch.send_next("default"), Wait)
    campaign.refresh_from_db()
    assert campaign.status == "sending"
    assert all(heard.raw == b"" for heard in gateway.heard)


def test_slow_connections_are_not_taken_for_a_slow_database(
    gateway: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.sending(6)
    monkeypatch.setattr(dispatch, "GATE", 0.0)
    for _each in range(EXPIRIES_UNTIL_BLOCK):
        send()
    account = GatewayAccount.objects.get(alias="default")
    assert account.blocked_reason == "unreachable"
    assert account.blocked_detail == "connecting took too long"
    assert all(heard.raw == b"" for heard in gateway.heard)


def test_the_request_of_the_engine_is_the_documented_one(gateway: Wire) -> None:
    """Under a cancelled campaign, nothing would leave; here, exactly the batch does."""
    factories.sending(6, message="Grüße 🙂")
    taken = send()
    (heard,) = gateway.heard
    assert heard.requests == 1
    assert factories.number(0).encode() in heard.body
    assert heard.body.count(b"+1212") == len(taken.numbers) == 3
