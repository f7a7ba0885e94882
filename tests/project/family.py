"""Which processes has one started, and which of them still live? Read from /proc (Linux)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    pid: int
    started: str
    """With it, a number that was given to another program is not mistaken for ours."""
    name: str


def family(pid: int) -> set[Process]:
    """The process and all its descendants, in whatever session they are."""
    parents: dict[int, set[int]] = {}
    known: dict[int, Process] = {}
    for process, parent in _living():
        known[process.pid] = process
        parents.setdefault(parent, set()).add(process.pid)
    found, rest = set(), {pid} & known.keys()
    while rest:
        one = rest.pop()
        found.add(known[one])
        rest |= parents.get(one, set())
    return found


def survivors(of: set[Process]) -> list[str]:
    return sorted(process.name for process, _parent in _living() if process in of)


def _living() -> list[tuple[Process, int]]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                before, _, after = (entry / "stat").read_text().rpartition(")")
            except OSError:
                continue  # it has ended
            fields = after.split()
            name = before.partition("(")[2]
            process = Process(int(entry.name), fields[19], name)
            if fields[0] != "Z":
                found.append((process, int(fields[1])))
    return found
