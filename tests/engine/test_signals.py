"""What a site hears: after the commit, ids only, and its faults stay its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from csms_campaigns.engine import audience, lifecycle
from csms_campaigns.engine.pausing import pause_by_system
from csms_campaigns.models import Batch, Campaign
from csms_campaigns.signals import batch_recorded, campaign_status_changed
from tests import factories
from tests.engine.scenes import UNLIMITED, heard, send, soon, told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _unlimited(configure: Any) -> None:
    configure(**UNLIMITED)


def steps(campaign: Campaign) -> Iterator[str]:
    """Each verb, with the state that it leads to."""
    audience.review(campaign.pk)
    yield "preparing"
    yield "ready"
    lifecycle.launch(campaign.pk, at=soon())
    yield "scheduled"
    lifecycle.unschedule(campaign.pk)
    yield "ready"
    lifecycle.edited(campaign.pk)
    yield "draft"
    audience.review(campaign.pk)
    yield "preparing"
    yield "ready"
    lifecycle.launch(campaign.pk)
    yield "sending"
    lifecycle.pause(campaign.pk)
    yield "paused"
    lifecycle.resume(campaign.pk)
    yield "sending"
    pause_by_system([campaign.pk], "said by the gateway")
    yield "paused"
    lifecycle.cancel(campaign.pk)
    yield "cancelled"


def test_each_change_is_said_with_the_campaigns_id() -> None:
    campaign = factories.draft()
    with heard(campaign_status_changed) as said:
        expected = list(steps(campaign))
    assert [one["status"] for one in said] == expected
    assert {one["campaign_id"] for one in said} == {campaign.pk}
    assert {tuple(one) for one in said} == {("campaign_id", "status", "reason")}
    reasons = [one["reason"] for one in said if one["status"] == "paused"]
    assert reasons == ["Paused.", "said by the gateway"]


def test_a_recorded_batch_is_said_with_ids() -> None:
    campaign = factories.sending(7)
    with heard(batch_recorded) as said:
        taken = send()
    assert said == [{"campaign_id": campaign.pk, "batch_id": taken.batch_id}]


def test_when_it_is_said_it_is_committed() -> None:
    campaign = factories.ready()
    found: list[Any] = []

    def look(**values: Any) -> None:
        status = Campaign.objects.get(pk=values["campaign_id"]).status
        found.append((status, connection.in_atomic_block))

    campaign_status_changed.connect(look)
    try:
        with transaction.atomic():
            lifecycle.launch(campaign.pk)
            assert found == []
    finally:
        campaign_status_changed.disconnect(look)
    assert found == [("sending", False)]


def launch_and_roll_back(campaign: Campaign) -> None:
    with transaction.atomic():
        lifecycle.launch(campaign.pk)
        transaction.set_rollback(True)


def test_what_is_rolled_back_is_not_said() -> None:
    campaign = factories.ready()
    with heard(campaign_status_changed) as said:
        launch_and_roll_back(campaign)
    assert said == []
    campaign.refresh_from_db()
    assert campaign.status == "ready"


def test_a_verb_that_is_refused_says_nothing() -> None:
    campaign = factories.sending()
    with heard(campaign_status_changed) as said:
        assert told(lambda: lifecycle.launch(campaign.pk)) is not None
    assert said == []


def test_a_receiver_that_fails_breaks_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(**values: Any) -> None:
        message = "the site's own fault"
        raise ValueError(message)

    campaign = factories.draft(7)
    for signal in (campaign_status_changed, batch_recorded):
        signal.connect(fail)
    try:
        with heard(campaign_status_changed) as said, heard(batch_recorded) as recorded:
            audience.review(campaign.pk)
            lifecycle.launch(campaign.pk)
            send()
            send()
    finally:
        for signal in (campaign_status_changed, batch_recorded):
            signal.disconnect(fail)
    assert [one["status"] for one in said] == [
        "preparing",
        "ready",
        "sending",
        "finished",
    ]
    assert len(recorded) == 2
    campaign.refresh_from_db()
    assert campaign.status == "finished"
    assert set(Batch.objects.values_list("status", flat=True)) == {"done"}
    assert caplog.text.count("the site's own fault") >= 6
