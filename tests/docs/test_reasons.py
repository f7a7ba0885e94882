"""Every sentence that says why a campaign stands still is in the operating manual."""

from __future__ import annotations

import ast
import re

import pytest

from csms_campaigns.engine.finishing import NO_ENTRY
from tests.docs.markdown import ROOT, document

pytestmark = pytest.mark.once

OPERATING = document("docs/operating.md")


def sentences(name: str) -> set[str]:
    """What a module of the engine marks for the reason of a campaign's state."""
    tree = ast.parse((ROOT / f"csms_campaigns/engine/{name}.py").read_text())
    imported = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    marks = {
        alias.asname or alias.name
        for node in imported
        for alias in node.names
        if alias.name == "gettext_noop"
    }
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
    found = [
        ast.literal_eval(call.args[0])
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id in marks
    ]
    return {text for text in found if text[0].isupper()}


PAUSERS = ("consequences", "finishing", "lifecycle", "pausing", "recovery", "restoring")
REASONS = sorted(set().union(*map(sentences, (*PAUSERS, "taking", "ticking"))))


@pytest.mark.parametrize("reason", [*REASONS, NO_ENTRY])
def test_every_reason_of_a_pause_has_an_entry(reason: str) -> None:
    """It is named by how it begins: up to its first value, or its first full stop."""
    section = " ".join(OPERATING.section("Other pauses of one campaign").text.split())
    begins = re.split(r"[.:]? ?“?%\(|(?<=\.) ", reason)[0]
    assert re.search(rf"\*{re.escape(begins)}[^a-z*]{{0,3}}[^*]*\*", section), begins


def test_there_are_reasons_to_test() -> None:
    assert len(REASONS) >= 10
