"""The database of a run: a server of our own, a SQLite file, or the one of DATABASE_URL."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from project.demo.processes import free_port
from tests.servers.postgres import PostgreSQL

# Durable, unlike the server of the tests, and with the memory that one in production has.
OPTIONS: Final = (
    "shared_buffers=1GB",
    "max_wal_size=8GB",
    "checkpoint_timeout=30min",
    "work_mem=32MB",
)


@contextmanager
def database(engine: str) -> Iterator[str]:
    """The address of an empty database; `DATABASE_URL` is used as it is, and must be empty."""
    given = os.environ.get("DATABASE_URL")
    if engine == "postgres" and given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="csms-bench-"))
    try:
        if engine == "sqlite":
            yield f"sqlite:///{folder}/bench.sqlite3"
        else:
            with _server(folder) as url:
                yield url
    finally:
        shutil.rmtree(folder)


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    import psycopg

    server = PostgreSQL(folder, free_port(), options=OPTIONS)
    try:
        server.start()
        address = f"postgres://postgres@127.0.0.1:{server.port}"
        with psycopg.connect(f"{address}/postgres", autocommit=True) as link:
            link.execute("CREATE DATABASE bench")
        yield f"{address}/bench"
    finally:
        server.stop()


def set_up(url: str) -> None:
    """Django on that database, in this process; its tables are made where they are not."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "bench.settings"
    os.environ["BENCH_DATABASE_URL"] = url
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def backend() -> int | None:
    """The server's process behind this process's connection; SQLite works in ours."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])
