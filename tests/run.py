"""Runs the tests on each database that is here, and adds the results up: `python -m tests.run`.

Further words go to pytest. The status is 0 only if every run passed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.servers import addresses, postgres

ROOT = Path(__file__).resolve().parents[1]
# Stronger than pyproject.toml to pytest-django, and a developer's shell may name the demo's.
OWN = {"DJANGO_SETTINGS_MODULE": "tests.settings"}


def databases() -> list[str]:
    if "TEST_DB" in os.environ or "TEST_DATABASE_URL" in os.environ:
        return [addresses.engine()]
    return ["sqlite", "postgres"] if postgres.is_available() else ["sqlite"]


def run(engine: str, words: list[str], counts: Counter[str]) -> int:
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        status = subprocess.run(
            [sys.executable, "-m", "pytest", "--db", engine, *words],
            cwd=ROOT,
            env={**os.environ, **OWN, "CSMS_TEST_COUNTS": report.name},
            check=False,
        ).returncode
        counts.update(json.loads(report.read() or "{}"))
    return status


def main(words: list[str]) -> int:
    counts: Counter[str] = Counter()
    statuses = {engine: run(engine, words, counts) for engine in databases()}
    if "postgres" not in statuses:
        print("PostgreSQL was left out: there is no server here.")  # noqa: T201
    failed = counts["failed"] + counts["error"]
    # A run that ended before its tests has counted nothing.
    failed = failed or sum(map(bool, statuses.values()))
    print(f"{counts['passed']} passed, {failed} failed", flush=True)  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
