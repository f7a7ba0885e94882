"""The witness in Redis: never lowered, never in the way, and it gives no secret away."""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pytest
import redis
from celery import current_app

from csms_campaigns import conf
from csms_campaigns.engine import witness
from tests.servers import addresses

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def _rested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness._memory, "rests_until", 0.0)


@pytest.fixture
def server(patient_witness: None) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(addresses.redis_url()) as client:
        yield client


@pytest.fixture
def at(settings: Any) -> Callable[[str], None]:
    def point(url: str | None) -> None:
        settings.CSMS_CAMPAIGNS = {**settings.CSMS_CAMPAIGNS, "WITNESS_URL": url}

    return point


@pytest.fixture
def account() -> uuid.UUID:
    return uuid.uuid4()


def known(server: redis.Redis, account: uuid.UUID) -> int:
    return int(server.get(witness.key(account)) or 0)


def test_it_is_told_and_heard(server: redis.Redis, account: uuid.UUID) -> None:
    witness.tell(account, 7)
    assert known(server, account) == 7
    server.set(witness.key(account), 9)
    witness.look(account)
    assert witness.highest(account) == 9


def test_it_is_never_lowered(server: redis.Redis, account: uuid.UUID) -> None:
    witness.tell(account, 7)
    witness.tell(account, 5)
    assert (known(server, account), witness.highest(account)) == (7, 7)
    server.set(witness.key(account), 3)
    witness.look(account)
    assert witness.highest(account) == 7


def test_who_tells_hears_how_far_the_others_are(
    server: redis.Redis, account: uuid.UUID
) -> None:
    server.set(witness.key(account), 50)
    witness.tell(account, 7)
    assert witness.highest(account) == known(server, account) == 50


def test_many_who_tell_at_once_leave_the_highest(
    server: redis.Redis, account: uuid.UUID
) -> None:
    counts = [*range(1, 41)]
    threads = [Thread(target=witness.tell, args=(account, n)) for n in counts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert known(server, account) == witness.highest(account) == 40


def test_large_counts_are_exact(server: redis.Redis, account: uuid.UUID) -> None:
    witness.tell(account, 2**53 - 1)
    assert known(server, account) == 2**53 - 1


def test_accounts_do_not_know_of_each_other(account: uuid.UUID) -> None:
    witness.tell(account, 7)
    other = uuid.uuid4()
    witness.look(other)
    assert witness.highest(other) == 0
    assert str(account) in witness.key(account)


# It is away


def test_a_server_that_is_down_is_not_asked_again_for_a_while(
    at: Any, account: uuid.UUID, caplog: pytest.LogCaptureFixture
) -> None:
    at("redis://:hidden-word@127.0.0.1:1/0")
    for count in range(5):
        witness.tell(account, count)
        witness.look(account)
    assert witness.highest(account) == 4
    assert len(caplog.records) == 1
    assert "hidden-word" not in caplog.text
    left = witness._memory.rests_until - time.monotonic()
    assert 0 < left <= witness.REST


def test_a_server_that_never_speaks_costs_a_quarter_of_a_second(
    at: Any, account: uuid.UUID
) -> None:
    """Its port answers, and nothing else: patience is bounded, and used once."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        at(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        client = witness._server(witness.address())
        assert client is not None
        options = client.connection_pool.connection_kwargs
        assert options["socket_timeout"] == witness.PATIENCE <= 0.25
        assert options["socket_connect_timeout"] == witness.PATIENCE
        assert not witness.answers(account)
        assert witness._memory.rests_until > time.monotonic()


def test_a_key_that_somebody_else_has_written_proves_nothing(
    server: redis.Redis, account: uuid.UUID, caplog: pytest.LogCaptureFixture
) -> None:
    server.rpush(witness.key(account), "what")
    witness.look(account)
    assert witness.highest(account) == 0
    assert len(caplog.records) == 1
    server.delete(witness.key(account))
    assert witness.answers(account)


# Where it is


@pytest.mark.parametrize(
    ("broker", "expected"),
    [
        ("redis://host:6379/3", "redis://host:6379/3"),
        ("redis://:pw@host/0?visibility_timeout=5", "redis://:pw@host/0"),
        ("redis://one/0;redis://two/0", "redis://one/0"),
        (["redis://one/0", "redis://two/0"], "redis://one/0"),
        (
            "rediss://host/0?ssl_cert_reqs=CERT_REQUIRED&ssl_ca_certs=/etc/CA.pem",
            "rediss://host/0?ssl_cert_reqs=required&ssl_ca_certs=%2Fetc%2FCA.pem",
        ),
        ("redis+socket:///run/r.sock?virtual_host=2", "unix:///run/r.sock?db=2"),
    ],
)
def test_the_broker_is_the_witness(
    monkeypatch: pytest.MonkeyPatch, broker: Any, expected: str
) -> None:
    monkeypatch.setitem(current_app.conf, "broker_url", broker)
    monkeypatch.setitem(current_app.conf, "broker_write_url", None)
    assert witness.address() == expected
    assert witness.is_there()


@pytest.mark.parametrize("broker", ["amqp://host", "sentinel://a;sentinel://b", ""])
def test_another_broker_is_none(monkeypatch: pytest.MonkeyPatch, broker: str) -> None:
    monkeypatch.setitem(current_app.conf, "broker_url", broker)
    monkeypatch.setitem(current_app.conf, "broker_write_url", None)
    assert not witness.is_there()
    assert not witness.answers(uuid.uuid4())


def test_the_setting_goes_first(at: Any, account: uuid.UUID) -> None:
    at("redis://elsewhere/0")
    assert witness.address() == "redis://elsewhere/0"
    at("")
    assert not witness.is_there()
    witness.tell(account, 3)
    assert witness.highest(account) == 3
    at(None)
    assert witness.address() == addresses.redis_url()


@pytest.mark.parametrize("url", ["http://host", 7, "host:6379"])
def test_a_wrong_setting_is_named(at: Any, url: Any) -> None:
    at(url)
    assert "WITNESS_URL" in " ".join(conf.problems())
    at("unix:///run/redis.sock")
    assert not list(conf.problems())
