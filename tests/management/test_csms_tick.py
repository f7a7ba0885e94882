"""`csms_tick`: what beat does, for cron."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
import redis
from celery import current_app
from django.core.management import CommandError, call_command
from django.utils import timezone

from csms_campaigns.engine import audience
from csms_campaigns.management.commands import csms_tick
from csms_campaigns.models import Batch, Campaign, Heartbeat
from csms_campaigns.states import CampaignStatus
from tests import factories
from tests.engine.scenes import UNLIMITED, campaign_in

pytestmark = pytest.mark.django_db

S = CampaignStatus


@pytest.fixture(autouse=True)
def _unlimited(configure: Any) -> None:
    configure(**UNLIMITED)


@pytest.fixture
def broker(redis_url: str) -> Any:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def messages(broker: Any) -> list[str]:
    return [message.decode() for message in broker.lrange("celery", 0, -1)]


def tick(*words: str) -> None:
    out = io.StringIO()
    call_command("csms_tick", *words, stdout=out)
    assert out.getvalue() == ""


def test_without_work_it_only_leaves_a_heartbeat(broker: Any) -> None:
    tick()
    tick()
    assert set(Heartbeat.objects.values_list("name", flat=True)) == {"tick", "beat"}
    assert messages(broker) == []


def test_a_due_campaign_starts_and_its_lanes_are_woken(broker: Any) -> None:
    campaign = campaign_in(S.SCHEDULED)
    tick()
    assert messages(broker) == []
    late = timezone.now() - timedelta(seconds=1)
    Campaign.objects.update(send_at=late)
    tick()
    campaign.refresh_from_db()
    assert campaign.status == S.SENDING
    woken = messages(broker)
    assert len(woken) == 4
    assert all("csms_campaigns.tasks.lane" in message for message in woken)


def test_a_preparation_that_died_is_handed_on(broker: Any) -> None:
    campaign = factories.draft()
    audience.begin(campaign.pk)
    tick()
    assert messages(broker) == []
    late = timezone.now() - timedelta(seconds=1)
    Campaign.objects.update(prepare_lease_until=late)
    tick()
    [message] = messages(broker)
    assert "csms_campaigns.tasks.prepare" in message


def test_a_campaign_that_nobody_ended_is_ended(broker: Any) -> None:
    campaign = campaign_in(S.SENDING)
    Batch.objects.update(status="done", sent_count=3)
    tick()
    campaign.refresh_from_db()
    assert campaign.status == S.FINISHED
    assert messages(broker) == []


def test_a_broker_that_is_away_is_no_fault(
    broker: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    campaign_in(S.SENDING)
    away = "redis://127.0.0.1:1/0"
    monkeypatch.setitem(current_app.conf, "broker_write_url", away)
    tick()
    assert Heartbeat.objects.exists()
    assert messages(broker) == []
    assert "The broker did not take csms_campaigns.tasks.lane" in caplog.text


def test_it_goes_on_until_it_is_interrupted(
    monkeypatch: pytest.MonkeyPatch, broker: Any
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        Heartbeat.objects.all().delete()
        if len(slept) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(csms_tick.time, "sleep", sleep)
    with pytest.raises(KeyboardInterrupt):
        tick("--every", "7.5")
    assert slept == [7.5] * 3


@pytest.mark.parametrize("every", ["often", "-1", "0", "nan", "inf"])
def test_a_time_that_is_none(every: str) -> None:
    with pytest.raises(CommandError, match="seconds"):
        tick("--every", every)
