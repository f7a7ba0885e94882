"""Credits: what a campaign will cost, and what is left of the balance beside other campaigns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from csms_campaigns.engine import lifecycle
from csms_campaigns.engine.promise import promise
from csms_campaigns.engine.taking import Taken
from csms_campaigns.gateway.receipts import Receipt
from csms_campaigns.models import Campaign, Contact, GatewayAccount
from tests import factories
from tests.engine.scenes import UNLIMITED, accepted, send, send_all, soon


def others(count: int, message: str = "Hello", **options: Any) -> Campaign:
    """Ready, for people of its own."""
    chosen = factories.people(count, str(Contact.objects.count()))
    return factories.ready(message=message, lists=[chosen], **options)


@pytest.mark.django_db
@pytest.mark.parametrize(("each", "per"), [(1, "segment"), (3, "number")])
def test_what_a_text_costs_is_learnt_from_the_account(
    configure: Any, each: int, per: str
) -> None:
    configure(**UNLIMITED, BATCH_SIZE=10)
    mine = factories.ready(10, "y" * 161)
    found = promise(mine)
    assert (found.credits_per, found.credits_each) == ("", None)
    assert found.estimated_credits == found.segments == 20
    balance = 1000

    def charged(taken: Taken) -> Receipt:
        nonlocal balance
        segments = 1 + (len(taken.message) > 160)
        balance -= len(taken.numbers) * (each if per == "number" else segments)
        return replace(accepted(taken), remaining_credits=balance)

    for text in ("x", "y" * 161):
        lifecycle.launch(others(40, text).pk)
        send_all(charged)
    found = promise(mine)
    assert (found.credits_per, found.credits_each) == (per, each)
    assert found.estimated_credits == (20 if per == "segment" else 30)
    assert found.remaining_credits == balance


@pytest.mark.django_db
def test_what_is_promised_to_others_is_not_there_any_more(configure: Any) -> None:
    configure(**UNLIMITED, BATCH_SIZE=10)
    mine = factories.ready(3)
    GatewayAccount.objects.update_or_create(
        alias="default", defaults={"remaining_credits": 100}
    )
    assert promise(mine).promised_credits == 0
    lifecycle.launch(others(20, "y" * 161).pk, at=soon())
    assert promise(mine).promised_credits == 40
    lifecycle.launch(others(30).pk)
    assert promise(mine).promised_credits == 70
    lifecycle.pause(Campaign.objects.get(status="sending").pk)
    found = promise(mine)
    assert (found.promised_credits, found.available_credits) == (70, 30)
    assert found.missing_credits == 0
    many = promise(others(31))
    assert (many.available_credits, many.missing_credits) == (30, 1)


@pytest.mark.django_db
def test_what_others_have_sent_is_not_promised_twice(configure: Any) -> None:
    configure(**UNLIMITED, BATCH_SIZE=10)
    mine = factories.ready(3)
    lifecycle.launch(others(30).pk)
    send()
    assert promise(mine).promised_credits == 25
    send_all()
    assert promise(mine).promised_credits == 0


@pytest.mark.django_db
def test_other_accounts_promise_nothing_of_this_one(configure: Any) -> None:
    configure("second", API_KEY="cspro_test_key_0002")
    lifecycle.launch(factories.ready(30, account="second").pk)
    assert promise(factories.ready(3)).promised_credits == 0


@pytest.mark.django_db
def test_without_a_balance_nothing_is_missing() -> None:
    found = promise(factories.ready(3))
    assert (found.available_credits, found.missing_credits) == (None, 0)
