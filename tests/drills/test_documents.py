"""Every drill stands in `docs/drills.md`, and the command that it tells is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.markdown import document
from tests.drills.chaos import parser

pytestmark = pytest.mark.once

DRILLS = document("docs/drills.md")


def test_every_file_of_drills_is_told() -> None:
    files = {path.stem for path in Path(__file__).parent.glob("test_*.py")}
    assert files - {Path(__file__).stem} <= DRILLS.entries()


def test_every_option_is_told() -> None:
    for action in parser()._actions:
        for word in action.option_strings:
            assert word in DRILLS.text or word in ("-h", "--help")


def test_the_commands_are_understood() -> None:
    told = [
        line.partition('ARGS="')[2].rstrip('"').split()
        for block in DRILLS.blocks()
        for line in block.text.splitlines()
        if line.startswith("$ make drills")
    ]
    assert len(told) == 3
    for words in told:
        parser().parse_args(words)
