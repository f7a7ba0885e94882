"""The app as it is packed, with every Django on every Python that is here: `python -m tests.matrix`.

For each pair a virtual environment under .matrix/, into which the wheel is installed, and beside it
a copy of the tests without the app's sources, so that nothing but the wheel can be imported. A pair
whose interpreter is missing is a line of the table too. Words name pairs: `3.12-6.1`.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / ".matrix"
PYTHONS: Final = ("3.11", "3.12", "3.13")
DJANGOS: Final = ("5.2", "6.0", "6.1")
OLDEST_PYTHON: Final = {"6.0": "3.12", "6.1": "3.12"}
"""Of a Django, where it is newer than our own."""
COPIED: Final = (
    *("tests", "project", "templates", "docs", "bench", "manage.py", "pyproject.toml"),
    *("README.md", "CHANGELOG.md", "Makefile", "compose.yaml", "Dockerfile"),
)
CHOSEN: Final = (
    *("tests/sites", "tests/security", "tests/sms/test_segments.py"),
    *(f"tests/test_{name}.py" for name in ("api", "checks", "migrations", "models")),
    *(f"tests/engine/test_{name}.py" for name in ("freezing", "signals", "zones")),
    *(f"tests/admin/test_{name}.py" for name in ("compose", "hours_form", "review")),
)
"""Where Django or Python could make a difference: pages, forms, queries, migrations, time."""
# Those of the linters know one Django only, and Django is what changes here.
UNPINNED: Final = re.compile(
    r"^(django|django-stubs.*|mypy.*|ruff|djlint|librt)==.*\n",
    re.IGNORECASE | re.MULTILINE,
)
FOUND: Final = "import sys; print('%d.%d' % sys.version_info[:2])"


@dataclass(frozen=True)
class Pair:
    python: str
    django: str

    def __str__(self) -> str:
        return f"{self.python}-{self.django}"

    @property
    def folder(self) -> Path:
        return FOLDER / f"python{self.python}-django{self.django}"

    @property
    def is_offered(self) -> bool:
        oldest = OLDEST_PYTHON.get(self.django, PYTHONS[0])
        return PYTHONS.index(self.python) >= PYTHONS.index(oldest)


def pairs(words: list[str]) -> list[Pair]:
    found = [Pair(*each) for each in itertools.product(PYTHONS, DJANGOS)]
    return [pair for pair in found if not words or str(pair) in words]


def candidates(version: str) -> Iterator[Path]:
    """Where an interpreter may be; pyenv's bare names are shims, which fail."""
    yield Path(sys.executable)
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(root.glob(f"versions/{version}.*/bin/python"), reverse=True)
    if on_path := shutil.which(f"python{version}"):
        yield Path(on_path)


def interpreter(version: str) -> Path | None:
    for path in candidates(version):
        said = subprocess.run(
            [path, "-c", FOUND], capture_output=True, text=True, check=False
        )
        if said.stdout.strip() == version:
            return path
    return None


def wheel() -> Path:
    """Of this checkout, built without a download."""
    shutil.rmtree(FOLDER / "wheel", ignore_errors=True)
    words = ["--no-deps", "--no-build-isolation", "--no-index", "-q"]
    run([sys.executable, "-m", "pip", "wheel", *words, "-w", FOLDER / "wheel", ROOT])
    [built] = (FOLDER / "wheel").glob("*.whl")
    return built


def run(words: list[str | Path]) -> None:
    subprocess.run(words, check=True)


def prepare(pair: Pair, python: Path, built: Path) -> Path:
    """The pair's own interpreter, with all that the tests need."""
    own = pair.folder / "bin" / "python"
    if not own.exists():
        run([python, "-m", "venv", pair.folder])
    pinned = FOLDER / "constraints.txt"
    text = (ROOT / "project" / "constraints.txt").read_text()
    pinned.write_text(UNPINNED.sub("", text))
    pip: list[str | Path] = [own, "-m", "pip", "install", "-qq"]
    pip += ["--disable-pip-version-check", "-c", pinned, f"Django~={pair.django}.0"]
    run([*pip, f"django-csms-campaigns[test] @ {built.as_uri()}"])
    # The version is the same: without this, pip would keep the wheel of the last time.
    run([*pip, "--no-deps", "--force-reinstall", built])
    return own


def copy_tests(pair: Pair) -> Path:
    """What the tests read, without the app itself."""
    place = pair.folder / "checkout"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.sqlite3*")
            shutil.copytree(source, place / name, ignore=ignored)
        else:
            shutil.copy(source, place / name)
    return place


def try_out(pair: Pair, python: Path, built: Path) -> str:
    """The last line of pytest, or why there is none."""
    try:
        own = prepare(pair, python, built)
    except subprocess.CalledProcessError as error:
        return f"FAILED: {error.cmd[3:5]} ended with {error.returncode}"
    place = copy_tests(pair)
    words = ["-m", "pytest", "--db", "sqlite", "-q", "--no-header", *CHOSEN]
    log = pair.folder / "log.txt"
    with log.open("w") as output:
        done = subprocess.run(
            [own, *words], cwd=place, stdout=output, stderr=output, check=False
        )
    last = log.read_text().strip().splitlines()[-1].strip("= ")
    return last if done.returncode == 0 else f"FAILED: {last} (see {log})"


def outcome(pair: Pair, built: Path) -> str:
    if not pair.is_offered:
        return f"not offered: Django {pair.django} needs Python {OLDEST_PYTHON[pair.django]}"
    python = interpreter(pair.python)
    if python is None:
        return f"not tried: there is no Python {pair.python} here"
    return try_out(pair, python, built)


def main(words: list[str]) -> int:
    FOLDER.mkdir(exist_ok=True)
    built = wheel()
    lines = []
    for pair in pairs(words):
        said = outcome(pair, built)
        lines.append(f"| {pair.python} | {pair.django} | {said} |")
        print(lines[-1], flush=True)  # noqa: T201
    print("\n| Python | Django | |\n| --- | --- | --- |", *lines, sep="\n")  # noqa: T201
    return int(any("FAILED" in line for line in lines))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
