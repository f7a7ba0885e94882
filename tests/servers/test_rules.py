"""The rules of a run: where nothing may be missing, a skip is a failure."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import forbid_skip
from tests.polling import wait_until
from tests.servers import addresses


def skipped(**more: Any) -> Any:
    return SimpleNamespace(
        skipped=True, outcome="skipped", longrepr="no browser", **more
    )


@pytest.mark.parametrize(("value", "outcome"), [("true", "failed"), ("", "skipped")])
def test_a_skip_fails_only_where_nothing_may_be_missing(
    monkeypatch: pytest.MonkeyPatch, value: str, outcome: str
) -> None:
    monkeypatch.setenv("CI", value)
    report = forbid_skip(skipped())
    assert report.outcome == outcome
    assert "no browser" in report.longrepr


def test_an_expected_failure_is_no_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert forbid_skip(skipped(wasxfail="known")).outcome == "skipped"


@pytest.mark.parametrize(
    ("words", "variable", "expected"),
    [
        ([], None, "sqlite"),
        ([], "postgres", "postgres"),
        (["tests", "--db", "postgres"], None, "postgres"),
        (["--db=sqlite"], "postgres", "sqlite"),
    ],
)
def test_the_database_is_chosen_by_the_command_then_by_the_environment(
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    variable: str | None,
    expected: str,
) -> None:
    monkeypatch.setattr("sys.argv", ["pytest", *words])
    monkeypatch.delenv("TEST_DB", raising=False)
    if variable:
        monkeypatch.setenv("TEST_DB", variable)
    assert addresses.engine() == expected


def test_waiting_gives_the_first_truthy_value() -> None:
    values = iter([0, None, "ready"])
    assert wait_until(lambda: next(values)) == "ready"


def test_waiting_in_vain_fails_with_the_last_value() -> None:
    with pytest.raises(AssertionError, match="gave 0"):
        wait_until(lambda: 0, seconds=0.1)
