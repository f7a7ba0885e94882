"""The demo's folder: one demo at a time, and a way to start over."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path


class InUseError(Exception):
    """Another demo runs in this folder."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Ours until the block, or the process, ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUseError from None
        (folder / "logs").mkdir(exist_ok=True)
        yield


def empty(folder: Path) -> None:
    """Only under the lock, whose file stays."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "lock":
            path.unlink()
    (folder / "logs").mkdir()
