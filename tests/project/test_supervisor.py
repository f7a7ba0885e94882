"""Programs start in order, are watched, and end in reverse order, whatever happens."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from project.demo import folder
from project.demo.processes import Child, ChildError
from project.demo.supervisor import Supervisor
from tests.servers.test_servers import group_of

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[2]

# Each child says when it is up and when it is asked to end.
TALKER = "trap 'echo {name} down >> {diary}; exit 0' TERM; echo {name} up >> {diary}; while :; do sleep 0.1; done"


def talker(name: str, diary: Path) -> Child:
    script = TALKER.format(name=name, diary=diary)
    return Child(name, ["sh", "-c", script], diary.with_name(f"{name}.log"))


def said(diary: Path, words: str) -> bool:
    return diary.exists() and words in diary.read_text()


@pytest.fixture
def handlers() -> Any:
    """The supervisor ignores further signals while it stops; the tests go on with their own."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_the_last_started_is_the_first_stopped(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    with Supervisor() as supervisor:
        for name in ("one", "two", "three"):
            ready = f"{name} up"
            supervisor.start(talker(name, diary), lambda: said(diary, ready))  # noqa: B023
    assert diary.read_text().split("\n") == [
        *["one up", "two up", "three up"],
        *["three down", "two down", "one down", ""],
    ]


@pytest.mark.usefixtures("handlers")
def test_a_child_that_dies_is_named_and_the_others_are_stopped(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    short = Child("short one", ["sh", "-c", "echo oh; exit 7"], tmp_path / "short.log")

    def run() -> None:
        with Supervisor() as supervisor:
            supervisor.start(talker("one", diary), lambda: said(diary, "one up"))
            supervisor._running.append(short.start())
            supervisor.watch()

    with pytest.raises(ChildError, match="The short one ended unexpectedly") as caught:
        run()
    assert "status 7" in str(caught.value)
    assert "    oh" in str(caught.value)
    assert said(diary, "one down")


@pytest.mark.usefixtures("handlers")
def test_finish_gives_the_last_line_or_the_reason(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Supervisor() as supervisor:
        done = Child("maker", ["sh", "-c", "echo first; echo last"], log)
        assert supervisor.finish(done) == "last"
        failing = Child("maker", ["sh", "-c", "echo why; exit 2"], log)
        with pytest.raises(ChildError, match="why"):
            supervisor.finish(failing)


PROGRAM = """
    import sys
    from pathlib import Path
    from project.demo.processes import Child
    from project.demo.supervisor import StopRequested, Supervisor, stoppable
    home = Path(sys.argv[1])
    try:
        with stoppable(), Supervisor() as supervisor:
            child = Child("sleeper", ["sleep", "300"], home / "sleeper.log")
            supervisor.start(child, lambda: True)
            print(child.pid, flush=True)
            supervisor.watch()
    except StopRequested:
        print("stopped", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_stops_everything(
    tmp_path: Path, wait_until: Any, number: signal.Signals
) -> None:
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        sleeper = int(program.stdout.readline())
        program.send_signal(number)
        assert program.stdout.read() == "stopped\n"
        assert program.wait(30) == 0
    wait_until(lambda: group_of(sleeper) == [])


def test_sigkill_takes_the_children_along(tmp_path: Path, wait_until: Any) -> None:
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        sleeper = int(program.stdout.readline())
        program.kill()
    wait_until(lambda: group_of(sleeper) == [])


def test_one_demo_at_a_time_in_a_folder(tmp_path: Path) -> None:
    def lock_again() -> None:
        with folder.locked(tmp_path / "demo"):
            pytest.fail("It was locked twice.")

    with folder.locked(tmp_path / "demo"), pytest.raises(folder.InUseError):
        lock_again()
    with folder.locked(tmp_path / "demo"):
        assert (tmp_path / "demo" / "logs").is_dir()


def test_starting_over_empties_the_folder(tmp_path: Path) -> None:
    with folder.locked(tmp_path):
        (tmp_path / "site.sqlite3").write_text("old")
        (tmp_path / "logs" / "site.log").write_text("old")
        folder.empty(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "logs"]
        assert list((tmp_path / "logs").iterdir()) == []
