"""Opting out from the command line: numbers, a file, standard input."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from csms_campaigns.models import OptOut
from tests import factories

pytestmark = pytest.mark.django_db

ONE, TWO = "+12125550101", "+12125550102"


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("csms_opt_out", *words, stdout=out)
    return out.getvalue()


def as_json(*words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*words, "--json"))
    return found


def test_numbers() -> None:
    assert run(ONE, "212 555 0102", "--reason", "Called") == "2 numbers opted out.\n"
    found = OptOut.objects.values_list("phone", "source", "reason", "created_by")
    assert sorted(found) == [
        (ONE, "command", "Called", None),
        (TWO, "command", "Called", None),
    ]


def test_a_file(tmp_path: Path) -> None:
    factories.opt_out([ONE])
    path = tmp_path / "stopped.csv"
    path.write_text(f"name;phone\nAda;{ONE}\nBen;{TWO}\n")
    found = as_json("--file", str(path), "--source", "crm")
    assert found == {"rows": 2, "new": 1, "known": 1, "bad": 0, "examples": []}
    assert OptOut.objects.get(phone=TWO).source == "crm"


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = SimpleNamespace(buffer=io.BytesIO(f"{ONE}\n{TWO}\n".encode()))
    monkeypatch.setattr(sys, "stdin", stream)
    assert as_json("--file", "-")["new"] == 2


def test_bad_ones_are_named_and_the_others_opted_out() -> None:
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 row holds no usable number"):
        call_command("csms_opt_out", "call me", ONE, stdout=out)
    assert "Line 1, “call me”: This is not a phone number." in out.getvalue()
    assert OptOut.objects.get().phone == ONE


def test_the_same_for_programs() -> None:
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("csms_opt_out", "x", ONE, "--json", stdout=out)
    found = json.loads(out.getvalue())
    assert (found["new"], found["bad"]) == (1, 1)
    assert found["examples"] == [{"line": 1, "given": "x", "code": "not_a_number"}]


@pytest.mark.parametrize("words", [[], [ONE, "--file", "x.csv"]])
def test_one_of_the_two(words: list[str]) -> None:
    with pytest.raises(CommandError, match="Give numbers"):
        run(*words)


def test_a_region() -> None:
    run("050 123 4567", "--region", "sa")
    assert OptOut.objects.get().phone == "+966501234567"
    with pytest.raises(CommandError, match="is no region"):
        run("050 123 4567", "--region", "Arabia")


def test_a_file_that_is_not_there() -> None:
    out = io.StringIO()
    with pytest.raises(CommandError, match="There is no file"):
        call_command("csms_opt_out", "--file", "no.csv", "--json", stdout=out)
    assert "no.csv" in json.loads(out.getvalue())["error"]


def test_nobody_is_opted_in_by_it() -> None:
    factories.opt_out([ONE])
    run(TWO)
    assert OptOut.objects.count() == 2
