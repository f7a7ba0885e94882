from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from celery import Celery, current_app
from django.core.management import call_command

from csms_campaigns.diagnosis.findings import CODES
from csms_campaigns.engine import witness


@dataclass(frozen=True)
class Report:
    status: int
    said: dict[str, Any]

    @property
    def findings(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.said["findings"]
        return found

    def codes(self, level: str = "problem") -> set[str]:
        return {f["code"] for f in self.findings if f["level"] == level}

    def one(self, code: str) -> dict[str, str]:
        """The only finding with this code; a warning or a problem says what to do."""
        [found] = [f for f in self.findings if f["code"] == code]
        assert code in CODES
        assert found["text"]
        assert found["advice"]
        return found


@pytest.fixture
def doctor() -> Callable[[], Report]:
    """Runs the command in this process, as `--json`."""

    def run(*words: str) -> Report:
        out, status = io.StringIO(), 0
        try:
            call_command("csms_doctor", "--json", *words, stdout=out)
        except SystemExit as end:
            status = int(str(end.code))
        return Report(status, json.loads(out.getvalue()))

    return run


@pytest.fixture
def site(redis_url: str) -> Iterator[Callable[..., Celery]]:
    """`site(task_routes=…)`: this process puts its tasks on a Celery app with these options."""
    before = current_app._get_current_object()
    remote = before.conf.worker_enable_remote_control

    def make(**options: Any) -> Celery:
        app = Celery("site", set_as_current=False)
        usual = {"broker_url": redis_url, "worker_enable_remote_control": remote}
        app.conf.update({**usual, **options})
        # In this thread, and in those that it starts.
        app.set_current()
        app.set_default()
        return app

    yield make
    before.set_current()
    before.set_default()


@pytest.fixture(autouse=True)
def _fresh_witness() -> None:
    """What another test has seen says nothing of this one's rows."""
    witness._memory.__init__()  # type: ignore[misc]
