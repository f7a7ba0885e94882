"""Where the servers of this test run are.

pytest-django loads the settings before any conftest, so the addresses are chosen here, when the
settings ask for them; conftest then starts the servers at those addresses. The environment
passes them on to child processes, such as workers.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from project.demo.processes import free_port

ENGINES = ("sqlite", "postgres")


# The variables that nobody had set: the servers of these addresses are ours to start.
OURS: set[str] = set()


def _choose(variable: str, address: str) -> str:
    if variable not in os.environ:
        os.environ[variable] = address
        OURS.add(variable)
    return os.environ[variable]


def scratch() -> Path:
    """A folder for the run's files; conftest makes and removes it."""
    name = f"csms-tests-{secrets.token_hex(6)}"
    return Path(_choose("CSMS_TEST_SCRATCH", str(Path(tempfile.gettempdir(), name))))


def engine() -> str:
    """`--db sqlite|postgres` on pytest's command line, else TEST_DB, else SQLite."""
    before = ""
    for word in sys.argv:
        if before == "--db":
            return word
        if word.startswith("--db="):
            return word.removeprefix("--db=")
        before = word
    return os.environ.get("TEST_DB", "sqlite")


def database_url() -> str:
    server = f"postgres://postgres@127.0.0.1:{free_port()}/csms"
    file = f"sqlite:///{scratch()}/tests.sqlite3"
    return _choose("TEST_DATABASE_URL", server if engine() == "postgres" else file)


def redis_url() -> str:
    return _choose("TEST_REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")


def port_of(url: str) -> int:
    return urlsplit(url).port or 0
