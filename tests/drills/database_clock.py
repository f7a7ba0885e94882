"""A wrong clock for one database of PostgreSQL: it tells its sessions another time.

A function of the same name stands before PostgreSQL's own in the search path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection

_BEGIN = """
CREATE SCHEMA drill;
CREATE TABLE drill.wrong (seconds double precision);
INSERT INTO drill.wrong VALUES (0);
CREATE FUNCTION drill.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
  'SELECT pg_catalog.clock_timestamp() + make_interval(secs => seconds) FROM drill.wrong';
ALTER DATABASE {name} SET search_path = drill, public, pg_catalog;
"""
_END = """
ALTER DATABASE {name} RESET search_path;
DROP SCHEMA drill CASCADE;
"""


@contextmanager
def wrong_clock() -> Iterator[Callable[[float], None]]:
    """Gives a function that sets by how many seconds it is wrong, at once and for all."""
    _run(_BEGIN)
    connection.close()
    try:
        yield _set
    finally:
        _run(_END)
        connection.close()


def _set(seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE drill.wrong SET seconds = %s", [seconds])


def _run(statements: str) -> None:
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(statements.format(name=name))
