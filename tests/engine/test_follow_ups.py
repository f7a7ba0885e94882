"""Who is texted again, with which text, and never twice by two follow-ups."""

from __future__ import annotations

from typing import Any

import pytest

from csms_campaigns.engine import audience, follow_ups, lifecycle, resolving
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.ledger import ledger
from csms_campaigns.models import Batch, Campaign, Contact, SendResult
from csms_campaigns.states import CampaignStatus, Resolution, SendStatus, SkipReason
from tests import factories
from tests.engine.families import decision, finished, places, result, run, saying
from tests.engine.frozen import check_frozen
from tests.engine.scenes import UNLIMITED, send, send_all, told

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _unlimited(configure: Any) -> None:
    configure(**UNLIMITED, BATCH_SIZE=5)


def test_failed_recipients_are_retried_without_permanent_causes() -> None:
    parent = finished(20, failed=[3, 8, 13], invalid=[4], silent=[5])
    follow_up = follow_ups.retry_failed(parent.pk)
    assert (follow_up.status, follow_up.parent) == (CampaignStatus.READY, parent)
    assert places(follow_up) == [3, 8, 13]
    sources = SendResult.objects.filter(campaign=follow_up).values_list(
        "retry_of", "phone"
    )
    failed = SendResult.objects.filter(campaign=parent, error_code="CARRIER_BUSY")
    assert dict(sources) == dict(failed.values_list("pk", "phone"))
    run(follow_up)
    assert places(follow_up, SendStatus.SENT) == [3, 8, 13]
    assert ledger(follow_up).adds_up
    assert ledger(parent).counted == {"sent": 15, "failed": 4, "unknown": 1}


def test_permanent_causes_are_retried_if_asked() -> None:
    parent = finished(10, failed=[3], invalid=[4, 6])
    first = follow_ups.retry_failed(parent.pk, codes=["INVALID_NUMBER"])
    assert places(first) == [4, 6]
    second = follow_ups.retry_failed(parent.pk, all_causes=True)
    assert places(second) == [3]


def test_unknown_recipients_are_sent_again() -> None:
    parent = finished(20, failed=[3], silent=[5, 6, 12])
    follow_up = follow_ups.resend_unknown(parent.pk)
    assert places(follow_up) == [5, 6, 12]
    assert decision(parent, 5) == Resolution.RESEND
    assert result(parent, 5).status == SendStatus.UNKNOWN
    check_frozen(follow_up, 5)
