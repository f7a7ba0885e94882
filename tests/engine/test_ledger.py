"""Everybody is accounted for at each moment, and a count that is wrong shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from csms_campaigns.engine import lifecycle
from csms_campaigns.engine.ledger import ledger
from csms_campaigns.engine.sums import sums
from csms_campaigns.engine.taking import Taken
from csms_campaigns.gateway.errors import AnswerLost, GatewayError
from csms_campaigns.gateway.receipts import NumberOutcome, Receipt
from csms_campaigns.models import (
    Batch,
    Campaign,
    ContactList,
    GatewayAccount,
    SendResult,
)
from csms_campaigns.states import CampaignStatus
from tests import factories
from tests.engine.scenes import (
    REFUSED,
    UNLIMITED,
    accepted,
    campaign_in,
    send,
    send_all,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _unlimited(configure: Any) -> None:
    configure(**UNLIMITED, BATCH_SIZE=10)


def mixed(taken: Taken) -> Receipt:
    """The first number is accepted, the second refused, the third not named; and so on."""
    found = {
        n: NumberOutcome(True, message_id=n) if i % 3 == 0 else REFUSED
        for i, n in enumerate(taken.numbers)
        if i % 3 != 2
    }
    return Receipt(200, found, 500)


def lost(_taken: Taken) -> GatewayError:
    return AnswerLost("no answer")


def check(campaign: Campaign, **expected: int) -> None:
    campaign.refresh_from_db()
    found = ledger(campaign)
    assert found.adds_up, found
    assert found.counted == expected
    assert found.audience == sum(expected.values())


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (CampaignStatus.DRAFT, {}),
        (CampaignStatus.PREPARING, {}),
        (CampaignStatus.READY, {"pending": 30}),
        (CampaignStatus.SCHEDULED, {"pending": 30}),
        (CampaignStatus.SENDING, {"pending": 30}),
        (CampaignStatus.PAUSED, {"pending": 30}),
        (CampaignStatus.FINISHED, {"sent": 30}),
        (CampaignStatus.CANCELLED, {"cancelled": 30}),
    ],
)
def test_it_adds_up_in_each_state(
    state: CampaignStatus, expected: dict[str, int]
) -> None:
    check(campaign_in(state, 30), **expected)


def test_each_outcome_has_its_own_count() -> None:
    factories.opt_out([factories.number(0)])
    campaign = campaign_in(CampaignStatus.SENDING, 31)
    send(mixed)
    check(campaign, skipped=1, sent=2, failed=2, unknown=1, pending=25)
    send(lost)
    check(campaign, skipped=1, sent=2, failed=2, unknown=11, pending=15)
    factories.opt_out([factories.number(16), factories.number(17)])
    send(accepted)
    check(campaign, skipped=3, sent=10, failed=2, unknown=11, pending=5)
    lifecycle.cancel(campaign.pk)
    check(campaign, skipped=3, sent=10, failed=2, unknown=11, cancelled=5)


def test_a_batch_that_opt_outs_emptied_is_done() -> None:
    campaign = campaign_in(CampaignStatus.SENDING, 25)
    factories.opt_out(factories.number(i) for i in range(5, 15))
    assert send_all() == 2
    check(campaign, skipped=10, sent=15)
    assert campaign.status == CampaignStatus.FINISHED


def test_two_campaigns_do_not_mix() -> None:
    first = factories.sending(12)
    second = factories.sending(lists=list(ContactList.objects.all()))
    send(mixed)
    send(accepted)
    totals = [ledger(Campaign.objects.get(pk=c.pk)) for c in (first, second)]
    assert all(one.adds_up and one.audience == 12 for one in totals)


MISTAKES = [
    lambda: Batch.objects.filter(number=1).update(sent_count=4, failed_count=1),
    lambda: SendResult.objects.filter(status="sent").first().delete(),
    lambda: SendResult.objects.filter(status="pending").update(status="cancelled"),
    lambda: Campaign.objects.update(audience_count=13),
    lambda: Campaign.objects.update(skipped_counts={"opted_out": 1}),
    lambda: Batch.objects.filter(number=2).update(status="cancelled"),
]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_any_place_shows(mistake: Any) -> None:
    campaign = campaign_in(CampaignStatus.SENDING, 12)
    send()
    assert ledger(campaign).adds_up
    mistake()
    campaign.refresh_from_db()
    assert not ledger(campaign).adds_up


class Undone(Exception):
    pass


@contextmanager
def everything_undone() -> Iterator[None]:
    """Each example begins with an empty database."""
    with suppress(Undone), transaction.atomic():
        yield
        raise Undone


steps = st.lists(
    st.sampled_from(["accepted", "mixed", "lost", "opt_out", "pause", "resume"]),
    max_size=14,
)
ANSWERS = {"accepted": accepted, "mixed": mixed, "lost": lost}


def step(name: str, campaign: Campaign, index: int) -> None:
    campaign.refresh_from_db()
    status = campaign.status
    if name in ANSWERS and status == CampaignStatus.SENDING:
        # A rest that the account takes after several silences is over by now.
        GatewayAccount.objects.update(blocked_until=None)
        send(ANSWERS[name])
    elif name == "opt_out":
        factories.opt_out([factories.number(index * 2 + 1)])
    elif name == "pause" and status == CampaignStatus.SENDING:
        lifecycle.pause(campaign.pk)
    elif name == "resume" and status == CampaignStatus.PAUSED:
        lifecycle.resume(campaign.pk)


SILENCE = ["accepted", "lost", "lost", "lost", "accepted"]


@given(names=steps, is_cancelled=st.booleans())
@example(names=SILENCE, is_cancelled=False)
@example(names=[*["lost", "resume"] * 4, "mixed"], is_cancelled=True)
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_whatever_happens_it_adds_up_after_each_step(
    names: list[str], is_cancelled: bool
) -> None:
    with everything_undone():
        campaign = campaign_in(CampaignStatus.SENDING, 40)
        for index, name in enumerate(names):
            step(name, campaign, index)
            campaign.refresh_from_db()
            found = ledger(campaign)
            assert found.adds_up, (names, found)
        if is_cancelled and campaign.status not in {"finished", "cancelled"}:
            lifecycle.cancel(campaign.pk)
        campaign.refresh_from_db()
        assert ledger(campaign).adds_up
        assert sums(campaign).total == 40
