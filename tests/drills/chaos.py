"""A campaign in a storm: faults of every kind, workers that die, servers that restart.

`python -m tests.drills.chaos --db postgres` is the long one (`make drills`); it compares number by
number with the sandbox's own record, prints the figures, and fails if a promise was broken.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from project.demo.processes import free_port

# Chosen before the settings are loaded: this broker is ours to kill.
BROKER = "TEST_REDIS_URL"


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser("python -m tests.drills.chaos", description=__doc__)
    # Read by tests.servers.addresses too, before this parser is asked.
    made.add_argument("--db", choices=["sqlite", "postgres"], default="sqlite")
    made.add_argument("--recipients", type=int, default=200_000)
    made.add_argument("--workers", type=int, default=4)
    made.add_argument("--batch", type=int, default=100, help="numbers in a request")
    made.add_argument("--limits", default="50/10,200/60", help="as the sandbox's")
    made.add_argument("--lanes", type=int, default=8)
    made.add_argument("--latency", default="0.05-0.6", help="as the sandbox's")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument(
        "--minutes", type=float, default=40, help="it fails after so many"
    )
    made.add_argument("--logs", type=Path, help="a folder that keeps the workers' logs")
    made.add_argument("--calm", action="store_true", help="no fault and no accident")
    return made


def main() -> int:
    chosen = parser().parse_args()
    # Not by default: a developer's shell may name the demo's, and so does its Celery app.
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    os.environ[BROKER] = f"redis://127.0.0.1:{free_port()}/0"
    import django

    # The settings choose the addresses at which the servers are started.
    django.setup()
    from tests.servers.session import Servers

    with ExitStack() as running:
        servers = Servers()
        running.callback(servers.stop)
        servers.start()
        folder = running.enter_context(tempfile.TemporaryDirectory())
        return _run(chosen, chosen.logs or Path(folder))


def _run(chosen: argparse.Namespace, folder: Path) -> int:
    from django.conf import settings
    from django.db import connection

    from tests.drills import report
    from tests.drills.battle import Battle, Scale

    # The server is gone a moment later, and the file with its folder: nothing to destroy.
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    scale = Scale(
        recipients=chosen.recipients,
        workers=chosen.workers,
        batch=chosen.batch,
        limits=chosen.limits,
        lanes=chosen.lanes,
        latency=chosen.latency,
        seed=chosen.seed,
        minutes=chosen.minutes,
        calm=chosen.calm,
    )

    def configure(**options: Any) -> None:
        settings.CSMS_CAMPAIGNS["ACCOUNTS"]["default"].update(options)

    with Battle(scale, folder, configure, tell=report.tell) as battle:
        battle.fight()
        report.figures(battle)
        return 0 if battle.is_won else 1


if __name__ == "__main__":
    sys.exit(main())
