"""Each finding has its entry in the documents, each reason its advice."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from csms_campaigns import diagnosis
from csms_campaigns.diagnosis import accounts
from csms_campaigns.diagnosis.findings import CODES
from csms_campaigns.states import BlockReason
from tests.docs.markdown import document

pytestmark = pytest.mark.once

FOLDER = Path(diagnosis.__file__).parent


def made() -> Iterator[str]:
    """The codes of all warnings and problems that the code makes."""
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(getattr(node, "func", None), "id", "")
            if name in {"warning", "problem"} and isinstance(
                node.args[0],  # type: ignore[attr-defined]
                ast.Constant,
            ):
                yield str(node.args[0].value)  # type: ignore[attr-defined]


def test_every_code_is_known_and_made() -> None:
    built = {"settings.check", "workers.version", "workers.settings"}
    assert set(made()) | built | {"workers.database"} == CODES


def test_every_code_has_an_entry() -> None:
    entries = document("docs/commands.md").section("`csms_doctor`").entries()
    assert {entry for entry in entries if "." in entry} == CODES


@pytest.mark.parametrize("reason", list(BlockReason))
def test_every_reason_of_a_block_has_its_advice(reason: BlockReason) -> None:
    assert str(accounts.ADVICE[reason]).endswith((".", "decide."))
