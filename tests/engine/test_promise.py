"""What is promised is what is there, and what is promised of the time can be kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from csms_campaigns import conf
from csms_campaigns.conf import Account, Window
from csms_campaigns.engine import accounts, audience, lifecycle
from csms_campaigns.engine import promise as module
from csms_campaigns.engine.database import now
from csms_campaigns.engine.history import lately
from csms_campaigns.engine.promise import promise
from csms_campaigns.models import (
    Attempt,
    Batch,
    Contact,
    GatewayAccount,
    SendResult,
)
from csms_campaigns.states import CampaignStatus
from tests import factories
from tests.engine.crowds import crowd
from tests.engine.scenes import (
    UNLIMITED,
    campaign_in,
    send,
)

USUAL = conf.Account("default", "key")


# The promise


@pytest.mark.django_db
def test_the_promise_is_the_sum_of_what_is_there(configure: Any) -> None:
    configure(BATCH_SIZE=20)
    chosen = factories.people(60, city="Riyadh")
    factories.people(40, city="ج" * 80)
    factories.opt_out([factories.number(0), factories.number(99)])
    Contact.objects.filter(phone=factories.number(1)).update(attributes={})
    campaign = factories.draft(message="{{ city }}", lists=[chosen])
    promised = audience.review(campaign.pk)
    sizes = Batch.objects.values_list("size", "segments")
    assert promised.recipients == SendResult.objects.filter(status="pending").count()
    assert promised.recipients == sum(size for size, _segments in sizes) == 97
    assert promised.skipped == {"opted_out": 2, "missing_placeholder": 1}
    assert promised.batches == Batch.objects.count() == 6
    assert promised.segments == sum(size * segments for size, segments in sizes)
    assert promised.estimated_credits == promised.segments == 58 + 2 * 39
    assert promised.as_dict()["recipients"] == 97


@pytest.mark.django_db
def test_the_balance_is_the_one_that_was_said_last(configure: Any) -> None:
    configure(**UNLIMITED)
    assert promise(factories.ready()).remaining_credits is None
    campaign_in(CampaignStatus.FINISHED)
    assert promise(campaign_in(CampaignStatus.READY)).remaining_credits == 1000


@pytest.mark.django_db
def test_a_promise_costs_the_same_at_any_size(configure: Any) -> None:
    def queries(count: int) -> int:
        campaign = factories.ready(lists=[crowd(count, name=str(count))])
        with CaptureQueriesContext(connection) as captured:
            promise(campaign)
        Contact.objects.all().delete()
        return len(captured)

    configure(BATCH_SIZE=2)
    assert queries(10) == queries(900)


# The history


def sent_before(seconds: Sequence[float]) -> GatewayAccount:
    """The account has sent requests so many seconds ago, the oldest first."""
    campaign = factories.draft()
    batch = Batch.objects.create(campaign=campaign, number=1, message="x", segments=1)
    made = accounts.state("default")
    now = timezone.now()
    Attempt.objects.bulk_create(
        Attempt(
            account=made, batch=batch, cum=cum, stamped_at=now - timedelta(seconds=age)
        )
        for cum, age in enumerate(seconds, start=1)
    )
    GatewayAccount.objects.update(cum=len(seconds))
    return accounts.state("default")


def account(*windows: tuple[int, float]) -> Account:
    made = tuple(sorted(Window(seconds, limit) for limit, seconds in windows))
    return Account("default", "k", rate_limits=made)


@pytest.mark.django_db
def test_the_past_is_that_of_the_latest_requests() -> None:
    made = sent_before([90, 60, 30, 5])
    found = lately(made, account((3, 60)), now()).past
    assert found.numbers == [-3, -2, -1, 0]
    # Their distances, whatever this test takes itself.
    stamps = found.stamps
    assert [stamps[n + 1] - stamps[n] for n in range(3)] == pytest.approx([30, 30, 25])
    small = lately(made, account((1, 60), (2, 600)), now()).past
    assert small.numbers == [-2, -1, 0]


@pytest.mark.django_db
def test_of_a_large_window_some_stamps_are_read(
    django_assert_num_queries: Any,
) -> None:
    made = sent_before(range(3000, 0, -1))
    moment = now()
    with django_assert_num_queries(1):
        found = lately(made, account((100, 60), (2500, 86400)), moment).past
    assert 250 < len(found.numbers) < 350
    assert found.numbers[-101:] != []
    assert set(range(-100, 1)) <= set(found.numbers)
    assert found.numbers[0] == -2500


@pytest.mark.django_db
def test_the_usual_answer_is_learnt_from_those_that_came() -> None:
    made = sent_before([50, 40, 30, 20, 10])
    assert lately(made, USUAL, now()).answer == 0.5
    for cum, seconds in enumerate([1, 2, 9], start=1):
        one = Attempt.objects.get(cum=cum)
        one.done_at = one.stamped_at + timedelta(seconds=seconds)
        one.outcome = "answered"
        one.save()
    Attempt.objects.filter(cum=4).update(outcome="unknown", done_at=timezone.now())
    assert lately(made, USUAL, now()).answer == 2.0


@pytest.mark.django_db
def test_the_promise_counts_what_was_sent_before(configure: Any) -> None:
    configure(RATE_LIMITS=[(2, 100)], MIN_GAP=0)
    assert promise(factories.ready()).eta_seconds < 1
    sent_before([10, 10])
    found = promise(factories.ready(lists=[factories.people(3, "Three")])).eta_seconds
    assert 30 < found <= 91.2


@pytest.mark.django_db
def test_a_request_of_the_engine_is_in_the_history(configure: Any) -> None:
    configure(MIN_GAP=0)
    campaign_in(CampaignStatus.SENDING, 12)
    send()
    found = lately(accounts.state("default"), USUAL, now()).past
    assert found.numbers == [0]
    assert -60 < found.stamps[0] <= 0


# What it would be without the placeholders


@pytest.mark.django_db
def test_it_says_what_a_placeholder_costs(configure: Any) -> None:
    configure(BATCH_SIZE=10, RATE_LIMITS=[], MIN_GAP=10)
    campaign = factories.ready(40, "Hello {{ name }}")
    found = promise(campaign)
    assert (found.batches, found.texts, found.placeholders) == (40, 40, ["name"])
    # Five alone, and 35 in four.
    assert found.batches_of_one_text == 5
    assert found.eta_seconds - found.eta_seconds_of_one_text == pytest.approx(
        350, abs=1
    )


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 4, 5, 6, 15, 16, 25, 31])
def test_one_text_costs_as_many_requests_as_are_prepared(
    configure: Any, count: int
) -> None:
    configure(BATCH_SIZE=10)
    found = promise(factories.ready(count))
    assert found.batches_of_one_text == found.batches
    assert found.eta_seconds_of_one_text == found.eta_seconds
    assert (found.texts, found.placeholders) == (1, [])


@pytest.mark.django_db
def test_too_many_texts_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COUNTED", 2)
    assert promise(factories.ready(3, "Hello {{ name }}")).texts is None


@pytest.mark.django_db
def test_zones_have_requests_of_their_own(configure: Any) -> None:
    configure(BATCH_SIZE=10)
    campaign = factories.ready(25)
    Batch.objects.filter(number=1).update(time_zone="Asia/Riyadh")
    campaign.zones = ["", "Asia/Riyadh"]
    # Of twenty five alone and two more, and one for the other zone.
    assert promise(campaign).batches_of_one_text == 4


# Others, hours, a later start


@pytest.mark.django_db
def test_others_of_the_account_make_it_later(configure: Any) -> None:
    configure(RATE_LIMITS=[], MIN_GAP=10, BATCH_SIZE=10)
    mine = factories.ready(45)
    alone = promise(mine).eta_seconds
    assert alone == pytest.approx(40.5, abs=0.1)
    lifecycle.launch(factories.ready(1000).pk)
    assert promise(mine).eta_seconds == pytest.approx(2 * alone, abs=10)


@pytest.mark.django_db
def test_quiet_hours_make_it_start_later() -> None:
    campaign = factories.ready(3)
    now = timezone.now().astimezone(UTC)
    campaign.send_from = (now + timedelta(hours=2)).time()
    campaign.send_until = (now + timedelta(hours=4)).time()
    campaign.time_zone = "UTC"
    found = promise(campaign)
    assert found.starts_seconds == pytest.approx(7200, abs=5)
    assert found.eta_seconds == pytest.approx(7200.5, abs=5)
    late = promise(campaign, starts_at=timezone.now() + timedelta(hours=5))
    assert late.starts_seconds == pytest.approx(26 * 3600, abs=5)


@pytest.mark.django_db
def test_each_zone_begins_when_it_is_day_there() -> None:
    campaign = factories.ready(6)
    now = timezone.now().astimezone(UTC)
    campaign.send_from = (now - timedelta(hours=1)).time()
    campaign.send_until = (now + timedelta(hours=1)).time()
    campaign.zones, campaign.time_zone = ["Etc/GMT+6", "UTC"], "UTC"
    Batch.objects.filter(number=1).update(time_zone="UTC")
    Batch.objects.filter(number=2).update(time_zone="Etc/GMT+6")
    found = promise(campaign)
    assert found.starts_seconds < 1
    assert found.eta_seconds == pytest.approx(5 * 3600, abs=5)
