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
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from tests.servers import addresses, postgres

ROOT = Path(__file__).resolve().parents[1]
# Stronger than pyproject.toml to pytest-django, and a developer's shell may name the demo's.
OWN = {"DJANGO_SETTINGS_MODULE": "tests.settings"}


def databases() -> list[str]:
    if "TEST_DB" in os.environ or "TEST_DATABASE_URL" in os.environ:
        return [addresses.engine()]
    return ["sqlite", "postgres"] if postgres.is_available() else ["sqlite"]


@dataclass
class Run:
    """The tests on one database, in a process with servers of its own."""

    engine: str
    words: list[str]
    folder: Path

    def __post_init__(self) -> None:
        self.counts = self.folder / f"{self.engine}.json"
        self.output = self.folder / f"{self.engine}.txt"

    def start(self, *, shown: bool) -> None:
        """Only one run writes to the terminal; the others are shown when it has ended."""
        with nullcontext() if shown else self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pytest", "--db", self.engine, *self.words],
                cwd=ROOT,
                env={**os.environ, **OWN, "CSMS_TEST_COUNTS": str(self.counts)},
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
            )

    def end(self, counts: Counter[str]) -> int:
        status = self.process.wait()
        if self.output.exists():
            print(self.output.read_text(errors="replace"))  # noqa: T201
        if self.counts.exists():
            counts.update(json.loads(self.counts.read_text()))
        return status


def run_all(words: list[str], counts: Counter[str]) -> dict[str, int]:
    """Side by side: most of a run waits for a worker, a page or a limit."""
    with tempfile.TemporaryDirectory() as folder:
        runs = [Run(engine, words, Path(folder)) for engine in databases()]
        try:
            for index, run in enumerate(runs):
                run.start(shown=index == 0)
            return {run.engine: run.end(counts) for run in runs}
        finally:
            for run in runs:
                if run.process.poll() is None:
                    run.process.terminate()


def main(words: list[str]) -> int:
    counts: Counter[str] = Counter()
    statuses = run_all(words, counts)
    if "postgres" not in statuses:
        print("PostgreSQL was left out: there is no server here.")  # noqa: T201
    failed = counts["failed"] + counts["error"]
    # A run that ended before its tests has counted nothing.
    failed = failed or sum(map(bool, statuses.values()))
    print(f"{counts['passed']} passed, {failed} failed", flush=True)  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
