"""Each row of the table of answers once through the engine: what becomes of everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from csms_campaigns.engine import dispatch
from csms_campaigns.engine.taking import Taken
from csms_campaigns.models import Attempt, Batch, Campaign, GatewayAccount, SendResult
from tests import factories
from tests.gateway.rows import Leads, Row
from tests.gateway.table import TABLE

pytestmark = pytest.mark.django_db

every_row = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.what)


@pytest.fixture
def sent(configure: Callable[..., None]) -> Callable[..., Taken]:
    """`sent(row)` sends the first batch of two of a campaign to the place of the row."""

    def send(row: Row, *, canary: bool = False) -> Taken:
        campaign = begin(configure, canary=canary)
        with row.place() as where:
            configure(API_URL=where.url, TIMEOUT=row.timeout)
            taken = dispatch.send_next("default")
        assert isinstance(taken, Taken)
        assert taken.campaign_id == campaign.pk
        assert taken.alone is canary
        return taken

    return send


def begin(configure: Callable[..., None], *, canary: bool = False) -> Campaign:
    """Two batches of three people: after the first the campaign is not over yet."""
    configure(BATCH_SIZE=3, MIN_GAP=0)
    campaign = factories.sending(6)
    if not canary:
        Campaign.objects.update(canary_passed=True)
    return campaign


@every_row
def test_the_first_batch(row: Row, sent: Callable[..., Taken]) -> None:
    taken = sent(row)
    assert became(taken) == replace(row.leads, numbers="", canary="")
    assert statuses(taken) == row.statuses
    assert_blocked_for(taken, row.blocked_for)
    assert_adds_up(taken)
    assert_is_kept(taken, row)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.what)
def test_the_canary(row: Row, sent: Callable[..., Taken]) -> None:
    """The first answer of a campaign: it goes on, waits, or stops with a reason."""
    taken = sent(row, canary=True)
    campaign = Campaign.objects.get(pk=taken.campaign_id)
    assert campaign.status == row.leads.canary
    assert bool(campaign.status_reason) is (campaign.status == "paused")
    assert Batch.objects.get(pk=taken.batch_id).status == row.leads.batch
    assert campaign.canary_passed is ("sent" in statuses(taken))


def became(taken: Taken) -> Leads:
    """What there is to see, in the words of the table."""
    campaign = Campaign.objects.get(pk=taken.campaign_id)
    return Leads(
        numbers="",
        batch=Batch.objects.get(pk=taken.batch_id).status,
        request=Attempt.objects.get(pk=taken.attempt_id).outcome,
        campaign=campaign.status,
        block=GatewayAccount.objects.get(alias="default").blocked_reason,
        canary="",
    )


def statuses(taken: Taken) -> tuple[str, ...]:
    results = SendResult.objects.filter(pk__in=taken.recipients.values()).order_by("pk")
    return tuple(results.values_list("status", flat=True))


def assert_blocked_for(taken: Taken, seconds: float | None) -> None:
    account = GatewayAccount.objects.get(alias="default")
    assert account.probing is bool(account.blocked_reason)
    if seconds is None:
        assert account.blocked_until is None
    else:
        done_at = Attempt.objects.get(pk=taken.attempt_id).done_at
        assert done_at is not None
        assert account.blocked_until is not None
        assert (account.blocked_until - done_at).total_seconds() == seconds


def assert_is_kept(taken: Taken, row: Row) -> None:
    """The log of requests: the status of HTTP, the balance, and words where it went wrong."""
    attempt = Attempt.objects.get(pk=taken.attempt_id)
    assert row.http_status in (None, attempt.http_status)
    assert attempt.remaining_credits == row.credits
    assert bool(attempt.error) is (not isinstance(row.outcome, tuple))
    account = GatewayAccount.objects.get(alias="default")
    assert account.remaining_credits == row.credits


def assert_adds_up(taken: Taken) -> None:
    """Every recipient is in one place, and the batch counts what its rows say."""
    assert SendResult.objects.filter(campaign=taken.campaign_id).count() == 6
    for batch in Batch.objects.filter(campaign=taken.campaign_id):
        rows = list(batch.results.values_list("status", flat=True))
        assert batch.size == len(rows)
        for status in ("sent", "failed", "unknown"):
            assert getattr(batch, f"{status}_count") == rows.count(status)
