"""Each benchmark runs, with few people, and says what it is to say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.frame import Figure
from tests.docs.markdown import ROOT

pytestmark = pytest.mark.once

SAID = {
    "engine": ["| a batch, 1 key, 4 workers |", "with the real client |"],
    "status": ["| progress, 10 batches of 100 |", "| is it finished?", "| a tick, "],
    "memory": ["| export, 1,000 people |", "| ledger,", "| resolve,"],
    "launch": ["| launch to the first request, 1,000 people |"],
    "idle": ["| queries of the ticks of a minute, 10 accounts |", "time of beat"],
}


@pytest.mark.parametrize("name", SAID)
def test_it_runs(name: str, tmp_path: Path) -> None:
    # Some seconds: its cases are processes, and two of them start real workers.
    ours = ("TEST_", "CSMS_TEST_", "DJANGO_SETTINGS")
    env = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    done = subprocess.run(
        [sys.executable, "-m", "bench", name, "--db", "sqlite", "--size", "1000"],
        cwd=ROOT,
        env={**env, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    # What it found says nothing of so few people, and so does the status.
    assert done.returncode in {0, 1}, done.stderr
    for line in SAID[name]:
        assert line in done.stdout, done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_figure_may_be_bounded_by_itself() -> None:
    assert Figure("a", 50.0, "ms", most=50.0).is_kept
    assert not Figure("a", 50.1, "ms", most=50.0).is_kept
    assert Figure("a", 1.0, "ms", 2.0, 0.4, most=50.0).is_kept is False
    assert Figure("a", 1.0, "ms", most=50.0).limit == "50 ms"
    assert Figure("a", 1.0, "ms", 2.0, 1.5).limit == "1.5"
    assert Figure("a", 1.0, "ms").limit == ""
