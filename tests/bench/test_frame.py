"""The benchmarks run, and say what they found."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.frame import Figure, apart, machine, number, stopwatch, table
from tests.docs.markdown import ROOT

pytestmark = pytest.mark.once


def test_a_ratio_is_kept_up_to_what_is_allowed() -> None:
    assert Figure("a", 3.0, "s", 2.0, 1.5).is_kept
    assert not Figure("a", 3.1, "s", 2.0, 1.5).is_kept
    assert Figure("a", 3.1, "s").is_kept
    assert Figure("a", 3.0, "s", 2.0).ratio == 1.5


def test_the_table_is_markdown_and_names_what_is_missed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept = Figure("fast", 1234.4, "MB", note="all of it")
    table("prepare, sqlite", [kept, Figure("slow", 3.1, "s", 2.0, 1.5)])
    assert capsys.readouterr().out.splitlines() == [
        "",
        "### prepare, sqlite",
        "",
        "| what | figure | baseline | ratio | allowed |  |",
        "| --- | --- | --- | --- | --- | --- |",
        "| fast | 1,234 MB |  |  |  | all of it |",
        "| slow | 3.1 s | 2 s | 1.55 | 1.5 |  |",
        "",
        "**slow: 1.55 is more than 1.5.**",
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(0.12345, "0.123"), (12.345, "12.3"), (50709.4, "50,709")]
)
def test_numbers_have_three_digits_or_no_fraction(value: float, text: str) -> None:
    assert number(value) == text


def test_the_machine_is_named() -> None:
    assert "Python 3." in machine()


def test_the_watch_counts_waiting_and_work_apart() -> None:
    with stopwatch() as watch:
        sum(range(100_000))
    assert 0 < watch.cpu
    assert 0 < watch.wall


def work(count: int) -> tuple[int, int]:
    return os.getpid(), len(bytearray(count))


def fail() -> None:
    message = "as told"
    raise ValueError(message)


def test_a_case_runs_in_a_process_of_its_own() -> None:
    found = apart(work, 80_000_000)
    pid, length = found.answer
    assert pid != os.getpid()
    assert length == 80_000_000
    assert found.peak_mb > 80


def test_what_fails_there_fails_here() -> None:
    with pytest.raises(ValueError, match="as told"):
        apart(fail)


def test_it_runs_from_the_command_line(tmp_path: Path) -> None:
    # Some seconds: nothing else runs a benchmark, and its cases are processes.
    words = ["prepare", "--db", "sqlite", "--size", "1000"]
    ours = ("TEST_", "CSMS_TEST_", "DJANGO_SETTINGS")
    env = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    done = subprocess.run(
        [sys.executable, "-m", "bench", *words],
        cwd=ROOT,
        env={**env, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    # Of so few people the ratios say nothing, and so does the status.
    assert done.returncode in {0, 1}, done.stderr
    assert "### prepare, sqlite" in done.stdout, done.stderr
    assert "| plain text, 1,000 people |" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_name_is_refused_with_those_that_are_known() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "speed"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "there is no speed: choose from prepare" in done.stderr
