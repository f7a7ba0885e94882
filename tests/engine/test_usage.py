"""How much of each window is used, as people are told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from csms_campaigns import conf
from csms_campaigns.engine.usage import WindowUse, usage, usage_of
from csms_campaigns.models import Attempt, Batch, GatewayAccount

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(batch: Batch) -> GatewayAccount:
    """Nine requests: three in the last minute, three in the hour, three long ago."""
    made = GatewayAccount.objects.create(alias="default", cum=9)
    ages = [90_000, 80_000, 70_000, 3000, 2000, 1000, 50, 30, 10]
    Attempt.objects.bulk_create(
        Attempt(
            account=made,
            batch=batch,
            cum=cum,
            stamped_at=timezone.now() - timedelta(seconds=age),
        )
        for cum, age in enumerate(ages, 1)
    )
    return made


def used(account: GatewayAccount) -> list[int]:
    return [use.used for use in usage(account, conf.account("default"))]


def test_each_window_counts_its_own(account: GatewayAccount) -> None:
    assert used(account) == [3, 6, 8]


def test_never_more_than_the_limit(account: GatewayAccount, configure: Any) -> None:
    configure(RATE_LIMITS=[(2, 60), (100, 3600)])
    assert used(account) == [2, 6]


def test_without_limits_there_is_nothing_to_use(
    account: GatewayAccount, configure: Any
) -> None:
    configure(RATE_LIMITS=[])
    assert used(account) == []


def test_another_accounts_requests_are_not_ours(account: GatewayAccount) -> None:
    other = GatewayAccount.objects.create(alias="other", cum=9)
    assert used(other) == [0, 0, 0]
    assert account.alias == "default"


def test_requests_that_were_forgotten_count_from_the_restore(
    account: GatewayAccount,
) -> None:
    account.lost_from, account.lost_to, account.cum = 9, 14, 14
    account.lost_at = timezone.now() - timedelta(seconds=600)
    assert used(account) == [3, 11, 13]


def test_one_question_for_all_windows_of_all_accounts(
    account: GatewayAccount, batch: Batch
) -> None:
    other = GatewayAccount.objects.create(alias="other", cum=2)
    Attempt.objects.create(account=other, batch=batch, cum=2, stamped_at=timezone.now())
    options = conf.account("default")
    with CaptureQueriesContext(connection) as asked:
        found = usage_of([(account, options), (other, options)])
    assert len([q for q in asked if "attempt" in q["sql"]]) == 1
    assert [use.used for use in found[account.pk]] == [3, 6, 8]
    assert [use.used for use in found[other.pk]] == [1, 1, 1]


@pytest.mark.once
def test_the_share_of_a_window() -> None:
    assert WindowUse(60, 100, 25).share == 0.25
