"""What goes on at all: campaigns, accounts, what was not decided, and the last failures."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from csms_campaigns.engine import accounts, lifecycle, overview
from csms_campaigns.engine.sums import (
    DECIDED,
    Decisions,
    decisions,
    sums,
    sums_of,
)
from csms_campaigns.models import Attempt, Batch, Campaign, GatewayAccount, SendResult
from csms_campaigns.states import CampaignKind, CampaignStatus
from tests import factories

pytestmark = pytest.mark.django_db


def names() -> list[str]:
    return [one.campaign.name for one in overview.going_on()[0]]


def campaign(name: str, status: str, **fields: Any) -> Campaign:
    if status == CampaignStatus.SCHEDULED:
        fields["send_at"] = timezone.now()
    return Campaign.objects.create(name=name, status=status, **fields)


def test_drafts_and_what_is_over_are_not_going_on() -> None:
    for status in set(CampaignStatus) - {CampaignStatus.FINISHED}:
        campaign(status.value, status)
    campaign("over", CampaignStatus.FINISHED, finished_at=timezone.now())
    campaign("a test", CampaignStatus.SENDING, kind=CampaignKind.TEST)
    assert set(names()) == {"sending", "paused", "scheduled", "preparing"}


def test_the_latest_come_first_and_it_says_that_there_are_more() -> None:
    for number in range(overview.MOST_CAMPAIGNS + 1):
        campaign(f"C{number}", CampaignStatus.PAUSED)
    found, more = overview.going_on()
    assert (found[0].campaign.name, len(found), more) == ("C12", 12, True)
    Campaign.objects.get(name="C0").delete()
    assert overview.going_on()[1] is False


def test_sums_of_several_are_those_of_each(django_assert_num_queries: Any) -> None:
    first = factories.sending(3)
    second = factories.sending(lists=[factories.people(5, "Five")])
    empty = campaign("Nobody", CampaignStatus.PAUSED)
    with django_assert_num_queries(1):
        found = sums_of([first, second, empty])
    assert found == {c.pk: sums(c) for c in (first, second, empty)}
    assert [found[c.pk].pending for c in (first, second, empty)] == [3, 5, 0]


def test_what_was_decided_needs_nobody() -> None:
    sending = factories.sending(4, "Hello {{ name }}")
    first, second, third, _last = Batch.objects.order_by("pk")
    for batch in (first, second, third):
        Batch.objects.filter(pk=batch.pk).update(status="unknown", unknown_count=1)
    Batch.objects.filter(pk=first.pk).update(treated_sent_count=1)
    Batch.objects.filter(pk=second.pk).update(resend_count=1)
    found = overview.undecided()
    assert found == [overview.Undecided(sending.pk, "Spring", 1)]
    Batch.objects.filter(pk=third.pk).update(treated_failed_count=1)
    assert overview.undecided() == []


def test_the_undecided_are_found_by_their_index() -> None:
    """However many batches there are: few of them are in it."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT campaign_id FROM csms_campaigns_batch WHERE unknown_count "
            "> ((treated_sent_count + treated_failed_count) + resend_count)"
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "csms_batch_undecided" in plan


def test_decisions_are_summed_by_their_index_and_say_what_the_sums_say() -> None:
    campaign_ = factories.sending(6, "Hello {{ name }}")
    first, second, third, *_others = Batch.objects.order_by("pk")
    Batch.objects.filter(pk__in=[first.pk, second.pk, third.pk]).update(
        status="unknown", unknown_count=1
    )
    Batch.objects.filter(pk=first.pk).update(treated_sent_count=1)
    Batch.objects.filter(pk=second.pk).update(resend_count=1)
    found, all_of_them = decisions(campaign_), sums(campaign_)
    assert found == Decisions(treated_as_sent=1, treated_as_failed=0, sent_again=1)
    assert asdict(found).items() <= asdict(all_of_them).items()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE csms_campaigns_batch")
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
        decided = Batch.objects.filter(DECIDED, campaign=campaign_)
        assert "csms_batch_decided" in decided.explain()


def fail(campaign_: Campaign, count: int, error: str, code: str = "") -> None:
    batch = Batch.objects.filter(campaign=campaign_, failed_count=0).earliest("pk")
    results = SendResult.objects.filter(batch=batch)[:count].values_list(
        "pk", flat=True
    )
    SendResult.objects.filter(pk__in=list(results)).update(
        status="failed", error=error, error_code=code
    )
    Batch.objects.filter(pk=batch.pk).update(
        status="done",
        failed_count=count,
        sent_count=batch.size - count,
        finished_at=timezone.now(),
    )


def test_the_last_failures_by_cause_the_most_frequent_first(configure: Any) -> None:
    configure(BATCH_SIZE=5)
    sending = factories.sending(20)
    fail(sending, 1, "Not a number", "INVALID_NUMBER")
    fail(sending, 3, "Blocked")
    fail(sending, 1, "Not a number", "INVALID_NUMBER")
    found = overview.last_failures()
    assert [(cause.words, cause.people) for cause in found] == [
        ("Blocked", 3),
        ("Not a number", 2),
    ]
    assert found[0].campaign_id == sending.pk


def test_old_failures_make_room_for_new_ones(configure: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(overview, "FAILURES", 1)
    configure(BATCH_SIZE=5)
    sending = factories.sending(20)
    fail(sending, 4, "Long ago")
    fail(sending, 1, "Just now")
    assert [cause.words for cause in overview.last_failures()] == ["Just now"]


def request(account: GatewayAccount, cum: int, age: float, credits: int | None) -> None:
    Attempt.objects.create(
        account=account,
        batch=Batch.objects.earliest("pk"),
        cum=cum,
        stamped_at=timezone.now() - timedelta(seconds=age),
        remaining_credits=credits,
    )
    GatewayAccount.objects.filter(pk=account.pk).update(cum=cum)


def test_every_account_of_the_settings_with_its_windows(configure: Any) -> None:
    configure(alias="second", API_KEY="k2", RATE_LIMITS=[(10, 60)])
    factories.sending(3)
    request(accounts.state("default"), 1, 30, 500)
    first, second = overview.accounts_now()
    assert (first.account.alias, second.account.alias) == ("default", "second")
    assert [use.used for use in first.windows] == [1, 1, 1]
    # Never used: it has no row yet.
    assert (second.account.pk, second.windows) == (None, [])


def test_credits_end_as_they_fell(configure: Any) -> None:
    factories.sending(3)
    account = accounts.state("default")
    assert overview.accounts_now()[0].credits_end_in is None
    for cum, (age, credits) in enumerate([(600, 1200), (300, None), (0, 600)], start=1):
        request(account, cum, age, credits)
    seconds = overview.accounts_now()[0].credits_end_in
    assert seconds == pytest.approx(600, rel=0.05)


def test_what_was_spent_long_ago_is_no_pace() -> None:
    factories.sending(3)
    account = accounts.state("default")
    request(account, 1, 9000, 1000)
    request(account, 2, 8000, 500)
    assert overview.accounts_now()[0].credits_end_in is None


@pytest.mark.once
def test_what_was_bought_meanwhile_is_no_fall() -> None:
    now = timezone.now()
    balances = [(now - timedelta(seconds=100), 50), (now, 40), (now, 1040), (now, 1030)]
    assert overview.seconds_left(balances, now) == pytest.approx(1030 * 100 / 20)
    assert overview.seconds_left(balances[:1], now) is None
    assert overview.seconds_left([], now) is None


def test_a_cancelled_campaign_leaves_the_page() -> None:
    sending = factories.sending(3)
    assert names() == ["Spring"]
    lifecycle.cancel(sending.pk)
    assert names() == []
