"""A site from nothing, in a virtual environment of its own, built by the documents' own lines.

The wheel is installed there; all else comes from the environment of the tests, so nothing is
downloaded. The checkout cannot be imported: it is on no path.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from project.demo.processes import Child, answers
from tests.docs.markdown import Block
from tests.project.family import Process, family

OTHERS = ("purelib", "platlib")
SCRIPT = """\
#!{python}
import sys
from importlib.metadata import entry_points
[found] = entry_points(group="console_scripts", name="{name}")
sys.exit(found.load()())
"""
FILE = re.compile(r"# (mysite/\w+\.py)\n")


@dataclass
class FreshSite:
    """`ports` replaces the documents' ports, the one thing that may differ from a reader's."""

    folder: Path
    wheel: Path
    ports: dict[str, int]
    variables: dict[str, str] = field(default_factory=dict)
    children: list[Child] = field(default_factory=list)
    families: set[Process] = field(default_factory=set)

    @property
    def python(self) -> Path:
        return self.folder / ".venv" / "bin" / "python"

    def install(self) -> None:
        """What `python3 -m venv .venv` and `pip install` of the wheel do, without an index."""
        venv.create(self.folder / ".venv", symlinks=True)
        pip = [sys.executable, "-m", "pip", "--python", str(self.python), "install"]
        words = ["--no-deps", "--no-index", "-qq", "--disable-pip-version-check"]
        self.run([*pip, *words, str(self.wheel)])
        # Only now, or pip would find the checkout's own installation and do nothing.
        self._borrow_packages()
        for name in ("django-admin", "celery"):
            script = self.python.with_name(name)
            script.write_text(SCRIPT.format(python=self.python, name=name))
            script.chmod(0o755)

    def _borrow_packages(self) -> None:
        ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
        own = Path(self.run([str(self.python), "-c", ask]).strip())
        paths = {sysconfig.get_path(name) for name in OTHERS}
        # A .pth file in a folder that a .pth file names is not read: no editable install.
        (own / "borrowed.pth").write_text("\n".join(sorted(paths)) + "\n")

    def follow(self, block: Block) -> str:
        """Do what a reader does with a block of code; what it printed."""
        text = self.adapted(block.text)
        if block.language == "python":
            return self._add(text)
        return self.run(["bash", "-euc", f". .venv/bin/activate\n{text}"])

    def _add(self, text: str) -> str:
        found = FILE.match(text)
        assert found, f"This block does not say to which file it belongs:\n{text}"
        path = self.folder / found[1]
        before = path.read_text() if path.exists() else ""
        path.write_text(before + "\n" + text)
        return ""

    def keep_running(self, block: Block, *, log: str, ready: str | int) -> Child:
        """`ready` is a port that answers, or a piece of the log."""
        line = self.adapted(block.text).strip()
        assert "\n" not in line
        child = Child(
            name=log,
            command=["bash", "-c", f". .venv/bin/activate && exec {line}"],
            log=self.folder / f"{log}.log",
            env=self.environment(),
            cwd=self.folder,
        )
        self.children.append(child)
        child.start().wait_ready(self._is_ready(child, ready))
        self.families |= family(child.pid)
        return child

    @staticmethod
    def _is_ready(child: Child, ready: str | int) -> Callable[[], bool]:
        if isinstance(ready, int):
            return lambda: answers(ready)
        return lambda: ready in child.log.read_text(errors="replace")

    def stop(self) -> None:
        """In reverse order: the worker may still write down an answer of the sandbox."""
        for child in self.children:
            self.families |= family(child.pid)
        for child in reversed(self.children):
            child.stop()

    def adapted(self, text: str) -> str:
        for documented, port in self.ports.items():
            text = re.sub(rf"\b{documented}\b", str(port), text)
        return text

    def environment(self) -> dict[str, str]:
        """Nothing of the tests' own settings."""
        usual = {"PATH": os.defpath, "HOME": str(self.folder), "LANG": "C.UTF-8"}
        return {**usual, "PYTHONUNBUFFERED": "1", **self.variables}

    def run(self, command: list[str]) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def manage(self, *words: str) -> str:
        return self.run([str(self.python), "manage.py", *words])
