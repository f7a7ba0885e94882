"""DATABASE_URL as Django's options, with what the engine needs of SQLite."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

SCHEMES: Final = ("sqlite", "postgres", "postgresql")

# Measured: Django's own options give thousands of lock errors under eight threads, these none.
# FULL, since a power cut must not undo the claim of a batch that was sent.
SQLITE_OPTIONS: Final = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
}


def database(url: str) -> dict[str, Any]:
    if url.split(":", 1)[0] not in SCHEMES:
        raise ImproperlyConfigured(_advice())
    try:
        options: dict[str, Any] = dict(dj_database_url.parse(url))
    except ValueError:
        raise ImproperlyConfigured(_advice()) from None
    if options["ENGINE"].endswith("sqlite3"):
        return _sqlite(options)
    return options


def _sqlite(options: dict[str, Any]) -> dict[str, Any]:
    name = options["NAME"]
    if name and name != ":memory:":
        Path(name).parent.mkdir(parents=True, exist_ok=True)
    return {**options, "OPTIONS": {**options.get("OPTIONS", {}), **SQLITE_OPTIONS}}


def _advice() -> str:
    return (
        "The environment variable DATABASE_URL is wrong: set it to "
        "postgres://user:password@host:5432/name or sqlite:////absolute/path.sqlite3."
    )
