"""The database is set back to an older copy in the middle of a campaign."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from csms_campaigns import tasks
from csms_campaigns.engine import lifecycle, restoring
from csms_campaigns.engine.ledger import ledger
from csms_campaigns.models import Batch, Campaign, GatewayAccount
from csms_campaigns.states import BatchStatus, BlockReason, CampaignStatus
from tests import factories
from tests.drills.copies import copy_database, set_back
from tests.e2e.outcome import check_promises, is_finished
from tests.servers import addresses

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE, BATCH = 205, 10
# A process that outlives a restore: of SQLite's file that cannot be done under its feet.
LIVES = [False, True] if addresses.engine() == "postgres" else [False]


def is_held(campaign: Campaign) -> bool:
    campaign.refresh_from_db()
    account = GatewayAccount.objects.get(alias="default")
    is_old = account.blocked_reason == BlockReason.DATABASE_OLD
    return is_old and campaign.status == CampaignStatus.PAUSED


def texted(gateway: Any) -> Counter[str]:
    gateway.wait_until_idle()
    found = (d["phone"] for d in gateway.deliveries if d["outcome"] == "delivered")
    return Counter(found)


def requests(gateway: Any) -> int:
    return int(gateway.state()["requests"])


@pytest.fixture
def restored(
    quick: Any, drill_worker: Any, wait_until: Any, tmp_path: Path, request: Any
) -> tuple[Campaign, Any, set[str]]:
    """A campaign whose database forgot its latest requests; whom the copy knows as texted."""
    gateway = quick(latency=0.1)
    campaign = factories.sending(PEOPLE)
    first = drill_worker()
    tasks.wake_lanes("default")
    wait_until(lambda: requests(gateway) >= 4)
    first.terminate()
    known = set(texted(gateway))
    copy = copy_database(tmp_path)
    second = drill_worker()
    tasks.wake_lanes("default")
    wait_until(lambda: requests(gateway) >= 9)
    if not request.param:
        second.kill()
    set_back(copy)
    if not request.param:
        drill_worker()
    tasks.wake_lanes("default")
    wait_until(lambda: is_held(campaign), seconds=120)
    assert max(texted(gateway).values()) == 1
    assert ledger(campaign).adds_up
    return campaign, gateway, known


@pytest.mark.parametrize("restored", LIVES, indirect=True)
def test_nobody_is_texted_twice_where_those_who_waited_are_called_unknown(
    restored: Any, wait_until: Any
) -> None:
    campaign, gateway, known = restored
    before = requests(gateway)
    found = restoring.after_restore("default")
    assert found.held == [campaign.pk]
    # One more, if it was killed between the word to the witness and the request.
    assert before - found.requests_before <= found.missing
    restoring.call_unknown(campaign.pk)
    wait_until(lambda: is_finished(campaign), seconds=120)
    assert check_promises(campaign, gateway) == {
        "sent": len(known),
        "unknown": PEOPLE - len(known),
    }
    assert requests(gateway) == before


@pytest.mark.parametrize("restored", [False], indirect=True)
def test_resume_is_a_persons_choice_and_texts_who_waited(
    restored: Any, wait_until: Any
) -> None:
    campaign, gateway, known = restored
    before = texted(gateway)
    restoring.after_restore("default")
    lifecycle.resume(campaign.pk)
    tasks.wake_lanes("default")
    wait_until(lambda: is_finished(campaign), seconds=120)
    assert ledger(campaign).adds_up
    assert ledger(campaign).counted == {"sent": PEOPLE}
    assert not Batch.objects.exclude(status=BatchStatus.DONE).exists()
    twice = {number for number, times in texted(gateway).items() if times > 1}
    # Those of the requests that nobody remembers, and not one of the others.
    assert twice == set(before) - known
    assert gateway.state()["violations"] == 0
