"""Campaigns that are half sent, in the database at once: preparing them is another benchmark."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from project.demo.processes import free_port
from tests.servers.session import start_redis

NOWHERE: Final = "http://127.0.0.1:9/sms_system/api.php"
LOGGED: Final = 50_000
"""Requests of the last day that the log holds at most: as many as a key may make."""

_NUMBERS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %(rows)s)"
)

_BATCHES = """
INSERT INTO {batch} (
    campaign_id, number, message, status, size, segments, time_zone, tries, refusal_count,
    finished_at, error_code, error, sent_count, failed_count, unknown_count, skipped_count,
    treated_sent_count, treated_failed_count, resend_count, late_sent_count,
    late_failed_count, answered_count)
{numbers}
SELECT %(campaign)s, i, 'Our summer sale begins today: ' || i,
       CASE WHEN i <= %(done)s THEN 'done' ELSE 'pending' END, %(per)s, 1, '', 0, 0,
       CASE WHEN i <= %(done)s THEN %(moment)s END, '', '',
       CASE WHEN i <= %(done)s THEN %(per)s ELSE 0 END, 0, 0, 0, 0, 0, 0, 0, 0, 0
  FROM n
"""

_RESULTS = """
INSERT INTO {result} (
    campaign_id, batch_id, phone, status, skip_reason, resolution, name, message_id,
    error_code, error)
{numbers}
SELECT %(campaign)s, %(first)s + (i - 1) / %(per)s, '+1' || (2120000000 + i),
       CASE WHEN (i - 1) / %(per)s < %(done)s THEN 'sent' ELSE 'pending' END,
       '', '', '', '', '', ''
  FROM n
"""

_ATTEMPTS = """
INSERT INTO {attempt} (
    account_id, batch_id, cum, stamped_at, done_at, http_status, outcome,
    remaining_credits, size, segments, sent_count, failed_count, error)
{numbers}
SELECT %(account)s, %(first)s, %(cum)s + i, %(moment)s, %(moment)s, 200, 'answered',
       100000000 - i * %(per)s, %(per)s, 1, %(per)s, 0, ''
  FROM n
"""


def make(
    batches: int,
    per: int,
    *,
    done: float = 0.5,
    account: str = "default",
    logged: int = LOGGED,
) -> Any:
    """A campaign that is being sent: so many batches of `per` people, this share of them done."""
    from csms_campaigns.engine import accounts
    from csms_campaigns.engine.database import now
    from csms_campaigns.models import Batch, Campaign
    from csms_campaigns.states import CampaignStatus

    state, moment = accounts.state(account), now()
    campaign = Campaign.objects.create(
        name="Bench",
        message="Our summer sale begins today",
        account=account,
        status=CampaignStatus.SENDING,
        started_at=moment - timedelta(days=2),
        audience_count=batches * per,
        batch_count=batches,
        segment_count=batches * per,
        zones=[""],
        canary_passed=True,
    )
    given: dict[str, Any] = {
        "campaign": campaign.pk,
        "per": per,
        "done": int(batches * done),
        "account": state.pk,
        "cum": state.cum,
        # Two days ago: no window counts them any more.
        "moment": moment - timedelta(days=2),
    }
    insert(_BATCHES, given, batches)
    given["first"] = Batch.objects.filter(campaign=campaign).order_by("pk")[:1].get().pk
    insert(_RESULTS, given, batches * per)
    if many := min(given["done"], logged):
        insert(_ATTEMPTS, given, many)
        state.cum += many
        state.stamped_at = given["moment"]
        state.save()
    _bounds(campaign)
    return campaign


def insert(statement: str, given: dict[str, Any], rows: int) -> None:
    from django.db import connection

    from csms_campaigns.models import Attempt, Batch, SendResult

    names = {
        "batch": Batch._meta.db_table,
        "result": SendResult._meta.db_table,
        "attempt": Attempt._meta.db_table,
        "numbers": _NUMBERS,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement.format(**names), {**given, "rows": rows})


def _bounds(campaign: Any) -> None:
    from csms_campaigns.models import SendResult

    ours = SendResult.objects.order_by("pk").values_list("pk", flat=True)
    campaign.last_result_id = ours.last()
    campaign.first_result_id = campaign.last_result_id - campaign.audience_count + 1
    campaign.save()


def settle() -> None:
    """What a server does by itself within minutes, done at once."""
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE")
            cursor.execute("CHECKPOINT")
            return
        cursor.execute("ANALYZE")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def empty() -> None:
    """As before the first campaign."""
    from django.db import connection

    from csms_campaigns.models import Attempt, Batch, Campaign, Lane, SendResult

    models = (SendResult, Attempt, Batch)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            names = ", ".join(model._meta.db_table for model in models)
            cursor.execute(f"TRUNCATE {names} CASCADE")
        else:
            for model in models:
                cursor.execute(f"DELETE FROM {model._meta.db_table}")  # noqa: S608 our own tables
    for campaign in Campaign.objects.all():
        campaign.lists.clear()
    Campaign.objects.all()._raw_delete("default")
    Lane.objects.all()._raw_delete("default")


def lift(aliases: list[str], **options: Any) -> None:
    """Accounts without limits, for this process and its children."""
    given = {"RATE_LIMITS": [], "MIN_GAP": 0, "API_URL": NOWHERE, **options}
    accounts = {alias: {**given, "API_KEY": f"key of {alias}"} for alias in aliases}
    found = json.dumps({"ACCOUNTS": accounts, "DEFAULT_REGION": "US"})
    os.environ["CSMS_TEST_CAMPAIGNS"] = found


@contextmanager
def broker() -> Iterator[None]:
    """A Redis of the run's own, where workers and the witness look for it."""
    folder = Path(tempfile.mkdtemp(prefix="csms-bench-"))
    port = free_port()
    server = start_redis(port, folder)
    before = dict(os.environ)
    os.environ["TEST_REDIS_URL"] = f"redis://127.0.0.1:{port}/0"
    try:
        yield
    finally:
        server.stop()
        shutil.rmtree(folder)
        os.environ.clear()
        os.environ.update(before)
