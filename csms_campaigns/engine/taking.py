"""The first step of a send: permit and claim, in one short transaction."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext_noop as _

from csms_campaigns import conf
from csms_campaigns.engine import accounts, clock, cutting, limits, pausing, timetable
from csms_campaigns.engine.database import (
    atomic,
    execute,
    fetch_one,
    insert,
    lock_account,
    now,
    rows,
)
from csms_campaigns.engine.hours import UnknownZone
from csms_campaigns.engine.recording import (
    close_emptied,
    skip_answered,
)
from csms_campaigns.engine.restoring import hold_account, is_set_back
from csms_campaigns.engine.witness import look
from csms_campaigns.engine.work import (
    by_turn,
    has_work,
    soonest_opening,
)
from csms_campaigns.models import Batch, Campaign, GatewayAccount
from csms_campaigns.models.reasons import Reason
from csms_campaigns.states import BatchStatus

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


def take(alias: str, after: Taken | None = None) -> Taken | Wait | Nothing:
    """Claim the next batch of the account. Where it may not leave, nothing is written.

    `after` is what the caller has just sent: then there most likely is more, and the look for
    it, before the account is locked, is left out.

    One transaction; the account's row serialises one key and nothing else. The seconds of the
    permit count from the lock: counted from before it, waiting in the queue burnt a third of
    the permits (measured).
    """
    options = conf.account(alias)
    if after is None and not has_work(alias):
        return _wait_for_hours(alias, options, now())
    look(after.witness_id if after else accounts.state(alias).witness_id)
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
            is_over = after is not None and not has_work(alias)
            return _wait_for_hours(alias, options, moment) if is_over else Wait(seconds)
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
    emptied = 0
    for pk in by_turn(account.alias):
        # Locked before its batches, in the one order of all; a pause that comes now waits.
        campaign = _lock_sending(pk)
        zones = _zones_now(campaign, options, moment) if campaign else []
        while campaign and (batch := _next_batch(campaign, zones, moment)):
            if campaign.parent_id:
                skip_answered(batch)
            if recipients := cutting.for_request(account, campaign, batch):
                return _claim(account, options, campaign, batch, recipients, moment)
            close_emptied(batch.pk, moment)
            emptied += 1
            if emptied == MOST_EMPTIED:
                # Many of one person each: a pause must get in, and the permit grows old.
                return Wait(0.0)
    # Behind a canary in flight; or a batch that `not_before` delays, which the next tick finds.
    is_held = has_work(account.alias)
    return HELD if is_held else _wait_for_hours(account.alias, options, moment)


def _lock_sending(pk: int) -> Campaign | None:
    return fetch_one(
        Campaign,
        "SELECT {campaign.columns} FROM {campaign} WHERE id = %(campaign)s"
        " AND status = 'sending' {for_update}",
        campaign=pk,
    )


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
    if not campaign.canary_passed and _in_flight(
        rows(Batch).filter(campaign=campaign, status=BatchStatus.SENDING)
    ):
        return None
    each = (_next_of_zone(campaign, zone, moment) for zone in zones)
    return next((batch for batch in each if batch), None)


def _next_of_zone(campaign: Campaign, zone: str, moment: datetime) -> Batch | None:
    return fetch_one(
        Batch,
        "SELECT {batch.columns} FROM {batch} WHERE campaign_id = %(campaign)s AND time_zone = %(zone)s"
        " AND status = 'pending' AND (not_before IS NULL OR not_before <= %(now)s)"
        " ORDER BY number LIMIT 1 {skip_locked}",
        campaign=campaign.pk,
        zone=zone,
        now=moment,
    )


def _claim(
    account: GatewayAccount,
    options: conf.Account,
    campaign: Campaign,
    batch: Batch,
    recipients: dict[str, int],
    moment: datetime,
) -> Taken:
    cum, attempt_id = _stamp(account, batch, len(recipients), moment)
    execute(
        "UPDATE {campaign} SET served_at = %(now)s WHERE id = %(campaign)s",
        campaign=campaign.pk,
        now=moment,
    )
    lease = limits.GATE + options.longest_request + LEASE_MARGIN
    execute(
        "UPDATE {batch} SET status = 'sending', lease_until = %(until)s, tries = tries + 1,"
        " attempt_id = %(attempt)s WHERE id = %(batch)s AND status = 'pending'",
        attempt=attempt_id,
        batch=batch.pk,
        until=moment + timedelta(seconds=lease),
    )
    return Taken(
        alias=account.alias,
        campaign_id=campaign.pk,
        batch_id=batch.pk,
        attempt_id=attempt_id,
        cum=cum,
        witness_id=account.witness_id,
        message=batch.message,
        recipients=recipients,
        alone=account.probing or not campaign.canary_passed,
    )


def _stamp(
    account: GatewayAccount, batch: Batch, numbers: int, moment: datetime
) -> tuple[int, int]:
    """The running count of the request, and the id of its attempt."""
    cum = account.cum + 1
    attempt_id = insert(
        "INSERT INTO {attempt} (account_id, batch_id, cum, stamped_at, size, segments,"
        " outcome, sent_count, failed_count, error) VALUES (%(account)s, %(batch)s, %(cum)s,"
        " %(now)s, %(size)s, %(segments)s, '', 0, 0, '')",
        account=account.pk,
        batch=batch.pk,
        cum=cum,
        now=moment,
        size=numbers,
        segments=batch.segments,
    )
    execute(
        "UPDATE {account} SET cum = %(cum)s, stamped_at = %(now)s WHERE id = %(account)s",
        account=account.pk,
        cum=cum,
        now=moment,
    )
    return cum, attempt_id


def _wait_for_hours(
    alias: str, options: conf.Account, moment: datetime
) -> Wait | Nothing:
    opens_at = soonest_opening(alias, options, moment)
    if opens_at is None:
        return NOTHING
    seconds = (opens_at - timetable.aware(moment)).total_seconds()
    return Wait(max(seconds, 0.0), for_hours=True)
