"""What the drills share: workers that meet with accidents, and accounts that are quick to test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.drills.processes import DrillWorker
from tests.servers import addresses

# Where a second machine's clock, or a server to restart, is what the drill is about.
ONLY_POSTGRESQL = ["test_clocks.py", "test_database.py", "test_restarts.py"]
collect_ignore = ONLY_POSTGRESQL if addresses.engine() == "sqlite" else []
if "TEST_DATABASE_URL" not in addresses.OURS:
    # A server that somebody else runs is not ours to restart.
    collect_ignore = [*collect_ignore, "test_restarts.py"]

QUICK: dict[str, Any] = {
    "TIMEOUT": (0.5, 2),
    "RATE_LIMITS": [(1000, 6)],
    "MIN_GAP": 0,
    "BATCH_SIZE": 10,
    "CONCURRENCY": 1,
}
TICK = {"TEST_TICK_SECONDS": "1"}


@pytest.fixture
def drill_worker(
    transactional_db: None, redis_url: str, tmp_path: Path
) -> Iterator[Callable[..., DrillWorker]]:
    """`drill_worker(step="in_flight", …)` starts a worker; see `DrillWorker`. It ticks each second."""
    with ExitStack() as running:
        count = 0

        def start(**options: Any) -> DrillWorker:
            nonlocal count
            count += 1
            database = str(connection.settings_dict["NAME"])
            options["env"] = TICK | options.pop("env", {})
            log = tmp_path / f"drill-{count}.log"
            one = DrillWorker(database, log, **options)
            running.callback(one.end)
            one.start()
            return one

        yield start


@pytest.fixture
def quick(configure: Any, sandbox: Any) -> Callable[..., Any]:
    """`quick(latency=…, CONCURRENCY=4)`: a gateway, and an account that loses no time."""

    def begin(**options: Any) -> Any:
        account = {name: options.pop(name) for name in list(options) if name.isupper()}
        limits = account.get("RATE_LIMITS", QUICK["RATE_LIMITS"])
        words = ",".join(f"{limit}/{seconds}" for limit, seconds in limits)
        gateway = sandbox(**{"limits": words, "magic": False, **options})
        configure(**{**QUICK, **account})
        return gateway

    return begin
