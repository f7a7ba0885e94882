"""Child processes that never outlive us: started in a session of their own, ended as a group."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

GUARD: Final = Path(__file__).with_name("guard.py")


class ChildError(Exception):
    """A child ended, or was not ready in time. The text names it and shows its last lines."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the server itself will do: a port whose last connections only linger is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@dataclass
class Child:
    """One program, its log and its end. `stop_signal` asks it to end by itself."""

    name: str
    command: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    cwd: Path | None = None
    user: str = ""
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 15
    """Seconds between asking it to end and killing its group."""
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> Child:
        guard = [sys.executable, "-I", "-S", str(GUARD)]
        wish = [str(os.getpid()), str(int(self.stop_signal)), self.user]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603
                [*guard, *wish, *self.command],
                env=dict(self.env),
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    @property
    def pid(self) -> int:
        """0 before it was started."""
        return self.process.pid if self.process else 0

    @property
    def status(self) -> int | None:
        """As `Popen.poll`: None while it runs."""
        return self.process.poll() if self.process else None

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.status is None

    def wait_ready(self, is_ready: Callable[[], bool], seconds: float = 60) -> None:
        """Returns when `is_ready` says so; a child that ends before is `ChildError`."""
        deadline = time.monotonic() + seconds
        while True:
            # In this order: a port that answers may be another program's.
            ready, alive = is_ready(), self.is_alive
            if ready and alive:
                return
            if not alive or time.monotonic() > deadline:
                raise ChildError(self.obituary())
            time.sleep(0.05)

    def obituary(self) -> str:
        """One sentence on what happened, and the last lines of the log."""
        status = self.status
        what = (
            "was not ready in time"
            if status is None
            else f"ended unexpectedly with status {status}"
        )
        return f"The {self.name} {what}. Its last lines:\n{self.last_lines()}"

    def last_lines(self, count: int = 15) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-count:]
        return "\n".join(f"    {line}" for line in lines) or "    (nothing)"

    def stop(self) -> None:
        """Ends it and everything it started: asks, waits, kills the group."""
        if self.process is None:
            return
        self.signal(self.stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(self.patience)
        self.kill()

    def kill(self) -> None:
        """Ends the whole group at once, as a power cut would."""
        if self.process is None:
            return
        # The group may hold what the child has left behind, so it is asked for even then.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
