"""What every benchmark is: named cases, each a figure with a plain baseline of the same run."""

from __future__ import annotations

import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One line of the table. `allowed` is what the ratio to the baseline may be at most, `most`
    what the figure itself may be."""

    name: str
    value: float
    unit: str
    baseline: float | None = None
    allowed: float | None = None
    note: str = ""
    most: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.value / self.baseline if self.baseline else None

    @property
    def is_kept(self) -> bool:
        if self.most is not None and self.value > self.most:
            return False
        return self.allowed is None or self.ratio is None or self.ratio <= self.allowed

    @property
    def limit(self) -> str:
        """What must not be exceeded, as the table says it."""
        if self.most is not None:
            return f"{number(self.most)} {self.unit}"
        return "" if self.allowed is None else f"{self.allowed:g}"

    def cells(self) -> list[str]:
        return [
            self.name,
            f"{number(self.value)} {self.unit}",
            "" if self.baseline is None else f"{number(self.baseline)} {self.unit}",
            "" if self.ratio is None else f"{self.ratio:.2f}",
            self.limit,
            self.note,
        ]


HEADER = ["what", "figure", "baseline", "ratio", "allowed", ""]


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def say(line: str = "") -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def table(title: str, figures: Sequence[Figure]) -> None:
    """As Markdown, so that it can be put into docs/performance.md as it is."""
    lines = [HEADER, ["---"] * len(HEADER), *(f.cells() for f in figures)]
    say(f"\n### {title}\n")
    for cells in lines:
        say(f"| {' | '.join(cells)} |")
    for missed in (f for f in figures if not f.is_kept):
        found = f"{number(missed.value)} {missed.unit}" if missed.most else missed.ratio
        shown = found if isinstance(found, str) else f"{found:.2f}"
        say(f"\n**{missed.name}: {shown} is more than {missed.limit}.**")


def machine() -> str:
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
    cores = len(Path("/proc/cpuinfo").read_text().split("processor\t")) - 1
    return f"{cores} × {model}, {platform.system()}, Python {platform.python_version()}"


@dataclass
class Stopwatch:
    """Seconds; set at the end of the block. `cpu` is ours, `server_cpu` the database's."""

    wall: float = 0.0
    cpu: float = 0.0
    server_cpu: float = 0.0

    @property
    def work(self) -> float:
        """Of both processors: what stays the same on a busy machine."""
        return self.cpu + self.server_cpu


@contextmanager
def stopwatch(server: int | None = None) -> Iterator[Stopwatch]:
    """`server` is the process id of the database's own process, where it is on this machine."""
    found = Stopwatch()
    wall, cpu, there = time.perf_counter(), time.process_time(), cpu_of(server)
    try:
        yield found
    finally:
        found.wall = time.perf_counter() - wall
        found.cpu = time.process_time() - cpu
        found.server_cpu = cpu_of(server) - there


def cpu_of(pid: int | None) -> float:
    """Seconds of processor time that a process has used so far."""
    try:
        found = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(found[11]) + int(found[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Apart:
    """What a case answered in a process of its own, and the most memory that it had."""

    answer: Any
    peak_mb: float


def apart(case: Callable[..., Any], *given: Any) -> Apart:
    """Runs it in a new process: what came before it left neither caches nor memory."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_child, args=(theirs, case, given))
    child.start()
    theirs.close()
    try:
        answer = ours.recv()
    except EOFError:
        message = f"The case {case.__name__} ended without an answer."
        raise RuntimeError(message) from None
    finally:
        child.join()
    return answer if isinstance(answer, Apart) else _raised(answer)


def _raised(error: BaseException) -> Apart:
    raise error


def _child(pipe: Any, case: Callable[..., Any], given: tuple[Any, ...]) -> None:
    try:
        answer = case(*given)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        pipe.send(Apart(answer, peak))
    except BaseException as error:
        pipe.send(error)
        raise
