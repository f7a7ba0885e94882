"""What was prepared goes again, all of it and nothing else; what was sent never goes."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from csms_campaigns.engine import discarding
from csms_campaigns.engine.discarding import discard, take_apart
from csms_campaigns.engine.ledger import ledger
from csms_campaigns.models import Batch, Campaign, ContactList, SendResult
from csms_campaigns.states import CampaignStatus
from tests import factories
from tests.engine.crowds import crowd
from tests.engine.scenes import UNLIMITED, campaign_in, send

pytestmark = pytest.mark.django_db


def again() -> Campaign:
    return factories.ready(lists=list(ContactList.objects.all()))


@pytest.mark.parametrize("size", [1, 3, 7, 20_000])
def test_a_campaign_between_two_others_goes_alone(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(discarding, "SLICE", size)
    before = factories.ready(7)
    campaign, after = again(), again()
    discard(campaign.pk)
    campaign.refresh_from_db()
    assert not SendResult.objects.filter(campaign=campaign).exists()
    assert not Batch.objects.filter(campaign=campaign).exists()
    assert (campaign.audience_count, campaign.segment_count) == (0, 0)
    assert ledger(campaign).adds_up
    for other in (before, after):
        assert ledger(other).counted == {"pending": 7}
        assert ledger(other).adds_up


def test_discarding_twice_or_nothing_is_no_fault() -> None:
    campaign = factories.draft()
    discard(campaign.pk)
    campaign = again()
    discard(campaign.pk)
    discard(campaign.pk)
    assert not SendResult.objects.exists()


def test_more_batches_than_a_statement_takes(configure: Any) -> None:
    configure(BATCH_SIZE=1)
    campaign = factories.ready(lists=[crowd(1203)])
    assert campaign.batch_count == 1203
    discard(campaign.pk)
    assert not Batch.objects.exists()
    assert not SendResult.objects.exists()


def test_a_request_that_left_keeps_everything(configure: Any) -> None:
    configure(**UNLIMITED)
    campaign = campaign_in(CampaignStatus.SENDING, 12)
    send()
    with pytest.raises(RuntimeError, match="nothing of it may be removed"):
        discard(campaign.pk)
    assert SendResult.objects.count() == 12
    assert Batch.objects.count() == 2


def test_no_recipient_is_read_to_be_deleted() -> None:
    campaign = factories.ready(lists=[crowd(3000)])
    with CaptureQueriesContext(
        connection,
    ) as captured:
        discard(campaign.pk)
    table = SendResult._meta.db_table
    statements = [q["sql"] for q in captured if f'"{table}"' in q["sql"]]
    assert statements
    assert all(sql.startswith("DELETE") for sql in statements)


def test_its_batches_are_found_without_passing_by_those_of_others() -> None:
    campaign = factories.ready(12)
    with CaptureQueriesContext(connection) as captured:
        take_apart(campaign.pk, lambda: None)
    table = f'SELECT "{Batch._meta.db_table}"."id"'
    asked = [q["sql"] for q in captured if q["sql"].startswith(table)]
    assert asked
    for sql in asked:
        found = plan(sql)
        assert "csms_batch_monitor" in found
        assert "B-TREE" not in found


def plan(sql: str) -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # So few rows would be read whole.
            cursor.execute(
                "SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off"
            )
            cursor.execute(f"EXPLAIN {sql}")
        else:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        return "\n".join(str(row) for row in cursor.fetchall())
