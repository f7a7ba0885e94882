"""System checks: each says in one sentence what is wrong, and in its hint what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.db import connections

from csms_campaigns import conf
from csms_campaigns.engine import database

SQLITE_HINT = (
    'Set its OPTIONS to {"transaction_mode": "IMMEDIATE", "timeout": 20, '
    '"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"}.'
)


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
    account = conf.account(alias)
    # The sandbox, on this machine, is the one gateway that takes it.
    return account.api_key == conf.EXAMPLE_KEY and account.api_url.startswith("https:")


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
    options = connection.settings_dict.get("OPTIONS", {})
    if connection.vendor == "sqlite" and not _is_safe(options):
        text = (
            f"The SQLite database '{alias}' may lose a claim at a power cut, or lock."
        )
        return [Warning(text, hint=SQLITE_HINT, id="csms_campaigns.W002")]
    return []


def _is_safe(options: dict[str, Any]) -> bool:
    pragmas = str(options.get("init_command", "")).upper().replace(" ", "")
    return (
        options.get("transaction_mode") == "IMMEDIATE"
        and "JOURNAL_MODE=WAL" in pragmas
        and "SYNCHRONOUS=FULL" in pragmas
    )
