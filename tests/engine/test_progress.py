"""How far a campaign is: true in each state, and as cheap for a million as for ten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from csms_campaigns.engine import accounts, lifecycle
from csms_campaigns.engine.progress import Progress, progress
from csms_campaigns.gateway.errors import RateLimited, Unavailable
from csms_campaigns.models import (
    Attempt,
    Batch,
    Campaign,
    GatewayAccount,
    SendResult,
)
from csms_campaigns.states import CampaignStatus
from tests import factories
from tests.engine.crowds import crowd
from tests.engine.scenes import UNLIMITED, campaign_in, send, send_all

pytestmark = pytest.mark.django_db

S = CampaignStatus


@pytest.fixture(autouse=True)
def _unlimited(configure: Any) -> None:
    configure(**UNLIMITED, BATCH_SIZE=10)


def seen(campaign: Campaign) -> Progress:
    campaign.refresh_from_db()
    return progress(campaign)


def parts(found: Progress) -> int:
    return (
        found.sent
        + found.failed
        + found.unknown
        + found.skipped
        + found.pending
        + found.cancelled
    )


@pytest.mark.parametrize("state", S)
def test_the_parts_add_up_in_each_state(state: CampaignStatus) -> None:
    factories.opt_out([factories.number(0)])
    campaign = campaign_in(state, 31)
    found = seen(campaign)
    total = 0 if state in {S.DRAFT, S.PREPARING} else 31
    assert found.total == parts(found) == total
    assert found.status == state
    assert found.total == SendResult.objects.count()
    assert found.batches == Batch.objects.count()


def test_a_campaign_on_its_way(configure: Any) -> None:
    factories.opt_out([factories.number(0)])
    campaign = campaign_in(S.SENDING, 31)
    assert seen(campaign).batches_done == 0
    send()
    send()
    found = seen(campaign)
    assert (found.sent, found.pending, found.skipped) == (15, 15, 1)
    assert (found.batches, found.batches_done) == (4, 2)
    assert found.remaining_credits == 1000
    send_all()
    found = seen(campaign)
    assert (found.status, found.sent, found.batches_done) == ("finished", 30, 4)


def test_a_pause_says_why_and_promises_no_time() -> None:
    campaign = campaign_in(S.PAUSED)
    found = seen(campaign)
    assert (found.status, found.status_reason) == ("paused", "Paused.")
    assert (found.eta_seconds, found.rate_per_minute) == (None, 0.0)


@pytest.mark.parametrize("state", set(S) - {S.SENDING})
def test_a_time_is_told_only_while_it_is_sending(state: CampaignStatus) -> None:
    assert seen(campaign_in(state)).eta_seconds is None


def test_the_time_that_is_left_shrinks_with_what_is_left(configure: Any) -> None:
    configure(MIN_GAP=5)
    campaign = campaign_in(S.SENDING, 35)
    left = seen(campaign).eta_seconds
    assert left == pytest.approx(15 + 0.5, abs=0.1)
    send()
    less = seen(campaign).eta_seconds
    assert less is not None
    assert 10 < less <= left


def test_an_account_that_is_gone_promises_no_time(settings: Any) -> None:
    campaign = campaign_in(S.SENDING)
    settings.CSMS_CAMPAIGNS = {"ACCOUNTS": {"other": {"API_KEY": "k"}}}
    assert seen(campaign).eta_seconds is None
    del settings.CSMS_CAMPAIGNS
    assert seen(campaign).eta_seconds is None


def aged(campaign: Campaign, seconds: float) -> None:
    """So much later."""
    began = timezone.now() - timedelta(seconds=seconds)
    Campaign.objects.filter(pk=campaign.pk).update(started_at=began)


def test_the_pace_is_that_of_the_last_minute() -> None:
    campaign = campaign_in(S.SENDING, 100)
    for _each in range(3):
        send()
    aged(campaign, 600)
    assert seen(campaign).rate_per_minute == 25.0
    old = timezone.now() - timedelta(seconds=61)
    Batch.objects.filter(number=1).update(finished_at=old)
    assert seen(campaign).rate_per_minute == 20.0


def test_the_pace_of_a_young_campaign_is_taken_over_its_own_time() -> None:
    campaign = campaign_in(S.SENDING, 100)
    for _each in range(3):
        send()
    aged(campaign, 30)
    # 25 in 30 seconds, and in the few that this test takes.
    assert 25 < seen(campaign).rate_per_minute <= 50


def test_what_was_cancelled_in_flight_is_counted_once_it_is_known() -> None:
    campaign = campaign_in(S.SENDING, 30)
    send()
    lifecycle.cancel(campaign.pk)
    found = seen(campaign)
    assert (found.sent, found.cancelled, found.pending) == (5, 25, 0)
    assert found.total == 30


def queries(campaign: Campaign) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        progress(campaign)
    found = [query["sql"] for query in captured]
    # PostgreSQL is asked for the time, too.
    return [sql for sql in found if "clock_timestamp" not in sql]


def test_it_costs_the_same_at_any_size_and_reads_no_recipient() -> None:
    large = factories.sending(lists=[crowd(3000)])
    small = factories.sending(lists=[factories.people(3)])
    few, many = queries(small), queries(large)
    assert len(few) == len(many) <= 9
    assert not [sql for sql in [*few, *many] if SendResult._meta.db_table in sql]


def test_it_says_until_when_it_waits_for_the_limits(configure: Any) -> None:
    configure(RATE_LIMITS=[(2, 60), (3, 3600)])
    campaign = campaign_in(S.SENDING, 100)
    assert seen(campaign).waiting_until is None
    for _each in range(2):
        send()
    assert waits(campaign) == ("limits", pytest.approx(60, abs=5))
    made = timedelta(seconds=61)
    Attempt.objects.update(
        stamped_at=F("stamped_at") - made, done_at=F("done_at") - made
    )
    send()
    assert waits(campaign) == ("limits", pytest.approx(3600 - 61 + 3, abs=5))


def test_it_says_until_when_it_waits_for_the_gateway() -> None:
    campaign = campaign_in(S.SENDING, 100)
    send(lambda _taken: RateLimited("slow down", retry_after=300))
    assert waits(campaign) == ("rate_limited", pytest.approx(300, abs=5))
    assert seen(campaign).status == S.SENDING


def test_the_longest_wait_is_told(configure: Any) -> None:
    configure(RATE_LIMITS=[(1, 3600)])
    campaign = campaign_in(S.SENDING, 100)
    send(lambda _taken: Unavailable("later", retry_after=30))
    assert waits(campaign)[0] == "limits"
    GatewayAccount.objects.update(blocked_until=timezone.now() + timedelta(days=1))
    assert waits(campaign)[0] == "unavailable"


def test_it_says_until_when_it_waits_for_its_hours() -> None:
    campaign = campaign_in(S.SENDING, 100)
    in_two_hours = timezone.now() + timedelta(hours=2)
    begin, end = in_two_hours.time(), (in_two_hours + timedelta(hours=3)).time()
    Campaign.objects.update(send_from=begin, send_until=end, time_zone="UTC")
    assert waits(campaign) == ("hours", pytest.approx(7200, abs=65))


@pytest.mark.parametrize("state", set(S) - {S.SENDING})
def test_only_what_is_being_sent_waits(state: CampaignStatus, configure: Any) -> None:
    campaign = campaign_in(state, 100)
    tomorrow = timezone.now() + timedelta(days=1)
    accounts.state("default")
    GatewayAccount.objects.update(blocked_until=tomorrow, blocked_reason="unavailable")
    assert seen(campaign).waiting_until is None


def waits(campaign: Campaign) -> tuple[str, float]:
    found = seen(campaign)
    assert found.waiting_until is not None
    assert found.as_dict()["waiting_until"] == found.waiting_until.isoformat()
    left = found.waiting_until - timezone.now()
    return found.waiting_for, left.total_seconds()


def test_as_dict_holds_each_field() -> None:
    found = seen(campaign_in(S.SENDING))
    assert found.as_dict()["status"] == "sending"
    assert set(found.as_dict()) == set(Progress.__dataclass_fields__)
