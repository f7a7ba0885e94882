"""An older copy of the test's database, and putting it in the place of the true one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection
from psycopg import sql

COPY = "csms_older_copy"


def copy_database(folder: Path) -> Any:
    """What `set_back` takes. No worker may be connected."""
    connection.close()
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "postgresql":
        _end_sessions(name)
        _run("DROP DATABASE IF EXISTS {copy} WITH (FORCE)", copy=COPY)
        _run("CREATE DATABASE {copy} TEMPLATE {name}", copy=COPY, name=name)
        return COPY
    with (
        closing(sqlite3.connect(name)) as source,
        closing(sqlite3.connect(folder / "older.sqlite3")) as copy,
    ):
        source.backup(copy)
    return folder / "older.sqlite3"


def set_back(copy: Any) -> None:
    """Whoever is connected loses the connection, as in a restore or a failover."""
    connection.close()
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "postgresql":
        _run("DROP DATABASE {name} WITH (FORCE)", name=name)
        _run("CREATE DATABASE {name} TEMPLATE {copy}", name=name, copy=copy)
        _run("DROP DATABASE {copy}", copy=copy)
        return
    for end in ("", "-wal", "-shm"):
        Path(f"{name}{end}").unlink(missing_ok=True)
    Path(copy).rename(name)


def _end_sessions(name: str) -> None:
    """After a browser test this thread has two: its event loop hides the first, which stays open."""
    with _server() as server:
        server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [name],
        )


def _run(statement: str, **names: str) -> None:
    quoted = {key: sql.Identifier(name) for key, name in names.items()}
    with _server() as server:
        server.execute(sql.SQL(statement).format(**quoted))  # type: ignore[arg-type]


def _server() -> psycopg.Connection:
    """On a connection to no database of ours, and outside of any transaction."""
    given = connection.settings_dict
    address = {
        "host": given["HOST"],
        "port": given["PORT"],
        "user": given["USER"],
        "password": given["PASSWORD"],
    }
    return psycopg.connect(**address, dbname="postgres", autocommit=True)
