"""What was promised of the time, against a real worker and the sandbox with scaled limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from csms_campaigns import tasks
from csms_campaigns.engine import lifecycle
from csms_campaigns.engine.promise import promise
from csms_campaigns.models import Attempt, Campaign
from tests import factories
from tests.e2e.outcome import check_promises, is_finished

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]


def launch(campaign: Campaign) -> None:
    lifecycle.launch(campaign.pk)
    tasks.wake_lanes("default")


def took(campaign: Campaign) -> float:
    campaign.refresh_from_db()
    assert campaign.started_at is not None
    assert campaign.finished_at is not None
    return (campaign.finished_at - campaign.started_at).total_seconds()


@pytest.mark.parametrize("beside", [0, 25])
def test_the_end_is_promised_within_five_percent(
    sandbox: Any, configure: Any, worker: Any, wait_until: Any, beside: int
) -> None:
    """Two windows that bind one after the other; alone, and with another campaign."""
    gateway = sandbox(limits="10/1.5,30/6", latency=0.1)
    configure(RATE_LIMITS=[(10, 1.5), (30, 6)], MIN_GAP=0.05, BATCH_SIZE=1)
    first = factories.ready(6)
    worker()
    # The account has a past: what it has used of its limits, and how long answers take.
    launch(first)
    wait_until(lambda: is_finished(first))
    mine = factories.ready(lists=[factories.people(50 - beside, "Mine")])
    other = factories.ready(lists=[factories.people(max(beside, 1), "Other")])
    if beside:
        launch(other)
    promised = promise(mine).eta_seconds
    launch(mine)
    wait_until(lambda: is_finished(mine))
    assert took(mine) == pytest.approx(promised, rel=0.05)
    assert gateway.state()["violations"] == 0


def test_what_waits_for_its_hours_goes_on_by_itself(
    sandbox: Any, configure: Any, worker: Any, wait_until: Any
) -> None:
    """Launched a few seconds before they begin: nothing leaves earlier, and nobody presses."""
    gateway = sandbox(latency=0.05)
    configure(RATE_LIMITS=[], MIN_GAP=0.2, BATCH_SIZE=1)
    campaign = factories.ready(12)
    opens = timezone.now().astimezone(UTC) + timedelta(seconds=5)
    campaign.send_from = opens.time()
    campaign.send_until = (opens + timedelta(hours=1)).time()
    campaign.time_zone = "UTC"
    campaign.save()
    promised = promise(campaign)
    assert promised.starts_seconds == pytest.approx(5, abs=1)
    worker()
    launch(campaign)
    wait_until(lambda: is_finished(campaign))
    stamps = Attempt.objects.order_by("cum").values_list("stamped_at", flat=True)
    assert min(stamps) >= opens
    arrived = [datetime.fromisoformat(d["at"]) for d in gateway.deliveries]
    assert min(arrived) >= opens
    assert (min(stamps) - opens).total_seconds() < 3
    check_promises(campaign, gateway)
