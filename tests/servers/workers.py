"""Real Celery worker processes on the database of the running test."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from project.demo.processes import Child

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Worker:
    """`python -m celery -A tests.celery_app worker`, ready as soon as `start()` returns.

    It sees the CSMS_CAMPAIGNS that the test's `settings` hold when it starts.
    """

    database: str
    log_path: Path
    pool: str = "threads"
    concurrency: int = 8
    beat: bool = True
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.child = Child(
            name="worker",
            command=self._command(),
            log=self.log_path,
            env={**os.environ, **self._own_env(), **self.env},
            cwd=ROOT,
        )

    def start(self) -> Worker:
        self.child.start().wait_ready(lambda: " ready." in self.log())
        return self

    def _command(self) -> list[str]:
        schedule = str(self.log_path.with_suffix(".schedule"))
        beat = ["-B", "-s", schedule] if self.beat else []
        name = f"{self.log_path.stem}@tests"
        options = ["-c", str(self.concurrency), "-l", "INFO", "-n", name]
        return [
            *[sys.executable, "-m", "celery", "-A", "tests.celery_app", "worker"],
            *[*beat, *options, "--without-mingle", "--without-gossip"],
        ]

    def _own_env(self) -> dict[str, str]:
        # The pool goes by a setting: `-P prefork` means "the configured one" to Celery.
        return {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "CSMS_TEST_LIVE_DB": self.database,
            "CSMS_TEST_CAMPAIGNS": json.dumps(settings.CSMS_CAMPAIGNS),
            "TEST_WORKER_POOL": self.pool,
        }

    @property
    def pid(self) -> int:
        return self.child.pid

    @property
    def is_alive(self) -> bool:
        return self.child.is_alive

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def terminate(self) -> None:
        """A warm shutdown, waited for: what is in flight is finished."""
        self.child.stop()

    def kill(self) -> None:
        """SIGKILL to the worker and all its children at once."""
        self.child.kill()

    def end(self) -> None:
        """At the end of a test: whatever state it is in, nothing of it stays."""
        self.child.patience = 5
        self.child.stop()

    def stop_signal(self, number: signal.Signals) -> None:
        """Any signal, to the worker's main process alone; returns at once."""
        self.child.signal(number)
