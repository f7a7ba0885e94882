"""What the linter of imports cannot see: what is loaded, and who writes a status."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import csms_campaigns

pytestmark = pytest.mark.once

ROOT = Path(csms_campaigns.__file__).resolve().parent
STATUSES = {"status", "blocked_reason", "resolution"}


def loaded(module: str) -> set[str]:
    """The packages that a fresh interpreter has loaded after this import."""
    code = (
        f"import {module}, sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "csms_campaigns.sms.segments",
        "csms_campaigns.sms.numbers",
        "csms_campaigns.sms.placeholders",
        "csms_campaigns.gateway.client",
        "csms_campaigns.sandbox.server",
    ],
)
def test_it_works_without_django_and_celery(module: str) -> None:
    assert not {"django", "celery", "redis"} & loaded(module)


def test_the_sandbox_shares_nothing_with_the_client() -> None:
    """Else one mistake in both would look like agreement."""
    assert "requests" not in loaded("csms_campaigns.sandbox.server")
    for path in (ROOT / "sandbox").glob("*.py"):
        assert "csms_campaigns.gateway" not in path.read_text()


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        inside = path.relative_to(ROOT)
        if inside.parts[0] not in {"engine", "migrations"}:
            yield inside, ast.parse(path.read_text())


def writes_a_status(node: ast.AST) -> bool:
    """`.update(status=…)`, or an assignment to `something.status`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        names = {word.arg for word in node.keywords}
        return node.func.attr in {"update", "create"} and bool(names & STATUSES)
    targets = node.targets if isinstance(node, ast.Assign) else []
    return any(isinstance(t, ast.Attribute) and t.attr in STATUSES for t in targets)


def test_only_the_engine_writes_a_status() -> None:
    found = [
        f"{path}:{node.lineno}"  # type: ignore[attr-defined]
        for path, tree in trees()
        if path.parts[0] != "sandbox"
        for node in ast.walk(tree)
        if writes_a_status(node)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("rows.update(status=1)", True),
        ("campaign.status = 1", True),
        ("rows.update(name=1)", False),
        ("x = campaign.status", False),
    ],
)
def test_the_search_finds_what_it_should(code: str, expected: bool) -> None:
    assert any(writes_a_status(node) for node in ast.walk(ast.parse(code))) == expected


def test_no_module_is_longer_than_a_reader_keeps_in_mind() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in ROOT.rglob("*.py")
        if path.parent.name != "migrations"
    }
    assert {path: lines for path, lines in lengths.items() if lines >= 300} == {}
