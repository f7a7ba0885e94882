"""Queries that may take only so long: a page rather says “about” than waits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError

from csms_campaigns.engine.database import atomic, connection, is_postgresql


class TooSlow(Exception):
    """The database was interrupted, and has answered nothing."""


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Reading only. `TooSlow` if a statement in it takes longer than `seconds`."""
    bound = _bounded_postgresql if is_postgresql() else _bounded_sqlite
    try:
        with bound(seconds):
            yield
    except OperationalError as error:
        if _is_interrupt(error):
            raise TooSlow from error
        raise


def _is_interrupt(error: OperationalError) -> bool:
    # query_canceled, which psycopg 3 calls sqlstate and psycopg2 pgcode
    cause = error.__cause__
    code = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    return code == "57014" or str(error) == "interrupted"


@contextmanager
def _bounded_postgresql(seconds: float) -> Iterator[None]:
    with atomic(), connection().cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        [before] = cursor.fetchone()
        bound = "SELECT set_config('statement_timeout', %s, true)"
        cursor.execute(bound, [str(int(seconds * 1000))])
        yield
        # In a transaction of the caller the bound would outlive this block.
        cursor.execute(bound, [before])


@contextmanager
def _bounded_sqlite(seconds: float) -> Iterator[None]:
    connection().ensure_connection()
    raw = connection().connection
    deadline = time.monotonic() + seconds
    raw.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
    try:
        yield
    finally:
        raw.set_progress_handler(None, 0)
