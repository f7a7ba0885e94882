"""The schema: it comes, goes and comes again, and serves the queries it was made for."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from csms_campaigns.engine import accounts, statements
from csms_campaigns.engine.statements import Outcome
from csms_campaigns.engine.taking import Taken, take
from csms_campaigns.models import Batch, Campaign, SendResult
from tests import factories
from tests.engine.crowds import crowd
from tests.engine.scenes import UNLIMITED
from tests.servers import addresses

APP = "csms_campaigns"
TABLE = SendResult._meta.db_table


def migrate(*words: str) -> None:
    call_command("migrate", APP, *words, verbosity=0)


def tables() -> set[str]:
    names = connection.introspection.table_names()
    return {name for name in names if name.startswith(f"{APP}_")}


def columns() -> dict[str, list[str]]:
    with connection.cursor() as cursor:
        read = connection.introspection.get_table_description
        return {t: [c.name for c in read(cursor, t)] for t in sorted(tables())}


def constraints() -> dict[str, set[str]]:
    with connection.cursor() as cursor:
        read = connection.introspection.get_constraints
        return {table: set(read(cursor, table)) for table in tables()}


@pytest.fixture
def forwards(transactional_db: None) -> Iterator[None]:
    """However the test ends, the next one finds all tables."""
    yield
    migrate()


@pytest.mark.usefixtures("forwards")
def test_backwards_to_nothing_and_forwards_to_the_same() -> None:
    before = columns(), constraints()
    assert len(before[0]) >= 10
    migrate("zero")
    assert tables() == set()
    migrate()
    assert (columns(), constraints()) == before
    factories.ready(3)


@pytest.mark.usefixtures("forwards")
def test_each_step_goes_both_ways() -> None:
    migrate("0001")
    migrate("0002")
    migrate("0001")
    migrate()
    assert len(tables()) >= 10


@pytest.mark.django_db
def test_the_models_have_no_change_without_a_migration() -> None:
    out = io.StringIO()
    call_command("makemigrations", APP, "--check", "--dry-run", stdout=out)
    assert "No changes detected" in out.getvalue()


@pytest.fixture
def busy(db: None, configure: Any) -> list[Campaign]:
    """Four campaigns being sent: 2,000 batches wait, and 2,000 were claimed before."""
    configure(**UNLIMITED)
    accounts.state("default")
    campaigns = Campaign.objects.bulk_create(
        Campaign(name=f"C{i}", status="sending", canary_passed=True) for i in range(4)
    )
    Batch.objects.bulk_create(
        Batch(
            campaign=one,
            number=number,
            message="Hello",
            segments=1,
            status="done" if number <= 500 else "pending",
            finished_at=timezone.now() if number <= 500 else None,
        )
        for one in campaigns
        for number in range(1, 1001)
    )
    waiting = Batch.objects.filter(status="pending")
    SendResult.objects.bulk_create(
        SendResult(campaign_id=c, batch_id=b, phone=f"+1212{1000000 + b}")
        for b, c in waiting.values_list("pk", "campaign")
    )
    waiting.update(size=F("size") + 1)
    # Only what is filled: what a server learns of a table outlives the test's transaction, and
    # the next one would find many people in tables that are taken for empty.
    with connection.cursor() as cursor:
        for model in (Campaign, Batch, SendResult):
            cursor.execute(f"ANALYZE {model._meta.db_table}")
    return campaigns


def plan(sql: str) -> str:
    word = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        cursor.execute(f"{word} {sql}")
        return "\n".join(str(row) for row in cursor.fetchall())


def claim_statements() -> list[str]:
    """The queries on the queue that one take makes."""
    with CaptureQueriesContext(connection) as captured:
        assert isinstance(take("default"), Taken)
    statements = [q["sql"] for q in captured]
    return [
        sql
        for sql in statements
        if sql.startswith("SELECT")
        and f'FROM "{APP}_batch"' in sql
        and "'pending'" in sql
    ]


def test_a_claim_reads_the_index_of_the_queue_and_nothing_more(
    busy: list[Campaign],
) -> None:
    found = [
        sql
        for sql in claim_statements()
        if 'ORDER BY "csms_campaigns_batch"."number"' in sql
    ]
    assert found
    for sql in found:
        text = plan(sql)
        assert "csms_batch_pending" in text, text
        assert "Seq Scan" not in text
        assert "SCAN" not in text
        assert "Sort" not in text
        assert "TEMP B-TREE" not in text


if addresses.engine() == "postgres":  # What SQLite has no word for.

    def storage(table: str) -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT reloptions FROM pg_class WHERE relname = %s", [table]
            )
            return cursor.fetchone()[0] or []

    @pytest.mark.usefixtures("forwards")
    def test_the_pages_of_recipients_keep_room_for_their_outcomes() -> None:
        assert storage(TABLE) == ["fillfactor=40"]
        migrate("0001")
        assert storage(TABLE) == ["fillfactor=100"]
        migrate()
        assert storage(TABLE) == ["fillfactor=40"]

    def updates() -> tuple[int, int]:
        """Rows updated since the table was made, and those without a touch of an index."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_force_next_flush()")
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables"
                " WHERE relname = %s",
                [TABLE],
            )
            return cursor.fetchone()

    @pytest.mark.django_db(transaction=True)
    def test_recording_touches_no_index(configure: Any, wait_until: Any) -> None:
        configure(**UNLIMITED)
        factories.ready(lists=[crowd(2000)])
        all_before, hot_before = updates()
        for batch in Batch.objects.all():
            ids = batch.results.values_list("pk", flat=True)
            outcomes = [Outcome(pk, "sent", message_id=f"m-{pk:020}") for pk in ids]
            written = statements.write_outcomes(batch.pk, outcomes, timezone.now())
            assert written == batch.size
        wait_until(lambda: updates()[0] - all_before >= 2000)
        everything, hot = updates()
        assert (hot - hot_before) / (everything - all_before) > 0.9

    def test_no_reference_of_a_recipient_is_checked(db: None) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT conname FROM pg_constraint"
                " WHERE conrelid = %s::regclass AND contype = 'f'",
                [TABLE],
            )
            assert cursor.fetchall() == []
