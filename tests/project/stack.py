"""What `docker compose up` would run, started here by hand from the commands of compose.yaml."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from project.demo.processes import Child
from tests.docs.markdown import ROOT

VARIABLE: Final = re.compile(r"\$\{(\w+):-([^}]*)\}")


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return found


def filled(text: str, variables: dict[str, str]) -> str:
    """`${NAME:-default}`, as Compose reads it."""
    return VARIABLE.sub(lambda found: variables.get(found[1]) or found[2], text)


def words(command: str | list[str]) -> list[str]:
    return shlex.split(command) if isinstance(command, str) else list(command)


@dataclass
class Stack:
    """`places` replaces what a container would have for itself: addresses, ports, folders."""

    folder: Path
    places: dict[str, str]
    variables: dict[str, str] = field(default_factory=dict)
    children: list[Child] = field(default_factory=list)

    def service(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = compose()["services"][name]
        return found

    def environment(self, name: str) -> dict[str, str]:
        said = self.service(name)["environment"]
        own = {k: self._placed(filled(str(v), self.variables)) for k, v in said.items()}
        usual = {"PATH": os.defpath, "HOME": str(self.folder)}
        return {**usual, **own, "CSMS_DEMO_DIR": str(self.folder / "data")}

    def command(self, name: str) -> list[str]:
        program, *rest = words(self._placed(self.service(name)["command"]))
        here = {"python": [sys.executable]}
        return [*here.get(program, [sys.executable, "-m", program]), *rest]

    def _placed(self, text: str) -> str:
        for there, here in self.places.items():
            text = text.replace(there, here)
        return text

    def finish(self, name: str) -> str:
        """A service that does its work and ends."""
        return self.run(self.command(name), name)

    def run(self, command: list[str], name: str, **more: str) -> str:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**self.environment(name), **more},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def manage(self, *more: str, **variables: str) -> str:
        return self.run([sys.executable, "manage.py", *more], "worker", **variables)

    def start(self, name: str, is_ready: Callable[[str], bool]) -> Child:
        child = Child(
            name,
            self.command(name),
            self.folder / f"{name}.log",
            env=self.environment(name),
            cwd=ROOT,
        )
        self.children.append(child)
        child.start().wait_ready(lambda: is_ready(child.log.read_text()))
        return child

    def stop(self) -> None:
        for child in reversed(self.children):
            child.stop()
