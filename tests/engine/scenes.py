"""Campaigns in every state, reached by the verbs themselves; no gateway is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any, Final

from django.db import connection, connections
from django.utils import timezone

from csms_campaigns.engine import audience, finishing, lifecycle
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.taking import Taken, take
from csms_campaigns.gateway.errors import GatewayError
from csms_campaigns.gateway.receipts import NumberOutcome, Receipt
from csms_campaigns.models import Campaign
from csms_campaigns.states import CampaignStatus
from tests import factories

UNLIMITED: Final = {"MIN_GAP": 0, "RATE_LIMITS": []}
"""For `configure`: what is tested here is not the limiter."""
REFUSED: Final = NumberOutcome(False, code="invalid_number", error="No such number")


def accepted(taken: Taken) -> Receipt:
    """Every number of the request got an id."""
    found = {n: NumberOutcome(True, message_id=f"id{n}") for n in taken.numbers}
    return Receipt(200, found, 1000)


def refused(taken: Taken) -> Receipt:
    """The request was processed, and not one of its numbers was accepted."""
    return Receipt(200, dict.fromkeys(taken.numbers, REFUSED), 1000)


Answer = Callable[[Taken], Receipt | GatewayError]


def send(answer: Answer = accepted, alias: str = "default") -> Taken:
    """One request: taken, and answered as told."""
    taken = take(alias)
    assert isinstance(taken, Taken), taken
    finishing.finish(taken, answer(taken))
    return taken


def send_all(answer: Answer = accepted) -> int:
    """Until nothing can be taken any more; how many requests that were."""
    count = 0
    while isinstance(taken := take("default"), Taken):
        finishing.finish(taken, answer(taken))
        count += 1
    return count


def soon() -> Any:
    return timezone.now() + timedelta(hours=1)


def _preparing(campaign: Campaign) -> None:
    audience.begin(campaign.pk)


def _ready(campaign: Campaign) -> None:
    audience.review(campaign.pk)


def _scheduled(campaign: Campaign) -> None:
    _ready(campaign)
    lifecycle.launch(campaign.pk, at=soon())


def _sending(campaign: Campaign) -> None:
    _ready(campaign)
    lifecycle.launch(campaign.pk)


def _paused(campaign: Campaign) -> None:
    _sending(campaign)
    lifecycle.pause(campaign.pk)


def _finished(campaign: Campaign) -> None:
    _sending(campaign)
    send_all()


def _cancelled(campaign: Campaign) -> None:
    _ready(campaign)
    lifecycle.cancel(campaign.pk)


_WAYS: Final[dict[CampaignStatus, Callable[[Campaign], None]]] = {
    CampaignStatus.DRAFT: lambda _campaign: None,
    CampaignStatus.PREPARING: _preparing,
    CampaignStatus.READY: _ready,
    CampaignStatus.SCHEDULED: _scheduled,
    CampaignStatus.SENDING: _sending,
    CampaignStatus.PAUSED: _paused,
    CampaignStatus.FINISHED: _finished,
    CampaignStatus.CANCELLED: _cancelled,
}


def campaign_in(status: CampaignStatus, count: int = 3) -> Campaign:
    """Configure with `UNLIMITED` before: a finished one has sent its requests."""
    campaign = factories.draft(count)
    _WAYS[status](campaign)
    campaign.refresh_from_db()
    assert campaign.status == status
    return campaign


def told(call: Callable[[], object]) -> str | None:
    """The sentence of the `CampaignError`, or None if the call went through."""
    try:
        call()
    except CampaignError as error:
        return str(error)
    return None


def together(call: Callable[[], object], count: int = 2) -> list[str | None]:
    """`told(call)` in so many threads at the same moment, each on a connection of its own."""
    start, answers = Barrier(count), []

    def run() -> None:
        try:
            connection.ensure_connection()
            start.wait(10)
            answers.append(told(call))
        finally:
            connections.close_all()

    threads = [Thread(target=run) for _each in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(answers) == count
    return answers


@contextmanager
def heard(signal: Any) -> Iterator[list[dict[str, Any]]]:
    """What the signal said to a receiver, in order."""
    said: list[dict[str, Any]] = []

    def receive(**values: Any) -> None:
        said.append({k: v for k, v in values.items() if k not in {"sender", "signal"}})

    signal.connect(receive)
    try:
        yield said
    finally:
        signal.disconnect(receive)
