"""From a file of people to an outcome for every number, through a real worker process."""

from __future__ import annotations

import csv
import io
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from csms_campaigns import tasks
from csms_campaigns.engine.ledger import ledger
from csms_campaigns.models import Campaign, SendResult
from csms_campaigns.states import SendStatus
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE, BAD, DOUBLE, OPTED_OUT = 10_000, 200, 300, 100
LIMITS = [(100, 6), (5000, 3600), (50000, 86400)]


def command(*words: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command(*words, "--json", stdout=out)
    return json.loads(out.getvalue())


def flawed_file(path: Path) -> Path:
    good = [factories.number(i) for i in range(PEOPLE)]
    lines = [*good, *good[:DOUBLE], *["not a number"] * BAD]
    random.Random(7).shuffle(lines)
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream, delimiter=";")
        writer.writerow(["Phone Number", "Full Name", "City"])
        writer.writerows([n, f"Person {i}", "Riyadh"] for i, n in enumerate(lines))
    return path


def exported(campaign_id: int, path: Path) -> list[dict[str, str]]:
    command("csms_campaign", "export", str(campaign_id), "--output", str(path))
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("workers", [1, 2])
def test_everybody_in_the_file_has_an_outcome(
    sandbox: Any,
    configure: Any,
    worker: Any,
    wait_until: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    workers: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    gateway = sandbox(limits="100/6,5000/3600,50000/86400", latency=0.05, credits=10**6)
    configure(RATE_LIMITS=LIMITS)
    source = flawed_file(tmp_path / "people.csv")
    report = command("csms_import_contacts", str(source), "--list", "All")
    assert report["created"] == PEOPLE
    assert report["invalid"] == BAD
    assert report["duplicates"] == DOUBLE
    factories.opt_out(factories.number(i * 3) for i in range(OPTED_OUT))

    made = command(
        *("csms_campaign", "create", "--name", "May"),
        *("--message", "Hello", "--list", "All"),
    )
    promise = command("csms_campaign", "review", str(made["id"]))
    assert promise["recipients"] == PEOPLE - OPTED_OUT
    assert promise["skipped"] == {"opted_out": OPTED_OUT}
    assert promise["batches"] == 100
    for _each in range(workers):
        worker()
    command("csms_campaign", "launch", str(made["id"]))

    def status() -> dict[str, Any]:
        return command("csms_campaign", "status", str(made["id"]))

    wait_until(lambda: status()["status"] == "finished", seconds=180)
    found = status()
    assert found["sent"] == PEOPLE - OPTED_OUT
    assert found["skipped"] == OPTED_OUT
    assert found["total"] == PEOPLE
    assert ledger(Campaign.objects.get(pk=made["id"])).adds_up

    state = gateway.state()
    assert state["violations"] == 0
    assert state["refused"] == 0
    assert state["numbers_with_more_than_one"] == 0
    delivered = Counter(d["phone"] for d in gateway.deliveries)
    rows = exported(made["id"], tmp_path / "out.csv")
    assert len(rows) == PEOPLE
    sent = {row["phone"] for row in rows if row["status"] == "sent"}
    assert sent == set(delivered)
    ids = {d["phone"]: d["message_id"] for d in gateway.deliveries}
    assert all(ids[r["phone"]] == r["message_id"] for r in rows if r["message_id"])
    assert {row["status"] for row in rows} == {SendStatus.SENT, SendStatus.SKIPPED}
    assert SendResult.objects.count() == PEOPLE


def test_nothing_is_sent_without_a_worker_and_launching_does_not_hang(
    sandbox: Any, settings: Any
) -> None:
    gateway = sandbox()
    campaign = factories.ready(3)
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    command("csms_campaign", "launch", str(campaign.pk))
    assert tasks.wake_lanes("default") in (True, False)
    campaign.refresh_from_db()
    assert campaign.status == "sending"
    assert gateway.state()["requests"] == 0
