"""Very large campaigns: what pages ask for is kept for some seconds, what decides is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from csms_campaigns import conf
from csms_campaigns.engine import lifecycle, remembering
from csms_campaigns.engine.database import now
from csms_campaigns.engine.ending import finish_campaign
from csms_campaigns.engine.progress import progress
from csms_campaigns.engine.promise import promised_to_others
from csms_campaigns.engine.remembering import recent
from csms_campaigns.engine.sums import recent_sums_of, sums, sums_of
from csms_campaigns.engine.work import has_work
from csms_campaigns.engine.workload import others, waiting_of
from csms_campaigns.models import Batch, Campaign
from csms_campaigns.states import BatchStatus
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    remembering.forget()
    yield
    remembering.forget()


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembering, "LARGE", 0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    moments = [1000.0]
    monkeypatch.setattr(remembering.time, "monotonic", lambda: moments[-1])
    return moments


def campaign_of(batches: int, pk: int = 1, status: str = "sending") -> Campaign:
    return Campaign(pk=pk, batch_count=batches, status=status)


def test_of_a_usual_campaign_nothing_is_kept() -> None:
    found = iter(range(9))
    usual = campaign_of(remembering.LARGE)
    assert [recent(usual, "a", lambda: next(found)) for _ in range(3)] == [0, 1, 2]


def test_of_a_large_one_it_is_kept_for_ten_seconds(clock: list[float]) -> None:
    found = iter(range(9))
    large = campaign_of(remembering.LARGE + 1)

    def ask(what: str = "a") -> int:
        return recent(large, what, lambda: next(found))

    assert [ask(), ask()] == [0, 0]
    assert ask("b") == 1
    clock.append(clock[-1] + remembering.SECONDS - 0.1)
    assert ask() == 0
    clock.append(clock[-1] + 0.1)
    assert [ask(), ask()] == [2, 2]


def test_another_state_is_seen_at_once() -> None:
    for status in ("sending", "paused", "finished"):
        one = campaign_of(remembering.LARGE + 1, status=status)
        assert recent(one, "a", lambda status=status: status) == status


def test_the_memory_is_bounded() -> None:
    for pk in range(remembering.MOST_KEPT * 2 + 1):
        recent(campaign_of(remembering.LARGE + 1, pk), "a", lambda: 1)
    assert len(remembering._known) <= remembering.MOST_KEPT


def test_sums_of_large_ones_are_those_of_small_ones(large: None) -> None:
    campaign = factories.sending(12)
    assert recent_sums_of([campaign]) == sums_of([campaign])
    assert progress(campaign).pending == 12


@pytest.mark.usefixtures("large")
def test_a_page_may_be_late_and_the_sums_are_not() -> None:
    campaign = factories.sending(3)
    assert progress(campaign).pending == 3
    Batch.objects.update(status=BatchStatus.CANCELLED)
    assert progress(campaign).pending == 3
    assert sums(campaign).cancelled == 3
    remembering.forget()
    assert progress(campaign).cancelled == 3


def test_what_waits_in_many_campaigns_is_one_query(
    django_assert_num_queries: Any,
) -> None:
    chosen = factories.people(7)
    campaigns = [factories.sending(lists=[chosen]) for _each in range(3)]
    with django_assert_num_queries(1):
        found = waiting_of(campaigns)
    assert found == {campaign.pk: {"": 2} for campaign in campaigns}
    moment = now()
    with django_assert_num_queries(2):
        beside = others(campaigns[0], conf.account("default"), moment)
    assert [work.requests for work in beside] == [2, 2]


def test_others_are_promised_the_same_if_they_are_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen = factories.people(7)
    mine = factories.ready(lists=[chosen])
    for _each in range(2):
        factories.sending(lists=[chosen])
    small = promised_to_others(mine)
    monkeypatch.setattr(remembering, "LARGE", 0)
    assert promised_to_others(mine) == small == (14, 14)


def test_what_decides_asks_each_time(large: None) -> None:
    campaign = factories.sending(3)
    progress(campaign)
    Batch.objects.update(time_zone="Asia/Riyadh")
    assert not has_work("default")
    campaign.zones = ["", "Asia/Riyadh"]
    campaign.save()
    assert has_work("default")
    assert not finish_campaign(campaign.pk, now())
    Batch.objects.update(status=BatchStatus.DONE, size=0, finished_at=now())
    assert finish_campaign(campaign.pk, now())


def test_a_batch_in_flight_keeps_it_open() -> None:
    campaign = factories.sending(3)
    lease = now()
    Batch.objects.update(status=BatchStatus.SENDING, lease_until=lease, attempt=1)
    assert not finish_campaign(campaign.pk, lease)


def test_a_cancelled_one_is_cancelled_in_each_of_its_zones() -> None:
    campaign = factories.sending(7)
    Batch.objects.filter(number=2).update(time_zone="Asia/Riyadh")
    lifecycle.cancel(campaign.pk)
    assert sums(campaign).cancelled == 7
