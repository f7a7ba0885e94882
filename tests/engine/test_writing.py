"""One slice: batches and recipients in one transaction, under the token."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from csms_campaigns.engine import audience, writing
from csms_campaigns.engine.batching import Batcher, Row
from csms_campaigns.engine.people import Person
from csms_campaigns.engine.writing import LEASE, Tally, TokenLost, hold, write_slice
from csms_campaigns.models import Batch, Campaign, SendResult
from csms_campaigns.sms.placeholders import compile_message
from csms_campaigns.states import CampaignStatus
from tests import factories
from tests.engine.frozen import check_frozen

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    made = factories.draft()
    audience.begin(made.pk)
    made.refresh_from_db()
    return made


def token(campaign: Campaign) -> uuid.UUID:
    assert campaign.prepare_token is not None
    return campaign.prepare_token


def some(first: int, last: int, *, opted_out: bool = False) -> list[Person]:
    return [Person(i, factories.number(i), opted_out) for i in range(first, last)]


def batcher() -> Batcher:
    return Batcher(compile_message("Hello €"), 100)


def write(campaign: Campaign, tally: Tally, made: Batcher, rows: list[Row]) -> None:
    write_slice(campaign.pk, token(campaign), tally, rows, lambda: None)


def test_a_slice_writes_rows_and_figures_together(campaign: Campaign) -> None:
    made, tally = batcher(), Tally()
    rows = made.assign([*some(0, 8), *some(8, 10, opted_out=True)])
    write(campaign, tally, made, rows)
    campaign.refresh_from_db()
    assert (campaign.audience_count, campaign.batch_count) == (10, 2)
    assert campaign.skipped_counts == {"opted_out": 2}
    assert (tally.recipients, tally.segments) == (8, 8)
    check_frozen(campaign)


def test_a_batch_grows_in_the_next_slice(campaign: Campaign) -> None:
    made, tally = batcher(), Tally()
    write(campaign, tally, made, made.assign(some(0, 20)))
    assert list(Batch.objects.values_list("size", flat=True)) == [5, 15]
    write(campaign, tally, made, made.assign(some(20, 50)))
    assert list(Batch.objects.values_list("size", flat=True)) == [5, 45]
    check_frozen(campaign)


def test_what_a_row_holds(campaign: Campaign) -> None:
    made, tally = batcher(), Tally()
    people = [*some(1, 2), *some(2, 3, opted_out=True), Person(3, "0501", False)]
    write(campaign, tally, made, made.assign(people))
    batch = Batch.objects.get()
    columns = ("contact", "batch", "phone", "status", "skip_reason", "error")
    assert list(SendResult.objects.order_by("pk").values_list(*columns)) == [
        (1, batch.pk, factories.number(1), "pending", "", ""),
        (2, None, factories.number(2), "skipped", "opted_out", ""),
        (3, None, None, "skipped", "invalid_phone", "0501"),
    ]
    result = SendResult.objects.get(status="pending")
    assert (result.resolution, result.message_id, result.error_code) == ("", "", "")
    assert (result.updated_at, result.retry_of_id) == (None, None)


def test_two_invalid_numbers_are_two_rows(campaign: Campaign) -> None:
    """NULL is outside the unique constraint."""
    made, tally = batcher(), Tally()
    people = [Person(1, "0501", False), Person(2, "0501", False), *some(3, 4)]
    write(campaign, tally, made, made.assign(people))
    assert SendResult.objects.filter(phone=None, error="0501").count() == 2


def test_the_range_of_ids_holds_all_and_begins_after_older_ones() -> None:
    older = factories.ready(4)
    newer = factories.ready(lists=list(older.lists.all()))
    ids = SendResult.objects.filter(campaign=newer).values_list("pk", flat=True)
    older.refresh_from_db()
    assert older.last_result_id is not None
    assert newer.first_result_id is not None
    assert newer.first_result_id > older.last_result_id
    assert set(ids) == {*range(newer.first_result_id, newer.first_result_id + 4)}
    assert newer.last_result_id == max(ids)


# The token


def test_holding_renews_the_lease(campaign: Campaign) -> None:
    before = timezone.now()
    hold(campaign.pk, token(campaign), status_reason="as told")
    campaign.refresh_from_db()
    assert campaign.prepare_lease_until is not None
    late = campaign.prepare_lease_until - before
    assert timedelta(seconds=LEASE - 1) < late
    assert campaign.status_reason == "as told"


def test_another_token_holds_nothing(campaign: Campaign) -> None:
    with pytest.raises(TokenLost):
        hold(campaign.pk, uuid.uuid4(), status_reason="not this")
    campaign.refresh_from_db()
    assert campaign.status_reason == ""


@pytest.mark.parametrize("status", set(CampaignStatus) - {CampaignStatus.PREPARING})
def test_the_right_token_holds_nothing_in_another_state(
    campaign: Campaign, status: CampaignStatus
) -> None:
    now = timezone.now()
    Campaign.objects.update(status=status, send_at=now, finished_at=now)
    with pytest.raises(TokenLost):
        hold(campaign.pk, token(campaign))


def test_without_the_token_nothing_is_written(campaign: Campaign) -> None:
    made, tally = batcher(), Tally()
    rows = made.assign(some(0, 8))
    Campaign.objects.update(prepare_token=uuid.uuid4())
    with pytest.raises(TokenLost):
        write(campaign, tally, made, rows)
    assert not SendResult.objects.exists()
    assert not Batch.objects.exists()


def test_a_token_that_is_lost_at_the_end_takes_the_slice_with_it(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, tally = batcher(), Tally()
    rows = made.assign(some(0, 8))

    def lost(*_given: object) -> None:
        raise TokenLost

    monkeypatch.setattr(writing, "write_figures", lost)
    with pytest.raises(TokenLost), transaction.atomic():
        write(campaign, tally, made, rows)
    assert not SendResult.objects.exists()
    assert not Batch.objects.exists()
