"""Worker processes that meet with accidents, and what /proc says of them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.polling import wait_until
from tests.servers.workers import Worker

NO_CHILD = "The worker has no child process."


@dataclass
class DrillWorker(Worker):
    """A worker of `tests.drills.app`: `step` is where it is struck, `clock` its clock's error.

    `celery` holds options of a hostile host.
    """

    step: str = ""
    action: str = "kill"
    at: int = 4
    clock: float = 0.0
    margin: float | None = 1.0
    celery: dict[str, Any] = field(default_factory=dict)

    def _command(self) -> list[str]:
        changed = {
            "celery": "tests.drills.worker",
            "tests.celery_app": "tests.drills.app",
        }
        return [changed.get(word, word) for word in super()._command()]

    def _own_env(self) -> dict[str, str]:
        own = super()._own_env()
        own["DRILL_CLOCK"] = str(self.clock)
        own["DRILL_CELERY"] = json.dumps(self.celery)
        if self.margin is not None:
            own["DRILL_MARGIN"] = str(self.margin)
        if self.step:
            own["DRILL_STEP"], own["DRILL_ACTION"] = self.step, self.action
            own["DRILL_AT"], own["DRILL_MARK"] = str(self.at), str(self.mark)
        return own

    @property
    def mark(self) -> Path:
        return self.log_path.with_suffix(".struck")

    def struck(self, seconds: float = 60) -> int:
        """Wait for the accident; the id of the process that had it."""
        return int(
            wait_until(
                lambda: self.mark.exists() and self.mark.read_text(), seconds=seconds
            )
        )

    def stopped(self) -> int:
        """Wait until the process is stopped by SIGSTOP; its id."""
        pid = self.struck()
        wait_until(lambda: state_of(pid) == "T")
        return pid

    def wait_end(self, seconds: float = 60) -> None:
        """Until the process that was started has ended."""
        wait_until(lambda: not self.is_alive, seconds=seconds)

    def children(self) -> list[int]:
        found = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(word) for word in found.split()]

    def end(self) -> None:
        # A stopped process hears nothing but SIGKILL and SIGCONT.
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(self.mark.read_text()), signal.SIGCONT)
        super().end()


def state_of(pid: int) -> str:
    """The letter of /proc/PID/stat: R, S, T…; empty if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""
