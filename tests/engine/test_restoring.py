"""A database that was set back: held at the first take, and what a person may do then."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import redis
from django.utils import timezone

from csms_campaigns import signals
from csms_campaigns.conf import UnknownAccount
from csms_campaigns.engine import finishing, lifecycle, restoring, witness
from csms_campaigns.engine.database import now
from csms_campaigns.engine.dispatch import send_next
from csms_campaigns.engine.erasing import erase
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.ledger import ledger
from csms_campaigns.engine.taking import NOTHING, Taken, Wait, take
from csms_campaigns.models import (
    Attempt,
    Batch,
    Campaign,
    Contact,
    GatewayAccount,
    SendResult,
)
from csms_campaigns.states import (
    BatchStatus,
    BlockReason,
    CampaignStatus,
    SendStatus,
)
from tests import factories
from tests.engine.scenes import (
    UNLIMITED,
    accepted,
    campaign_in,
    heard,
    send,
    send_all,
)
from tests.servers import addresses

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("patient_witness")]

PEOPLE = 25


@pytest.fixture
def server() -> Any:
    with redis.Redis.from_url(addresses.redis_url()) as client:
        yield client


@pytest.fixture
def unlimited(configure: Any) -> Any:
    configure(**UNLIMITED, BATCH_SIZE=5)
    return configure


def account() -> GatewayAccount:
    return GatewayAccount.objects.get(alias="default")


def set_back(requests: int = 2) -> int:
    """The witness has seen so many requests more than the row knows."""
    one = account()
    witness.tell(one.witness_id, one.cum + requests)
    return one.cum + requests


def held_campaign() -> Campaign:
    campaign = factories.sending(PEOPLE)
    send()
    set_back()
    assert take("default") is NOTHING
    campaign.refresh_from_db()
    return campaign


# Noticing it


@pytest.mark.usefixtures("unlimited")
def test_a_witness_that_is_ahead_holds_the_account_and_says_why() -> None:
    campaign = factories.sending(PEOPLE)
    send()
    sent = set_back()
    assert take("default") is NOTHING
    campaign.refresh_from_db()
    one = account()
    assert campaign.status == CampaignStatus.PAUSED
    assert "older than what was sent" in campaign.status_reason
    assert one.blocked_reason == BlockReason.DATABASE_OLD
    assert one.blocked_until is None
    assert f"{sent} were sent" in one.blocked_detail
    assert Attempt.objects.count() == one.cum == sent - 2


@pytest.mark.usefixtures("unlimited")
def test_a_true_database_is_never_called_old(server: redis.Redis) -> None:
    factories.sending(PEOPLE)
    while isinstance(taken := take("default"), Taken):
        witness.tell(taken.witness_id, taken.cum)
    known = server.get(witness.key(account().witness_id))
    assert int(known or 0) == account().cum == Attempt.objects.count()
    assert account().blocked_reason == ""


@pytest.mark.usefixtures("unlimited")
def test_what_another_process_told_is_heard_before_the_next_take(
    server: redis.Redis,
) -> None:
    factories.sending(PEOPLE)
    send()
    server.set(witness.key(account().witness_id), account().cum + 1)
    assert take("default") is NOTHING
    assert account().blocked_reason == BlockReason.DATABASE_OLD


@pytest.mark.usefixtures("unlimited")
def test_a_process_that_outlives_the_restore_remembers_without_redis(
    server: redis.Redis,
) -> None:
    factories.sending(PEOPLE)
    taken = send()
    witness.tell(taken.witness_id, taken.cum)
    server.delete(witness.key(taken.witness_id))
    Attempt.objects.all().delete()
    GatewayAccount.objects.update(cum=0)
    assert take("default") is NOTHING
    assert account().blocked_reason == BlockReason.DATABASE_OLD


@pytest.mark.usefixtures("unlimited")
def test_the_hold_outlasts_the_witness(server: redis.Redis) -> None:
    """Redis may lose its data, and another process has heard nothing."""
    held_campaign()
    other = factories.ready(3, lists=[factories.people(3, "Others")])
    Campaign.objects.filter(pk=other.pk).update(status=CampaignStatus.SENDING)
    server.delete(witness.key(account().witness_id))
    GatewayAccount.objects.update(cum=1_000)
    assert take("default") is NOTHING
    other.refresh_from_db()
    assert other.status == CampaignStatus.PAUSED


@pytest.mark.usefixtures("unlimited")
def test_a_late_answer_does_not_end_the_hold() -> None:
    campaign = factories.sending(PEOPLE)
    send()
    late = take("default")
    assert isinstance(late, Taken)
    set_back()
    GatewayAccount.objects.update(blocked_cum=0)
    assert take("default") is NOTHING
    finishing.finish(late, accepted(late))
    campaign.refresh_from_db()
    assert account().blocked_reason == BlockReason.DATABASE_OLD
    assert campaign.status == CampaignStatus.PAUSED


def test_the_send_tells_the_witness(server: redis.Redis, sandbox: Any) -> None:
    gateway = sandbox()
    factories.sending(3)
    taken = send_next("default")
    assert isinstance(taken, Taken)
    assert gateway.state()["requests"] == 1
    assert int(server.get(witness.key(taken.witness_id)) or 0) == taken.cum == 1


# The verbs while it is held


@pytest.mark.usefixtures("unlimited")
@pytest.mark.parametrize("verb", [lifecycle.resume, lifecycle.launch])
def test_neither_resume_nor_launch_until_a_person_has_looked(verb: Any) -> None:
    campaign = held_campaign()
    if verb is lifecycle.launch:
        campaign = factories.ready(3, lists=[factories.people(3, "Others")])
    before = campaign.status
    with pytest.raises(CampaignError, match="--after-restore") as refused:
        verb(campaign.pk)
    campaign.refresh_from_db()
    assert (refused.value.code, campaign.status) == ("database_old", before)


@pytest.mark.usefixtures("unlimited")
def test_a_held_campaign_can_be_cancelled() -> None:
    campaign = held_campaign()
    lifecycle.cancel(campaign.pk)
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.CANCELLED
    assert ledger(campaign).adds_up


# After the restore


@pytest.mark.usefixtures("unlimited")
def test_the_count_goes_on_behind_the_witness() -> None:
    campaign = held_campaign()
    found = restoring.after_restore("default")
    assert (found.requests_before, found.requests_after, found.missing) == (1, 3, 2)
    assert (found.witness, found.held) == (3, [campaign.pk])
    assert account().blocked_reason == ""
    lifecycle.resume(campaign.pk)
    taken = send()
    assert taken.cum == 4
    assert taken.alone


@pytest.mark.usefixtures("unlimited")
def test_resume_afterwards_ends_the_campaign_and_everybody_is_accounted_for() -> None:
    campaign = held_campaign()
    restoring.after_restore("default")
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.PAUSED
    assert "may have been texted already" in campaign.status_reason
    assert take("default") is NOTHING
    lifecycle.resume(campaign.pk)
    send_all()
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.FINISHED
    assert ledger(campaign).counted == {"sent": PEOPLE}


@pytest.mark.usefixtures("unlimited")
def test_nobody_is_ahead_of_the_new_count(server: redis.Redis) -> None:
    campaign = held_campaign()
    found = restoring.after_restore("default")
    told = int(server.get(witness.key(account().witness_id)) or 0)
    assert told == account().cum == found.requests_after
    lifecycle.resume(campaign.pk)
    assert isinstance(take("default"), Taken)


@pytest.mark.usefixtures("unlimited")
def test_a_person_may_know_more_than_the_witness() -> None:
    held_campaign()
    assert restoring.after_restore("default", requests=40).requests_after == 41
    assert restoring.after_restore("default", requests=0).missing == 0


@pytest.mark.usefixtures("unlimited")
def test_once_more_changes_nothing() -> None:
    held_campaign()
    first = restoring.after_restore("default")
    again = restoring.after_restore("default")
    assert (again.missing, again.requests_after) == (0, first.requests_after)
    assert again.held == first.held


@pytest.mark.usefixtures("unlimited")
def test_what_was_due_meanwhile_is_held_and_what_was_ready_is_named() -> None:
    """Both may have been sent between the copy and the restore."""
    due, later, ready = (
        factories.ready(3, lists=[factories.people(3, name)]) for name in "abc"
    )
    lifecycle.launch(due.pk, at=now() + timedelta(hours=1))
    lifecycle.launch(later.pk, at=now() + timedelta(hours=2))
    Campaign.objects.filter(pk=due.pk).update(send_at=now() - timedelta(hours=1))
    with heard(signals.campaign_status_changed) as said:
        found = restoring.after_restore("default")
    due.refresh_from_db()
    later.refresh_from_db()
    assert (due.status, later.status) == ("paused", "scheduled")
    assert (found.held, found.ready) == ([due.pk], [ready.pk])
    assert said == []  # nothing is told before the test's own transaction commits
    lifecycle.start_due()
    due.refresh_from_db()
    assert due.status == CampaignStatus.PAUSED


def test_there_must_be_such_an_account() -> None:
    with pytest.raises(UnknownAccount):
        restoring.after_restore("nobody")


# The limits


def test_the_requests_that_nobody_remembers_fill_the_windows(configure: Any) -> None:
    configure(RATE_LIMITS=[(4, 60), (10, 3600)], MIN_GAP=0, BATCH_SIZE=5)
    held_campaign()
    restoring.after_restore("default")  # two are missing, one is known
    Campaign.objects.update(status=CampaignStatus.SENDING)
    GatewayAccount.objects.update(probing=False)
    send()
    waits = take("default")
    assert isinstance(waits, Wait)
    assert 55 < waits.seconds <= 63.1


@pytest.mark.parametrize(("requests", "expected"), [(9, 3603.1), (3, 63.1), (2, 0)])
def test_each_window_counts_its_own(
    configure: Any, requests: int, expected: float
) -> None:
    configure(RATE_LIMITS=[(3, 60), (9, 3600)], MIN_GAP=0)
    factories.sending(3)
    GatewayAccount.objects.get_or_create(alias="default")
    restoring.after_restore("default", requests=requests)
    Campaign.objects.update(status=CampaignStatus.SENDING)
    found = take("default")
    seconds = found.seconds if isinstance(found, Wait) else 0
    assert seconds == pytest.approx(expected, abs=5)


def test_without_a_witness_every_window_is_taken_for_full(
    configure: Any, settings: Any
) -> None:
    configure(RATE_LIMITS=[(3, 60), (9, 3600)], MIN_GAP=0)
    settings.CSMS_CAMPAIGNS["WITNESS_URL"] = ""
    factories.sending(3)
    found = restoring.after_restore("default")
    assert (found.witness, found.missing) == (None, 9)
    Campaign.objects.update(status=CampaignStatus.SENDING)
    waits = take("default")
    assert isinstance(waits, Wait)
    assert 3500 < waits.seconds <= 3603.1


def test_a_witness_that_is_silent_must_be_made_to_speak(
    settings: Any, unlimited: Any
) -> None:
    held_campaign()
    settings.CSMS_CAMPAIGNS["WITNESS_URL"] = "redis://127.0.0.1:1/0"
    with pytest.raises(CampaignError, match="Start Redis"):
        restoring.after_restore("default")
    assert account().blocked_reason == BlockReason.DATABASE_OLD
    assert restoring.after_restore("default", requests=7).missing == 7


# Those who waited


@pytest.mark.usefixtures("unlimited")
def test_those_who_waited_can_be_called_unknown() -> None:
    campaign = held_campaign()
    restoring.after_restore("default")
    assert restoring.call_unknown(campaign.pk) == PEOPLE - 5
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.FINISHED
    assert ledger(campaign).adds_up
    assert ledger(campaign).counted == {"sent": 5, "unknown": PEOPLE - 5}
    assert not Batch.objects.filter(status=BatchStatus.PENDING).exists()
    found = SendResult.objects.filter(status=SendStatus.UNKNOWN)
    assert set(found.values_list("error", flat=True)) == {restoring.NOT_KNOWN}


@pytest.mark.usefixtures("unlimited")
def test_it_works_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring, "SLICE", 2)
    campaign = held_campaign()
    restoring.after_restore("default")
    assert restoring.call_unknown(campaign.pk) == PEOPLE - 5
    assert ledger(campaign).adds_up


@pytest.mark.usefixtures("unlimited")
def test_a_slice_in_which_nobody_waits_is_not_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(restoring, "SLICE", 1)
    campaign = held_campaign()
    restoring.after_restore("default")
    emptied = Batch.objects.filter(status=BatchStatus.PENDING).order_by("number")[0]
    for result in SendResult.objects.filter(batch=emptied):
        erase(str(result.phone))
    assert restoring.call_unknown(campaign.pk) == PEOPLE - 10
    campaign.refresh_from_db()
    emptied.refresh_from_db()
    assert (campaign.status, emptied.status) == ("finished", "done")
    assert ledger(campaign).adds_up


@pytest.mark.usefixtures("unlimited")
def test_who_opted_out_meanwhile_is_unknown_too() -> None:
    """Whether they were texted before they opted out, nobody knows."""
    campaign = held_campaign()
    factories.opt_out([str(Contact.objects.order_by("pk").last().phone)])  # type: ignore[union-attr]
    assert restoring.call_unknown(campaign.pk) == PEOPLE - 5


@pytest.mark.usefixtures("unlimited")
@pytest.mark.parametrize(
    "status", [CampaignStatus.SENDING, CampaignStatus.READY, CampaignStatus.FINISHED]
)
def test_only_a_paused_campaign(status: CampaignStatus) -> None:
    campaign = campaign_in(status)
    with pytest.raises(CampaignError, match="Pause"):
        restoring.call_unknown(campaign.pk)
    with pytest.raises(CampaignError):
        restoring.call_unknown(10**9)


def test_the_clock_of_the_limiter_begins_now(configure: Any) -> None:
    configure(RATE_LIMITS=[(3, 60)], MIN_GAP=0)
    factories.sending(3)
    before = timezone.now()
    restoring.after_restore("default", requests=5)
    lost_at = account().lost_at
    assert lost_at is not None
    assert lost_at >= before
