"""Campaigns with failed and unknown recipients, and the follow-ups that come of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from csms_campaigns.engine import lifecycle
from csms_campaigns.engine.taking import Taken
from csms_campaigns.gateway.errors import AnswerLost, GatewayError
from csms_campaigns.gateway.receipts import NumberOutcome, Receipt
from csms_campaigns.models import Campaign, SendResult
from csms_campaigns.states import SendStatus
from tests import factories
from tests.engine.scenes import send_all

BUSY = NumberOutcome(False, code="CARRIER_BUSY", error="The carrier is busy")
INVALID = NumberOutcome(False, code="INVALID_NUMBER", error="Invalid phone number")


def lost(_taken: Taken) -> GatewayError:
    return AnswerLost("no answer")


def saying(
    *,
    failed: Iterable[int] = (),
    invalid: Iterable[int] = (),
    silent: Iterable[int] = (),
) -> Callable[[Taken], Receipt]:
    """An answer in which people, by their place among `factories.number`, have these outcomes."""
    said = {factories.number(i): BUSY for i in failed}
    said |= {factories.number(i): INVALID for i in invalid}
    left_out = {factories.number(i) for i in silent}

    def answer(taken: Taken) -> Receipt:
        outcomes = {
            number: said.get(number, NumberOutcome(True, f"id{number}"))
            for number in taken.numbers
            if number not in left_out
        }
        return Receipt(200, outcomes, 1000)

    return answer


def finished(
    count: int = 20, message: str = "Hello", **outcomes: Iterable[int]
) -> Campaign:
    """All its requests are answered, as in `saying`."""
    campaign = factories.sending(count, message)
    send_all(saying(**outcomes))
    campaign.refresh_from_db()
    assert campaign.status == "finished"
    return campaign


def run(
    follow_up: Campaign, answer: Callable[[Taken], Receipt] | None = None
) -> Campaign:
    lifecycle.launch(follow_up.pk)
    send_all(answer or saying())
    follow_up.refresh_from_db()
    return follow_up


def result(campaign: Campaign, index: int) -> SendResult:
    return SendResult.objects.get(campaign=campaign, phone=factories.number(index))


def places(campaign: Campaign, status: SendStatus | None = None) -> list[int]:
    """The recipients, by their place among `factories.number`."""
    found = SendResult.objects.filter(campaign=campaign).order_by("pk")
    if status:
        found = found.filter(status=status)
    phones = found.values_list("phone", flat=True)
    return [(int(phone[1:]) - factories.BASE) // 10 for phone in phones if phone]


def decision(campaign: Campaign, index: int) -> str:
    return result(campaign, index).resolution
