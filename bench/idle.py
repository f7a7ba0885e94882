"""What a worker and beat cost while nothing is to be sent."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Final

from bench.campaigns import broker, empty, lift
from bench.databases import set_up
from bench.frame import Figure, apart
from bench.live import beat, cpu_of_all, worker

SECONDS: Final = 60.0
FEWEST_SECONDS: Final = 2.0
SMALL: Final = 10_000
"""People, below which a run is only to see that it works."""
CREWS: Final = (1, 10)
TICKS: Final = 6
"""A minute."""


def run(url: str, size: int) -> list[Figure]:
    seconds = SECONDS if size >= SMALL else FEWEST_SECONDS
    figures: list[Figure] = []
    for accounts in CREWS:
        with tempfile.TemporaryDirectory(prefix="csms-bench-") as folder, broker():
            lift([f"account{number}" for number in range(accounts)])
            figures += apart(measure, url, accounts, folder, seconds).answer
    return figures


def measure(url: str, accounts: int, folder: str, seconds: float) -> list[Figure]:
    set_up(url)
    from csms_campaigns import conf
    from csms_campaigns.engine.accounts import state

    empty()
    for alias in conf.aliases():
        state(alias)
    with worker(Path(folder), url) as hands, beat(Path(folder), url) as clock:
        before = cpu_of_all(hands), cpu_of_all(clock), transactions()
        # A time that passes is what is measured here.
        time.sleep(seconds)
        after = cpu_of_all(hands), cpu_of_all(clock), transactions()
    minute = 60 / seconds
    spent = [(a - b) * minute for a, b in zip(after, before, strict=True)]
    who = f"{accounts} account{'s' if accounts > 1 else ''}"
    figures = [
        Figure(
            f"queries of the ticks of a minute, {who}", TICKS * queries(), "queries"
        ),
        Figure(
            f"processor time of the worker in a minute, {who}", spent[0] * 1000, "ms"
        ),
        Figure(f"processor time of beat in a minute, {who}", spent[1] * 1000, "ms"),
    ]
    if after[2]:
        name = f"transactions at the server in a minute, {who}"
        figures.append(Figure(name, spent[2], "transactions"))
    return figures


def transactions() -> int:
    """That the server has seen in this database; 0 on SQLite. The last second may be missing."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT xact_commit + xact_rollback FROM pg_stat_database"
            " WHERE datname = current_database()"
        )
        return int(cursor.fetchone()[0])


def queries() -> int:
    """Of one tick, as a worker does it."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from csms_campaigns import tasks

    with CaptureQueriesContext(connection) as captured:
        tasks.tick()
    return len(captured)
