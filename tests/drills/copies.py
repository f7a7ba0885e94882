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
    """What `set_back` takes. Nobody else may be connected."""
    connection.close()
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "postgresql":
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


def _run(statement: str, **names: str) -> None:
    """On a connection to no database of ours, and outside of any transaction."""
    given = connection.settings_dict
    address = {
        "host": given["HOST"],
        "port": given["PORT"],
        "user": given["USER"],
        "password": given["PASSWORD"],
    }
    quoted = {key: sql.Identifier(name) for key, name in names.items()}
    with psycopg.connect(**address, dbname="postgres", autocommit=True) as server:
        server.execute(sql.SQL(statement).format(**quoted))  # type: ignore[arg-type]
