"""An installation in which everything runs: the doctor finds nothing, and is quick."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from csms_campaigns import tasks
from csms_campaigns.diagnosis import panel
from csms_campaigns.models import Heartbeat
from tests import factories
from tests.diagnosis.test_broken import ROOT
from tests.e2e.outcome import is_finished

pytestmark = pytest.mark.django_db(transaction=True)

AREAS = [
    *["settings", "database", "broker", "workers", "gateway"],
    *["tick", "account", "campaigns", "witness", "ledger"],
]
SKEWED = """
from tests.drills import clock
clock.install(-3600)
import django
django.setup()
from django.core.management import call_command
call_command("csms_doctor")
"""


def test_a_site_that_is_well(
    doctor: Any, sandbox: Any, worker: Any, wait_until: Any
) -> None:
    """A real worker with beat has sent a campaign, and waits for the next."""
    sandbox()
    campaign = factories.sending(7)
    worker()
    tasks.wake_lanes("default")
    wait_until(lambda: is_finished(campaign))
    wait_until(Heartbeat.objects.exists)
    before = time.monotonic()
    report = doctor()
    assert time.monotonic() - before < 20
    assert report.status == 0
    assert [f["code"] for f in report.findings] == AREAS
    assert report.said["problems"] == report.said["warnings"] == 0
    assert report.said["ok"] is True

    out = io.StringIO()
    call_command("csms_doctor", stdout=out, no_color=True)
    lines = out.getvalue().splitlines()
    assert lines[-1] == "All is well."
    assert [line.split()[0] for line in lines[:-1]] == ["ok"] * len(AREAS)
    told = out.getvalue()
    assert "1 worker answers: worker-1@tests." in told
    assert "celery: 0" in told
    assert "cspro_" not in told


def test_the_clock_of_this_machine_is_an_hour_behind_the_databases(
    database_vendor: str,
) -> None:
    """SQLite has no clock of its own, so there nothing is apart."""
    own = {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "CSMS_TEST_LIVE_DB": str(connection.settings_dict["NAME"]),
    }
    done = subprocess.run(
        [sys.executable, "-c", SKEWED],
        cwd=ROOT,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert "answers, and has every table" in done.stdout, done.stderr
    is_told = "that of this machine are 36" in done.stdout
    assert is_told == (database_vendor == "postgresql"), done.stdout


def test_what_a_worker_tells_holds_no_secret(configure: Any, settings: Any) -> None:
    configure(API_KEY="cspro_needle_7351")
    settings.SECRET_KEY = "needle-too"
    told = str(panel.report())
    assert "needle" not in told
    configure(API_KEY="cspro_needle_7352")
    assert str(panel.report()["settings"]) not in told


def test_the_same_settings_in_another_order_are_the_same(settings: Any) -> None:
    before = panel.report()["settings"]
    said = settings.CSMS_CAMPAIGNS
    settings.CSMS_CAMPAIGNS = dict(reversed(list(said.items())))
    assert panel.report()["settings"] == before
    settings.SECRET_KEY = "another"
    assert panel.report()["settings"] != before
