"""`manage.py check`: what it finds wrong with a site, and what it says to do."""

from __future__ import annotations

import ast
import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery, current_app
from celery.schedules import crontab
from django.core.checks import CheckMessage, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db.utils import ConnectionHandler
from kombu import Queue

from csms_campaigns import checks, conf, tasks

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
    message = only(checks.check_settings(None), "W001")
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
        {**SAFE, "timeout": 5},
        {**SAFE, "timeout": None},
        {k: v for k, v in SAFE.items() if k != "timeout"},
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


# W003


def in_production(configure: Any) -> None:
    configure(API_KEY="cspro_a_real_one", API_URL=conf.DEFAULT_API_URL)


def test_sqlite_in_production_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, configure: Any
) -> None:
    in_production(configure)
    message = only(database(monkeypatch, "sqlite3", OPTIONS=SAFE), "W003")
    assert "SILENCED_SYSTEM_CHECKS" in str(message.hint)
    assert database(monkeypatch, "postgresql") == []


def test_sqlite_while_it_is_developed_or_tried_is_no_matter(
    monkeypatch: pytest.MonkeyPatch, configure: Any, settings: Any
) -> None:
    assert database(monkeypatch, "sqlite3", OPTIONS=SAFE) == []
    in_production(configure)
    settings.DEBUG = True
    assert database(monkeypatch, "sqlite3", OPTIONS=SAFE) == []


def test_wrong_settings_are_no_reason_to_call_it_production(
    monkeypatch: pytest.MonkeyPatch, configure: Any
) -> None:
    in_production(configure)
    configure(BATCH_SIZE=0)
    assert database(monkeypatch, "sqlite3", OPTIONS=SAFE) == []


# E003


class Apart:
    """A site that keeps contacts elsewhere."""

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return "other" if model.__name__ == "Contact" else None

    db_for_read = db_for_write


class Replica:
    """A site whose pages read from a copy."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "replica" if model._meta.app_label == ID else None


class Together:
    """All of ours in one database, with the users."""

    labels: frozenset[str] = frozenset({ID, "auth"})

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return "sms" if model._meta.app_label in self.labels else None

    db_for_read = db_for_write


@pytest.mark.parametrize(("kind", "named"), [(Apart, "Contact"), (Replica, "Campaign")])
def test_a_router_that_parts_the_tables(settings: Any, kind: type, named: str) -> None:
    settings.DATABASE_ROUTERS = [kind()]
    message = only(checks.check_router(None), "E003")
    assert named in message.msg
    assert message.is_serious()


def test_a_router_that_keeps_them_together(settings: Any) -> None:
    settings.DATABASE_ROUTERS = [Together()]
    assert checks.check_router(None) == []


# E004


class Alone(Together):
    """Users stay where they are; no foreign key reaches them there."""

    labels = frozenset({ID})


def test_a_router_that_leaves_the_users_behind(settings: Any) -> None:
    settings.DATABASE_ROUTERS = [Alone()]
    message = only(checks.check_router(None), "E004")
    assert "auth.User" in message.msg
    assert "'sms'" in message.msg
    assert message.is_serious()


# W004, W005, W006: what the Celery settings say

BROKER = "redis://127.0.0.1:6379/0"
TICK = {"task": tasks.tick.name, "schedule": 10}


@pytest.fixture
def celery_app() -> Iterator[Callable[..., None]]:
    """`celery_app(broker_url=…)` is a site with these Celery settings and no others."""
    before = current_app._get_current_object()

    def make(**options: Any) -> None:
        app = Celery("site", set_as_current=False)
        app.conf.update(options)
        app.set_current()

    yield make
    before.set_current()


def beat(**entry: Any) -> dict[str, Any]:
    return {"tick": {**TICK, **entry}}


@pytest.mark.parametrize(
    "schedule",
    [10, 10.0, timedelta(seconds=30), 60, crontab()],
    ids=["int", "float", "timedelta", "minute", "crontab"],
)
def test_a_tick_in_the_schedule(celery_app: Any, schedule: Any) -> None:
    celery_app(broker_url=BROKER, beat_schedule=beat(schedule=schedule))
    assert checks.check_schedule(None) == []


def test_no_tick_in_the_schedule(celery_app: Any) -> None:
    celery_app(broker_url=BROKER, beat_schedule={"other": {**TICK, "task": "a.b"}})
    message = only(checks.check_schedule(None), "W004")
    assert "csms_campaigns.tasks.tick" in message.msg
    assert "csms_tick" in str(message.hint)


def test_a_tick_that_is_too_seldom(celery_app: Any) -> None:
    celery_app(broker_url=BROKER, beat_schedule=beat(schedule=600))
    assert "every 600 seconds" in only(checks.check_schedule(None), "W004").msg


def test_a_schedule_that_is_kept_elsewhere_cannot_be_judged(celery_app: Any) -> None:
    scheduler = "django_celery_beat.schedulers:DatabaseScheduler"
    celery_app(broker_url=BROKER, beat_scheduler=scheduler)
    assert checks.check_schedule(None) == []


@pytest.mark.parametrize("url", [BROKER, "rediss://h/0", "redis+socket:///tmp/redis"])
def test_redis_is_the_broker(celery_app: Any, url: str) -> None:
    celery_app(broker_url=url)
    assert checks.check_broker(None) == []


def test_no_broker_at_all(celery_app: Any) -> None:
    celery_app()
    assert "no broker" in only(checks.check_broker(None), "W005").msg


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("memory://", "no worker is ever woken"),
        ("amqp://user:needle@127.0.0.1//", "nothing can be lost"),
        ("filesystem://", "untried"),
    ],
)
def test_another_broker(celery_app: Any, url: str, said: str) -> None:
    celery_app(broker_url=url)
    message = only(checks.check_broker(None), "W005")
    assert said in message.msg
    assert "needle" not in str(message)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"task_routes": {"csms_campaigns.*": {"queue": "sms"}}},
        {
            "task_routes": {"csms_campaigns.*": "sms"},
            "task_queues": [Queue("celery"), Queue("sms")],
        },
        {"task_queues": {"celery": {}, "sms": {}}},
    ],
    ids=["none", "route", "both", "mapping"],
)
def test_routes_that_may_be_right(celery_app: Any, options: dict[str, Any]) -> None:
    celery_app(broker_url=BROKER, **options)
    assert checks.check_routes(None) == []


def test_a_queue_that_no_worker_reads_unasked(celery_app: Any) -> None:
    celery_app(
        broker_url=BROKER,
        task_routes={"csms_campaigns.*": {"queue": "sms"}},
        task_queues=[Queue("celery")],
    )
    message = only(checks.check_routes(None), "W006")
    assert "'sms'" in message.msg
    for task in (tasks.lane, tasks.tick, tasks.prepare):
        assert task.name in message.msg


def test_a_queue_that_is_not_there(celery_app: Any) -> None:
    celery_app(
        broker_url=BROKER,
        task_routes={tasks.lane.name: {"queue": "sms"}},
        task_queues=[Queue("celery")],
        task_create_missing_queues=False,
    )
    message = only(checks.check_routes(None), "W006")
    assert tasks.lane.name in message.msg


def test_a_router_of_the_site_that_fails(celery_app: Any) -> None:
    def route(name: str, *args: Any, **kwargs: Any) -> Any:
        raise LookupError(name)

    celery_app(broker_url=BROKER, task_routes=(route,))
    messages = checks.check_routes(None)
    assert {m.id for m in messages} == {f"{ID}.W006"}
    assert len(messages) >= 3
