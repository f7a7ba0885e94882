"""The files of docs/examples, and the logging that the manual shows."""

from __future__ import annotations

import configparser
import json
import logging
import logging.config
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands

from csms_campaigns import logs
from tests.docs.markdown import ROOT, document

pytestmark = pytest.mark.once

OPERATING = document("docs/operating.md")
UNITS = sorted((ROOT / "docs" / "examples").glob("csms-*"))
SERVICES = [path for path in UNITS if path.suffix == ".service"]


def unit(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=True, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment]
    parser.read_string(path.read_text())
    return parser


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_is_named_in_the_manual(path: Path) -> None:
    assert f"examples/{path.name}" in OPERATING.links()
    assert unit(path)["Unit"]["Description"]


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_service_starts_what_is_there(path: Path) -> None:
    service = unit(path)["Service"]
    program, *rest = service["ExecStart"].split()
    assert program.startswith(service["WorkingDirectory"] + "/.venv/bin/")
    name = Path(program).name
    assert name in {"gunicorn", "celery", "python"}
    if name == "python":
        assert rest[0] == "manage.py"
        assert rest[1] in get_commands()
    elif name == "celery":
        assert rest[:2] == ["-A", "mysite"]
        assert rest[2] in {"worker", "beat"}


def test_the_worker_has_time_to_finish() -> None:
    service = unit(ROOT / "docs/examples/csms-worker.service")["Service"]
    assert int(service["TimeoutStopSec"]) >= 2.5 + 60 + 15
    # Else systemd ends the children of a prefork pool in the middle of a request.
    assert service["KillMode"] == "mixed"


def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    """Where systemd is here: its own opinion, with a program that exists in place of the site's."""
    tool = shutil.which("systemd-analyze")
    for path in UNITS:
        text = path.read_text().replace("/srv/mysite/.venv/bin/", "@")
        for name in ("gunicorn", "celery", "python"):
            text = text.replace(f"ExecStart=@{name}", f"ExecStart={sys.executable}")
        (tmp_path / path.name).write_text(text.replace("/srv/mysite", "/tmp"))  # noqa: S108
    copies = [str(tmp_path / path.name) for path in UNITS]
    if tool is None:
        assert len(copies) == len(UNITS)
        return
    done = subprocess.run(
        [tool, "verify", "--man=no", "--recursive-errors=no", *copies],
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if str(tmp_path) in line]
    assert said == []
    assert done.returncode == 0, done.stderr


def test_the_logging_of_the_manual_writes_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    [block] = [b for b in OPERATING.section("Logs").blocks() if b.language == "python"]
    names: dict[str, Any] = {}
    exec(block.text, names)  # noqa: S102 our own document
    root, ours = logging.getLogger(), logging.getLogger("csms_campaigns")
    before = (list(root.handlers), root.level, ours.level)
    logging.config.dictConfig(names["LOGGING"])
    try:
        with logs.about(account="default", campaign_id=7):
            logs.logger("csms_campaigns.engine").info("to %s", "+12125551234")
        lines = capsys.readouterr().err.splitlines()
    finally:
        root.handlers, root.level, ours.level = before
    [said] = [json.loads(line) for line in lines]
    assert said["message"] == "to +1212•••1234"
    assert (said["account"], said["campaign_id"], said["batch_id"]) == (
        "default",
        7,
        None,
    )


def test_every_attribute_of_a_record_has_an_entry() -> None:
    assert set(logs.FIELDS) <= OPERATING.section("Logs").entries()
