"""Installations that are broken on purpose: each is named rightly, and nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from csms_campaigns import conf
from csms_campaigns.diagnosis import campaigns
from csms_campaigns.engine import audience, follow_ups, lifecycle, ticking, witness
from csms_campaigns.engine.dispatch import send_next
from csms_campaigns.engine.taking import Taken, take
from csms_campaigns.models import Batch, Campaign, GatewayAccount, Heartbeat
from project.demo.processes import Child, free_port
from tests import factories
from tests.diagnosis.silent import silent_server
from tests.engine import families
from tests.engine.scenes import UNLIMITED, campaign_in, soon

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
LONG_AGO = timedelta(minutes=10)
HIDDEN = {"workers.hidden"}


@pytest.fixture(autouse=True)
def _no_question_to_workers(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those below are about workers; elsewhere nobody waits two seconds for their answers."""
    if not request.node.get_closest_marker("once"):
        monkeypatch.setitem(current_app.conf, "worker_enable_remote_control", False)


@pytest.fixture(autouse=True)
def _ticked_just_now(redis_url: str, configure: Any, sandbox: Any) -> None:
    """All is well but for the workers; each test breaks one thing more."""
    configure(**UNLIMITED)
    sandbox()
    Heartbeat.objects.create(name=ticking.NAME, at=timezone.now())


def ago() -> Any:
    return timezone.now() - LONG_AGO


def test_nothing_else_is_broken(doctor: Any) -> None:
    report = doctor()
    assert report.codes() == set()
    assert report.codes("warning") == HIDDEN
    assert report.status == 0


# Settings


def test_a_setting_that_is_wrong(doctor: Any, configure: Any) -> None:
    configure(BATCH_SIZE="needle")
    report = doctor()
    found = report.one("settings.check")
    assert (found["level"], found["subject"]) == ("problem", "csms_campaigns.E001")
    assert "BATCH_SIZE" in found["text"]
    assert "needle" not in str(report.said)
    # What depends on the settings is not asked; the database is.
    assert report.codes() == {"settings.check"}
    assert "database" in report.codes("ok")


def test_the_key_of_the_documents(doctor: Any, configure: Any) -> None:
    closed = f"https://127.0.0.1:{free_port()}/"
    configure(API_KEY=conf.EXAMPLE_KEY, API_URL=closed)
    report = doctor()
    subjects = {f["subject"] for f in report.findings if f["level"] == "warning"}
    assert "csms_campaigns.W001" in subjects
    assert conf.EXAMPLE_KEY not in str(report.said)
    assert report.codes() == {"gateway.unreachable"}


def test_no_tick_in_the_schedule_is_a_warning(doctor: Any, site: Any) -> None:
    site()
    report = doctor()
    assert report.one("settings.check")["subject"] == "csms_campaigns.W004"
    assert report.codes() == set()


# Broker


def test_redis_is_down(doctor: Any, site: Any) -> None:
    site(broker_url=f"redis://:needle@127.0.0.1:{free_port()}/0")
    report = doctor()
    assert "broker.unreachable" in report.codes()
    # Without a broker nobody can be asked about workers, and the rest is still looked at.
    assert not HIDDEN & report.codes("warning")
    assert {"tick", "campaigns", "ledger"} <= report.codes("ok")
    assert "needle" not in str(report.said)


def test_redis_hangs(doctor: Any, site: Any) -> None:
    with silent_server() as port:
        site(broker_url=f"redis://127.0.0.1:{port}/0")
        before = time.monotonic()
        report = doctor()
        assert time.monotonic() - before < 30
    assert "broker.unreachable" in report.codes()


# Gateway


def test_the_gateway_cannot_be_reached(doctor: Any, configure: Any) -> None:
    configure(API_URL=f"http://127.0.0.1:{free_port()}/")
    report = doctor()
    assert report.codes() == {"gateway.unreachable"}
    assert "refused" in report.one("gateway.unreachable")["text"]


def test_the_gateway_speaks_no_tls(doctor: Any, configure: Any) -> None:
    with silent_server() as port:
        configure(API_URL=f"https://127.0.0.1:{port}/")
        assert "gateway.unreachable" in doctor().codes()


def test_the_gateway_is_asked_nothing(doctor: Any, sandbox: Any) -> None:
    gateway = sandbox()
    doctor()
    assert gateway.state()["requests"] == 0


# Beat


def test_nothing_has_ever_ticked(doctor: Any) -> None:
    Heartbeat.objects.all().delete()
    assert doctor().codes() == {"tick.never"}


def test_beat_has_stopped(doctor: Any) -> None:
    Heartbeat.objects.update(at=ago())
    report = doctor()
    assert report.codes() == {"tick.late"}
    assert "for 60" in report.one("tick.late")["text"]
    assert "beat" in report.one("tick.late")["advice"]


# Database


def test_a_migration_that_was_not_applied(doctor: Any) -> None:
    MigrationRecorder(connection).migration_qs.filter(
        app="csms_campaigns", name__startswith="0002"
    ).delete()
    report = doctor()
    assert report.codes() == {"database.migrations"}
    assert "0002_" in report.one("database.migrations")["text"]
    assert "migrate" in report.one("database.migrations")["advice"]


@pytest.mark.once
@pytest.mark.parametrize("kind", ["closed", "silent", "folder"])
def test_the_database_cannot_be_reached(tmp_path: Path, kind: str) -> None:
    with silent_server() as silent:
        port = silent if kind == "silent" else free_port()
        url = f"postgres://user:needle@127.0.0.1:{port}/site"
        if kind == "folder":
            url = f"sqlite:///{tmp_path}"
        done = outside(TEST_DATABASE_URL=url)
    assert done.returncode == 1
    assert "problem  The database does not answer: " in done.stdout
    assert "needle" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def outside(**variables: str) -> subprocess.CompletedProcess[str]:
    """The doctor as a program of its own."""
    settings = {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    return subprocess.run(
        [sys.executable, "manage.py", "csms_doctor"],
        cwd=ROOT,
        env={**os.environ, **settings, **variables},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_the_clock_of_the_database_was_set_back(doctor: Any) -> None:
    GatewayAccount.objects.create(
        alias="default", cum=1, stamped_at=timezone.now() + LONG_AGO
    )
    assert "account.clock" in doctor().codes()


# Accounts


def test_a_key_that_the_gateway_refuses(doctor: Any, configure: Any) -> None:
    configure(API_KEY="cspro_wrong_needle")
    campaign = factories.sending(3)
    send_next("default")
    report = doctor()
    assert report.codes() == {"account.blocked"}
    found = report.one("account.blocked")
    assert "refuses the API key (Invalid or inactive API key)" in found["text"]
    assert "API_KEY" in found["advice"]
    assert report.one("campaigns.paused")["subject"] == str(campaign.pk)
    assert "needle" not in str(report.said)


def test_no_credits(doctor: Any, sandbox: Any) -> None:
    sandbox(credits=0)
    factories.sending(3)
    send_next("default")
    assert "Buy credits" in doctor().one("account.blocked")["advice"]


def test_a_block_that_ends_by_itself(doctor: Any, sandbox: Any) -> None:
    sandbox(faults="rate_limit@1")
    factories.sending(3)
    send_next("default")
    until = timezone.now() + LONG_AGO
    GatewayAccount.objects.update(blocked_until=until)
    found = doctor().one("account.blocked")
    assert f"until {timezone.localtime(until):%Y-%m-%d %H:%M}" in found["text"]
    assert "Rate limit exceeded" in found["text"]
    GatewayAccount.objects.update(blocked_until=ago())
    assert doctor().codes() == set()


def test_the_use_of_each_window_is_told(
    doctor: Any, configure: Any, sandbox: Any
) -> None:
    sandbox(credits=50)
    configure(RATE_LIMITS=[(20, 60), (100, 3600)], BATCH_SIZE=2)
    campaign_in_hand = factories.sending(7)
    for _each in range(3):
        send_next("default")
    assert campaign_in_hand.pk
    [found] = [f for f in doctor().findings if f["code"] == "account"]
    assert "3 of 20 in 60 s, 3 of 100 in 3600 s" in found["text"]
    assert "credits left" in found["text"]


def test_an_account_that_left_the_settings(doctor: Any, settings: Any) -> None:
    campaign = factories.ready(3)
    lifecycle.launch(campaign.pk, at=soon())
    Campaign.objects.update(account="gone")
    found = doctor().one("account.gone")
    assert found["subject"] == "gone"
    assert found["level"] == "problem"


# Campaigns


def test_a_stalled_batch(doctor: Any) -> None:
    factories.sending(3)
    assert isinstance(take("default"), Taken)
    assert doctor().codes() == set()
    Batch.objects.update(lease_until=ago())
    report = doctor()
    assert report.codes() == {"batches.stalled"}
    assert "1 batch" in report.one("batches.stalled")["text"]


def test_a_preparation_that_nobody_goes_on_with(doctor: Any) -> None:
    campaign = factories.draft()
    audience.begin(campaign.pk)
    assert doctor().codes() == set()
    Campaign.objects.update(prepare_lease_until=ago())
    report = doctor()
    assert report.codes() == {"campaigns.preparing"}
    assert report.one("campaigns.preparing")["subject"] == str(campaign.pk)


def test_a_campaign_whose_time_has_passed(doctor: Any) -> None:
    campaign = campaign_in("scheduled")  # type: ignore[arg-type]
    assert doctor().codes() == set()
    Campaign.objects.update(send_at=ago())
    assert doctor().one("campaigns.overdue")["subject"] == str(campaign.pk)


def test_a_campaign_that_stands_still(doctor: Any) -> None:
    factories.sending(3)
    assert doctor().codes() == set()
    Campaign.objects.update(started_at=ago())
    assert doctor().codes() == {"campaigns.still"}


def test_a_campaign_that_waits_for_the_hour_does_not_stand_still(doctor: Any) -> None:
    factories.sending(3)
    Campaign.objects.update(started_at=ago())
    GatewayAccount.objects.update(next_free_at=timezone.now() + LONG_AGO)
    assert doctor().codes() == set()


def test_a_ledger_that_does_not_add_up(doctor: Any) -> None:
    campaign = campaign_in("finished")  # type: ignore[arg-type]
    assert "ledger" in doctor().codes("ok")
    Batch.objects.update(size=2, sent_count=2)
    report = doctor()
    assert report.codes() == {"ledger.wrong"}
    assert "3 people, its batches say 2" in report.one("ledger.wrong")["text"]
    assert report.one("ledger.wrong")["subject"] == str(campaign.pk)


def test_a_follow_up_that_repeats_fewer_than_its_campaign_says(
    doctor: Any, configure: Any
) -> None:
    configure(**UNLIMITED)
    parent = families.finished(10, failed=[1, 2], silent=[3])
    families.run(follow_ups.resend_unknown(parent.pk))
    assert "ledger" in (report := doctor()).codes("ok")
    assert "The ledgers of the latest 2 campaigns were summed." in str(report.said)
    assert report.codes() == set()
    batch = Batch.objects.filter(campaign=parent, resend_count=1)
    assert batch.update(resend_count=0, treated_sent_count=1) == 1
    wrong = doctor().one("ledger.wrong")
    assert wrong["subject"] == str(parent.pk)
    assert wrong["text"] == (
        f"The follow-ups of campaign {parent.pk} do not repeat as many people as it says."
    )
    assert f"csms_campaign ledger {parent.pk}" in wrong["advice"]


def test_a_family_with_too_many_batches_is_not_summed(
    doctor: Any, configure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(**UNLIMITED)
    parent = families.finished(10, failed=[1, 2])
    families.run(follow_ups.retry_failed(parent.pk))
    small = campaign_in("finished")  # type: ignore[arg-type]
    Batch.objects.exclude(campaign=small).update(late_sent_count=1)
    assert doctor().codes() == {"ledger.wrong"}
    together = sum(Campaign.objects.values_list("batch_count", flat=True))
    monkeypatch.setattr(campaigns, "MOST_BATCHES", together - 1)
    assert doctor().codes() == set()


# The witness


def test_a_database_that_was_set_back(doctor: Any) -> None:
    campaign_in("finished")  # type: ignore[arg-type]
    account = GatewayAccount.objects.get()
    witness.tell(account.witness_id, account.cum)
    assert "witness" in doctor().codes("ok")
    witness.tell(account.witness_id, account.cum + 5)
    report = doctor()
    assert report.codes() == {"database.old"}
    assert "--after-restore" in report.one("database.old")["advice"]


def test_a_witness_that_is_away(doctor: Any, settings: Any) -> None:
    campaign_in("finished")  # type: ignore[arg-type]
    away = f"redis://127.0.0.1:{free_port()}/0"
    settings.CSMS_CAMPAIGNS = {**settings.CSMS_CAMPAIGNS, "WITNESS_URL": away}
    report = doctor()
    assert report.one("witness.silent")["level"] == "warning"
    assert report.codes() == set()


# Workers: real ones

TRANSACTIONAL = pytest.mark.django_db(transaction=True)


@TRANSACTIONAL
@pytest.mark.once
def test_no_worker_at_all(doctor: Any) -> None:
    report = doctor()
    assert report.codes() == {"workers.none"}
    assert report.status == 1
    assert "celery -A mysite worker" in report.one("workers.none")["advice"]


@TRANSACTIONAL
@pytest.mark.once
def test_a_worker_on_another_queue(doctor: Any, site: Any, worker: Any) -> None:
    worker(beat=False)
    route = {"csms_campaigns.*": {"queue": "sms"}}
    schedule = {"tick": {"task": "csms_campaigns.tasks.tick", "schedule": 10}}
    site(task_routes=route, beat_schedule=schedule)
    report = doctor()
    assert report.codes() == {"workers.wrong_queue"}
    found = report.one("workers.wrong_queue")
    assert "“sms”" in found["text"]
    assert "they read: celery" in found["text"]
    assert "-Q sms" in found["advice"]


@TRANSACTIONAL
@pytest.mark.once
def test_the_worker_of_another_project(
    doctor: Any, tmp_path: Path, redis_url: str
) -> None:
    command = ["celery", "-A", "tests.diagnosis.other_project", "worker", "-P", "solo"]
    child = Child(
        "worker",
        [sys.executable, "-m", *command, "-n", "other@tests", "-l", "INFO"],
        tmp_path / "other.log",
        # Celery would load our site if it were told of its settings.
        env={"PATH": os.defpath, "TEST_REDIS_URL": redis_url},
        cwd=ROOT,
    )
    try:
        child.start().wait_ready(lambda: " ready." in child.log.read_text())
        report = doctor()
    finally:
        child.stop()
    assert report.codes() == {"workers.foreign"}
    assert report.one("workers.foreign")["subject"] == "other@tests"


@TRANSACTIONAL
@pytest.mark.once
def test_a_worker_that_was_not_restarted(
    doctor: Any, configure: Any, worker: Any, tmp_path: Path
) -> None:
    """Its key is the old one, it is too small, and somebody gave it another database."""
    one = worker(beat=False, concurrency=2)
    assert doctor().codes("warning") == {"workers.few"}
    one.terminate()
    env = {"CSMS_TEST_LIVE_DB": str(tmp_path / "other.sqlite3")}
    worker(beat=False, env=env)
    configure(API_KEY="cspro_another_needle")
    report = doctor()
    assert report.codes() == set()
    assert report.codes("warning") == {"workers.settings", "workers.database"}
    assert "needle" not in str(report.said)


@TRANSACTIONAL
@pytest.mark.once
def test_a_worker_whose_clock_is_wrong(
    doctor: Any, tmp_path: Path, redis_url: str
) -> None:
    words = ["-A", "tests.celery_app", "worker", "-P", "solo", "-l", "INFO"]
    child = Child(
        "worker",
        [sys.executable, "-m", "tests.drills.worker", *words, "-n", "late@tests"],
        tmp_path / "late.log",
        env={**os.environ, "DRILL_CLOCK": "7200", "TEST_REDIS_URL": redis_url},
        cwd=ROOT,
    )
    try:
        child.start().wait_ready(lambda: " ready." in child.log.read_text())
        report = doctor()
    finally:
        child.stop()
    assert "7200 s wrong" in report.one("workers.clock")["text"]


@TRANSACTIONAL
@pytest.mark.once
def test_workers_that_may_not_answer(doctor: Any, site: Any) -> None:
    schedule = {"tick": {"task": "csms_campaigns.tasks.tick", "schedule": 10}}
    site(worker_enable_remote_control=False, beat_schedule=schedule)
    report = doctor()
    assert report.codes() == set()
    assert report.codes("warning") == {"workers.hidden"}
