"""`manage.py check`: what it finds wrong with a site, and what it says to do."""

from __future__ import annotations

import ast
import io
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db.utils import ConnectionHandler

from csms_campaigns import checks, conf

ID = "csms_campaigns"
SAFE = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
}


def found() -> list[CheckMessage]:
    return run_checks(tags=[ID])


def database(
    monkeypatch: pytest.MonkeyPatch, engine: str, **options: Any
) -> list[CheckMessage]:
    """What is said of a site with this database."""
    settings = {"ENGINE": f"django.db.backends.{engine}", "NAME": "x", **options}
    handler = ConnectionHandler({"default": settings})
    monkeypatch.setattr(checks, "connections", handler)
    return checks.check_database(None)


def only(messages: list[CheckMessage], code: str) -> CheckMessage:
    [message] = messages
    assert message.id == f"{ID}.{code}"
    assert message.hint
    assert message.msg.endswith(".")
    return message


def test_the_site_of_the_tests_is_right() -> None:
    assert found() == []


# E001


def test_a_missing_setting_is_an_error(settings: Any) -> None:
    del settings.CSMS_CAMPAIGNS
    message = only(found(), "E001")
    assert "Add a dict named CSMS_CAMPAIGNS" in message.msg
    assert message.is_serious()


def test_each_mistake_is_an_error_of_its_own(configure: Any) -> None:
    configure(BATCH_SIZE=0, TIMEOUT="needle", PORT=5)
    messages = found()
    assert {m.id for m in messages} == {f"{ID}.E001"}
    assert len(messages) == 3
    assert not [m for m in messages if "needle" in str(m)]


def test_manage_check_stops_a_wrong_site(configure: Any) -> None:
    configure(CONCURRENCY="needle")
    out = io.StringIO()
    with pytest.raises(SystemCheckError, match="CONCURRENCY") as error:
        call_command("check", stdout=out, stderr=out)
    assert "needle" not in str(error.value) + out.getvalue()
    configure(CONCURRENCY=2)
    call_command("check", stdout=out, stderr=out)


# W001


def test_the_key_of_the_documents_is_warned_of(configure: Any) -> None:
    configure(API_KEY=conf.EXAMPLE_KEY, API_URL=conf.DEFAULT_API_URL)
    message = only(found(), "W001")
    assert "account 'default'" in message.msg
    assert conf.EXAMPLE_KEY not in str(message)
    assert not message.is_serious()


def test_the_sandbox_takes_the_key_of_the_documents(configure: Any) -> None:
    configure(API_KEY=conf.EXAMPLE_KEY, API_URL="http://127.0.0.1:8025/")
    assert found() == []


def test_while_it_is_developed_the_example_is_no_matter(
    configure: Any, settings: Any
) -> None:
    settings.DEBUG = True
    configure(API_KEY=conf.EXAMPLE_KEY, API_URL=conf.DEFAULT_API_URL)
    assert found() == []


def test_a_wrong_setting_is_not_asked_for_its_key(configure: Any) -> None:
    configure(API_KEY=conf.EXAMPLE_KEY, API_URL=conf.DEFAULT_API_URL, BATCH_SIZE=0)
    only(found(), "E001")


# E002 and W002


def test_another_engine_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    message = only(database(monkeypatch, "dummy"), "E002")
    assert "cannot hold the queue" in message.msg
    assert "PostgreSQL" in str(message.hint)


def test_postgresql_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert database(monkeypatch, "postgresql") == []


@pytest.mark.parametrize(
    "init",
    [SAFE["init_command"], "pragma synchronous = full;PRAGMA journal_mode = wal"],
)
def test_sqlite_with_the_right_options(
    monkeypatch: pytest.MonkeyPatch, init: str
) -> None:
    options = {**SAFE, "init_command": init}
    assert database(monkeypatch, "sqlite3", OPTIONS=options) == []


@pytest.mark.parametrize(
    "options",
    [
        {},
        {**SAFE, "transaction_mode": "DEFERRED"},
        {**SAFE, "transaction_mode": None},
        {**SAFE, "init_command": "PRAGMA journal_mode=WAL"},
        {**SAFE, "init_command": "PRAGMA synchronous=FULL"},
        {**SAFE, "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL"},
    ],
)
def test_sqlite_without_them_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    message = only(database(monkeypatch, "sqlite3", OPTIONS=options), "W002")
    assert "'default'" in message.msg
    for word in SAFE:
        assert word in str(message.hint)


def test_the_hint_is_a_site_that_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the hint says to write is written as it stands."""
    text = checks.SQLITE_HINT.removeprefix("Set its OPTIONS to ").removesuffix(".")
    options = ast.literal_eval(text)
    assert database(monkeypatch, "sqlite3", OPTIONS=options) == []
