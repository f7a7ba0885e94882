"""Real workers of a run: on its database, with its accounts."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.frame import cpu_of
from project.demo.processes import Child

ROOT: Final = Path(__file__).resolve().parents[1]
PATIENCE: Final = 60.0


@contextmanager
def celery(folder: Path, url: str, *words: str, said: str) -> Iterator[Child]:
    """`celery -A tests.celery_app …`, once its log says that it is ready."""
    log = folder / f"{words[0]}.log"
    own = {"DJANGO_SETTINGS_MODULE": "tests.settings", "TEST_DATABASE_URL": url}
    child = Child(
        name=words[0],
        command=[sys.executable, "-m", "celery", "-A", "tests.celery_app", *words],
        log=log,
        env={**os.environ, **own, "CSMS_TEST_SCRATCH": str(folder)},
        cwd=ROOT,
    )
    try:
        child.start().wait_ready(lambda: said in log.read_text(errors="replace"))
        yield child
    finally:
        child.stop()


@contextmanager
def worker(folder: Path, url: str) -> Iterator[Child]:
    words = ("worker", "-c", "8", "-l", "INFO", "--without-mingle", "--without-gossip")
    with celery(folder, url, *words, said=" ready.") as child:
        yield child


@contextmanager
def beat(folder: Path, url: str) -> Iterator[Child]:
    words = ("beat", "-l", "INFO", "-s", str(folder / "schedule"))
    with celery(folder, url, *words, said="beat: Starting") as child:
        yield child


def cpu_of_all(child: Child) -> float:
    """Seconds, of the program and all of its children."""
    return sum(cpu_of(pid) for pid in _group(child.pid))


def _group(leader: int) -> Iterator[int]:
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        try:
            if os.getpgid(pid) == leader:
                yield pid
        except OSError:
            continue


def wait_for(what: Callable[[], bool]) -> float:
    """Seconds until it is so."""
    began = time.monotonic()
    while not what():
        if time.monotonic() - began > PATIENCE:
            message = "It did not happen in a minute: look into the worker's log."
            raise RuntimeError(message)
        time.sleep(0.002)
    return time.monotonic() - began
