"""System checks: each says in one sentence what is wrong, and in its hint what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router

from csms_campaigns import conf
from csms_campaigns.diagnosis import wiring
from csms_campaigns.engine import database

SQLITE_HINT = (
    'Set its OPTIONS to {"transaction_mode": "IMMEDIATE", "timeout": 20, '
    '"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"}.'
)

SHORTEST_TIMEOUT = 10
"""Seconds that a writer waits for its turn; Django's own 5 are too few under eight threads."""
TICK_HINT = (
    'Add "csms_campaigns.tick": {"task": "csms_campaigns.tasks.tick", "schedule": 10}. '
    "If cron runs csms_tick instead, add 'csms_campaigns.W004' to SILENCED_SYSTEM_CHECKS."
)
ROUTE_HINT = (
    'Route "csms_campaigns.*" to one queue, list that in CELERY_TASK_QUEUES if you have '
    "such a list, and give it to a worker with -Q."
)
SELDOM = 60


@register("csms_campaigns")
def check_settings(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """E001: a setting is missing or wrong. W001: the key is the documents' example."""
    del app_configs, kwargs
    hint = f"See the settings reference of csms_campaigns for {conf.SETTING}."
    found: list[CheckMessage] = [
        Error(problem, hint=hint, id="csms_campaigns.E001")
        for problem in conf.problems()
    ]
    if not found and not settings.DEBUG:
        found += [_example_key(alias) for alias in conf.aliases() if _is_example(alias)]
    return found


def _is_example(alias: str) -> bool:
    # The sandbox, on this machine, is the one gateway that takes it.
    account = conf.account(alias)
    return _is_real(alias) and account.api_key == conf.EXAMPLE_KEY


def _is_real(alias: str) -> bool:
    """Not the sandbox: the settings let plain http only to this machine."""
    return conf.account(alias).api_url.startswith("https:")


def _is_production() -> bool:
    try:
        return not settings.DEBUG and any(map(_is_real, conf.aliases()))
    except ImproperlyConfigured:
        return False  # E001 says so.


def _example_key(alias: str) -> CheckMessage:
    return Warning(
        f"The API_KEY of account '{alias}' is the example of the provider's documents.",
        hint="Set the key that the provider sent you, best from the environment.",
        id="csms_campaigns.W001",
    )


@register("csms_campaigns")
def check_database(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """E002: an engine that cannot hold the queue. W002: SQLite without the right options."""
    del app_configs, kwargs
    alias = database.alias()
    connection = connections[alias]
    if connection.vendor not in {"postgresql", "sqlite"}:
        return [
            Error(
                f"The database '{alias}' is {connection.display_name}, which cannot hold "
                "the queue of csms_campaigns.",
                hint="Use PostgreSQL, or SQLite on one machine.",
                id="csms_campaigns.E002",
            )
        ]
    if connection.vendor == "sqlite":
        return _check_sqlite(alias, connection.settings_dict.get("OPTIONS", {}))
    return []


def _check_sqlite(alias: str, options: dict[str, Any]) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if not _is_safe(options):
        text = (
            f"The SQLite database '{alias}' may lose a claim at a power cut, or lock."
        )
        found.append(Warning(text, hint=SQLITE_HINT, id="csms_campaigns.W002"))
    if _is_production():
        text = f"The database '{alias}' of a site in production is SQLite."
        hint = (
            "Use PostgreSQL, or, for a small site on one machine, add "
            "'csms_campaigns.W003' to SILENCED_SYSTEM_CHECKS."
        )
        found.append(Warning(text, hint=hint, id="csms_campaigns.W003"))
    return found


def _is_safe(options: dict[str, Any]) -> bool:
    pragmas = str(options.get("init_command", "")).upper().replace(" ", "")
    return (
        options.get("transaction_mode") == "IMMEDIATE"
        and _is_patient(options.get("timeout"))
        and "JOURNAL_MODE=WAL" in pragmas
        and "SYNCHRONOUS=FULL" in pragmas
    )


def _is_patient(timeout: object) -> bool:
    return isinstance(timeout, int | float) and timeout >= SHORTEST_TIMEOUT


@register("csms_campaigns")
def check_router(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """E003: the tables of the app in more than one database, or read from another one."""
    del app_configs, kwargs
    home = database.alias()
    models = apps.get_app_config("csms_campaigns").get_models()
    apart = sorted(
        model.__name__
        for model in models
        if {router.db_for_write(model), router.db_for_read(model)} != {home}
    )
    if not apart:
        return _check_neighbours(home)
    return [
        Error(
            f"DATABASE_ROUTERS send some of our tables to another database than '{home}': "
            f"{', '.join(apart)}.",
            hint="Route every model of csms_campaigns to one database, for reading too.",
            id="csms_campaigns.E003",
        )
    ]


def _check_neighbours(home: str) -> list[CheckMessage]:
    """E004: rows that ours refer to, in another database."""
    models = apps.get_app_config("csms_campaigns").get_models()
    fields = [f for model in models for f in model._meta.get_fields()]
    named = {f.related_model for f in fields if f.many_to_one and f.concrete}
    away = {str(m._meta.label) for m in named if router.db_for_write(m) != home}  # type: ignore[union-attr,arg-type]
    return [
        Error(
            f"DATABASE_ROUTERS keep {label} in another database than our tables, which "
            f"refer to it and are in '{home}'.",
            hint="No foreign key leaves its database: route csms_campaigns to that one.",
            id="csms_campaigns.E004",
        )
        for label in sorted(away)
    ]


@register("csms_campaigns")
def check_broker(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """W005: no broker, or one that is not Redis."""
    del app_configs, kwargs
    if not wiring.has_broker():
        text = "Celery has no broker: nobody would wake the workers."
        hint = (
            "Set CELERY_BROKER_URL to a Redis server, and import the Celery app in the "
            "__init__.py of the site."
        )
        return [Warning(text, hint=hint, id="csms_campaigns.W005")]
    kind = wiring.broker_kind()
    if kind in wiring.REDIS:
        return []
    text = f"The broker of Celery is {kind}, not Redis. {_what_works(kind)}"
    hint = "Set CELERY_BROKER_URL to a Redis or Valkey server."
    return [Warning(text, hint=hint, id="csms_campaigns.W005")]


def _what_works(kind: str) -> str:
    if kind == "memory":
        return "It ends at its process: no worker is ever woken by the site."
    return "It holds only wake-ups, so nothing can be lost with it; but it is untried."


@register("csms_campaigns")
def check_schedule(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """W004: nothing ticks, or too seldom."""
    del app_configs, kwargs
    seconds = wiring.tick_seconds()
    if seconds is None and not wiring.schedule_is_elsewhere():
        text = "CELERY_BEAT_SCHEDULE has no entry for csms_campaigns.tasks.tick."
        return [Warning(text, hint=TICK_HINT, id="csms_campaigns.W004")]
    if seconds is not None and seconds > SELDOM:
        text = f"CELERY_BEAT_SCHEDULE ticks every {seconds:.0f} seconds; 10 are meant."
        return [Warning(text, hint=TICK_HINT, id="csms_campaigns.W004")]
    return []


@register("csms_campaigns")
def check_routes(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """W006: tasks that no worker would get."""
    del app_configs, kwargs
    found = [_without_route(task) for task in wiring.our_tasks()]
    return [*filter(None, found), *_unread_queues()]


def _without_route(task: str) -> CheckMessage | None:
    try:
        wiring.queue_of(task)
    except wiring.NoRoute as problem:
        text = f"CELERY_TASK_ROUTES leave {task} without a queue: {problem}."
        return Warning(text, hint=ROUTE_HINT, id="csms_campaigns.W006")
    return None


def _unread_queues() -> list[CheckMessage]:
    read = wiring.declared_queues()
    if read is None:
        return []
    return [
        Warning(
            f"{', '.join(tasks)}: sent to the queue '{queue}', which is not among "
            "CELERY_TASK_QUEUES, so that a worker without -Q does not read it.",
            hint=ROUTE_HINT,
            id="csms_campaigns.W006",
        )
        for queue, tasks in wiring.our_queues().items()
        if queue not in read
    ]
