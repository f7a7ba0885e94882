"""The first step of a send: permit and claim, in one short transaction."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext_noop as _

from csms_campaigns import conf
from csms_campaigns.engine import accounts, clock, limits, pausing, timetable
from csms_campaigns.engine.anonymising import is_number
from csms_campaigns.engine.batching import CANARY_SIZE
from csms_campaigns.engine.database import (
    atomic,
    durable_commit,
    is_postgresql,
    lock_account,
    now,
    rows,
)
from csms_campaigns.engine.hours import UnknownZone
from csms_campaigns.engine.recording import (
    close_emptied,
    skip_answered,
    skip_erased,
    skip_opted_out,
)
from csms_campaigns.engine.restoring import hold_account, is_set_back
from csms_campaigns.engine.splitting import move_to_new_batch
from csms_campaigns.engine.witness import look
from csms_campaigns.engine.work import (
    has_work,
    pending,
    sending_campaigns,
    soonest_opening,
)
from csms_campaigns.models import Attempt, Batch, Campaign, GatewayAccount, SendResult
from csms_campaigns.models.reasons import Reason
from csms_campaigns.states import BatchStatus, BlockReason, SendStatus

CLOCK_SLACK: Final = 1.0
"""Seconds that the clock may be behind the last stamp; more means that it was set back."""
LEASE_MARGIN: Final = 10.0
"""Seconds beyond the longest request; a *finish* that is later still counts."""
MOST_EMPTIED: Final = 100
"""Batches that opt-outs have emptied, in one take: it holds the account and the campaign."""


@dataclass(frozen=True)
class Taken:
    """A claimed batch: committed as `sending`, its request stamped, nothing sent yet."""

    alias: str
    campaign_id: int
    batch_id: int
    attempt_id: int
    cum: int
    witness_id: UUID
    message: str
    recipients: dict[str, int]
    """Result ids by E.164 number."""
    alone: bool
    """It is a canary or a probe: the others wait for its answer."""
    taken_at: float = field(default_factory=limits.steady)

    @property
    def numbers(self) -> list[str]:
        return list(self.recipients)


@dataclass(frozen=True)
class Wait:
    """Nothing may leave for so many seconds; `for_hours`: unless more is launched."""

    seconds: float
    for_hours: bool = False


@dataclass(frozen=True)
class Nothing:
    """There is no work; or, `for_answer`, it waits for the answer of a request in flight."""

    for_answer: bool = False


NOTHING: Final = Nothing()
HELD: Final = Nothing(for_answer=True)


def take(alias: str) -> Taken | Wait | Nothing:
    """Claim the next batch of the account. Where it may not leave, nothing is written.

    One transaction; the account's row serialises one key and nothing else. The seconds of the
    permit count from the lock: counted from before it, waiting in the queue burnt a third of
    the permits (measured).
    """
    options = conf.account(alias)
    if not has_work(alias):
        return _wait_for_hours(alias, options, now())
    look(accounts.state(alias).witness_id)
    with atomic():
        account = lock_account(alias)
        locked_at = limits.steady()
        reading = clock.read()
        moment, behind = _never_backwards(account, reading.moment)
        if is_set_back(account):
            hold_account(account, moment)
            return NOTHING
        if behind > CLOCK_SLACK:
            return Wait(behind)
        clock.watch(account, options, reading)
        if (seconds := _seconds_to_wait(account, options, moment)) > 0:
            return Wait(seconds)
        durable_commit()
        taken = _claim_next(account, options, moment)
    return replace(taken, taken_at=locked_at) if isinstance(taken, Taken) else taken


def _never_backwards(
    account: GatewayAccount, moment: datetime
) -> tuple[datetime, float]:
    """The moment of a stamp, and by how many seconds the clock is behind the last one."""
    latest = max(account.stamped_at or moment, moment)
    return latest, (latest - moment).total_seconds()


def _seconds_to_wait(
    account: GatewayAccount, options: conf.Account, moment: datetime
) -> float:
    if account.blocked_until and account.blocked_until > moment:
        return (account.blocked_until - moment).total_seconds()
    return limits.seconds_to_wait(account, options, moment)


def _claim_next(
    account: GatewayAccount, options: conf.Account, moment: datetime
) -> Taken | Wait | Nothing:
    """The next batch of the least recently served campaign that has one; of a test before all."""
    if account.probing and _in_flight(_sending_batches(account.alias)):
        return HELD
    found = sending_campaigns(account.alias)
    tests_first = F("kind").desc()  # "test" is behind "campaign" in the alphabet
    least_served = F("served_at").asc(nulls_first=True)
    emptied = 0
    for pk in found.order_by(tests_first, least_served, "pk").values_list(
        "pk", flat=True
    ):
        # Locked before its batches, in the one order of all; a pause that comes now waits.
        campaign = found.select_for_update().filter(pk=pk).first()
        zones = _zones_now(campaign, options, moment) if campaign else []
        while campaign and (batch := _next_batch(campaign, zones, moment)):
            skip_opted_out(batch)
            if campaign.parent_id:
                skip_answered(batch)
            if recipients := _cut(account, campaign, batch, _recipients(batch)):
                return _claim(account, options, campaign, batch, recipients, moment)
            close_emptied(batch.pk, moment)
            emptied += 1
            if emptied == MOST_EMPTIED:
                # Many of one person each: a pause must get in, and the permit grows old.
                return Wait(0.0)
    return _wait_for_delayed(account.alias, options, moment)


def _zones_now(
    campaign: Campaign, options: conf.Account, moment: datetime
) -> list[str]:
    """Read under the campaign's lock, so a change of its hours that is committed holds."""
    try:
        return timetable.at(campaign, options, moment).open
    except UnknownZone as unknown:
        text = _("This machine does not know the time zone “%(zone)s”.")
        pausing.pause_by_system([campaign.pk], Reason(text, zone=str(unknown)))
        return []


def _sending_batches(alias: str) -> QuerySet[Batch]:
    return rows(Batch).filter(status=BatchStatus.SENDING, campaign__account=alias)


def _in_flight(batches: QuerySet[Batch]) -> bool:
    return batches.exists()


def _next_batch(campaign: Campaign, zones: list[str], moment: datetime) -> Batch | None:
    """Of the zone that closes first; each is looked for where the index has it."""
    batches = rows(Batch).filter(campaign=campaign)
    if not campaign.canary_passed and _in_flight(
        batches.filter(status=BatchStatus.SENDING)
    ):
        return None
    due = Q(not_before__isnull=True) | Q(not_before__lte=moment)
    found = batches.filter(due, status=BatchStatus.PENDING).order_by("number")
    if is_postgresql():
        found = found.select_for_update(skip_locked=True)
    each = (found.filter(time_zone=zone).first() for zone in zones)
    return next((batch for batch in each if batch), None)


def _recipients(batch: Batch) -> dict[str, int]:
    found = rows(SendResult).filter(batch=batch, status=SendStatus.PENDING)
    pairs = list(found.order_by("pk").values_list("phone", "pk"))
    known = {phone: pk for phone, pk in pairs if phone and is_number(phone)}
    if len(known) < len(pairs):
        skip_erased(batch)
    return known


def _cut(
    account: GatewayAccount,
    campaign: Campaign,
    batch: Batch,
    recipients: dict[str, int],
) -> dict[str, int]:
    """No more numbers than the gateway takes, and few where answers do not arrive."""
    most = account.learned_batch_size or len(recipients)
    if account.blocked_reason == BlockReason.NO_ANSWER:
        most = min(most, CANARY_SIZE)
    if batch.time_zone and not campaign.canary_passed:
        # The first batch is small, but the zone of another may be the first to open.
        most = min(most, CANARY_SIZE)
    if len(recipients) <= most:
        return recipients
    numbers = list(recipients)
    move_to_new_batch(batch.pk, [recipients[number] for number in numbers[most:]])
    return {number: recipients[number] for number in numbers[:most]}


def _claim(
    account: GatewayAccount,
    options: conf.Account,
    campaign: Campaign,
    batch: Batch,
    recipients: dict[str, int],
    moment: datetime,
) -> Taken:
    rows(Campaign).filter(pk=campaign.pk).update(served_at=moment)
    attempt = _stamp(account, batch, len(recipients), moment)
    lease = limits.GATE + options.longest_request + LEASE_MARGIN
    rows(Batch).filter(pk=batch.pk, status=BatchStatus.PENDING).update(
        status=BatchStatus.SENDING,
        lease_until=moment + timedelta(seconds=lease),
        tries=F("tries") + 1,
        attempt=attempt,
    )
    return Taken(
        alias=account.alias,
        campaign_id=campaign.pk,
        batch_id=batch.pk,
        attempt_id=attempt.pk,
        cum=attempt.cum,
        witness_id=account.witness_id,
        message=batch.message,
        recipients=recipients,
        alone=account.probing or not campaign.canary_passed,
    )


def _stamp(
    account: GatewayAccount, batch: Batch, numbers: int, moment: datetime
) -> Attempt:
    attempt = rows(Attempt).create(
        account=account,
        batch=batch,
        cum=account.cum + 1,
        stamped_at=moment,
        size=numbers,
        segments=batch.segments,
    )
    rows(GatewayAccount).filter(pk=account.pk).update(
        cum=attempt.cum, stamped_at=moment
    )
    return attempt


def _wait_for_delayed(
    alias: str, options: conf.Account, moment: datetime
) -> Wait | Nothing:
    found = pending(alias).filter(not_before__gt=moment).order_by("not_before")
    soonest = found.values_list("not_before", flat=True).first()
    if soonest:
        return Wait((soonest - moment).total_seconds())
    return HELD if has_work(alias) else _wait_for_hours(alias, options, moment)


def _wait_for_hours(
    alias: str, options: conf.Account, moment: datetime
) -> Wait | Nothing:
    opens_at = soonest_opening(alias, options, moment)
    if opens_at is None:
        return NOTHING
    seconds = (opens_at - timetable.aware(moment)).total_seconds()
    return Wait(max(seconds, 0.0), for_hours=True)
