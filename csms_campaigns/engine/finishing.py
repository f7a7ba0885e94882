"""The last step of a send: what the answer means for each number, the batch and the account.

The table of DESIGN in one place: a `Receipt` speaks number by number; a `GatewayError` either
is certain that nothing was sent (the batch goes back to the queue) or it is not (unknown).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.translation import gettext as _

from csms_campaigns import conf
from csms_campaigns.engine import accounts, pausing, recording
from csms_campaigns.engine.database import (
    alias,
    atomic,
    durable_commit,
    lock_account,
    now,
    rows,
)
from csms_campaigns.engine.ending import finish_campaign
from csms_campaigns.engine.statements import Outcome, write_outcomes
from csms_campaigns.engine.taking import Taken
from csms_campaigns.gateway import errors
from csms_campaigns.gateway.receipts import NumberOutcome, Receipt
from csms_campaigns.models import Batch, Campaign, GatewayAccount, SendResult
from csms_campaigns.signals import announce, batch_recorded
from csms_campaigns.states import (
    AttemptOutcome,
    BatchStatus,
    BlockReason,
    SendStatus,
)

logger = logging.getLogger("csms_campaigns.engine")

NO_ENTRY: Final = "The gateway's answer does not name this number."
EXPIRIES_UNTIL_BLOCK: Final = 3
SLOW_DATABASE_REST: Final = 30.0


@dataclass(frozen=True)
class Scene:
    """One answer being written: the locked account, the claim, the moment."""

    account: GatewayAccount
    taken: Taken
    now: datetime

    @property
    def is_older_than_resume(self) -> bool:
        """Stamped before a person resumed: it says nothing new about the account."""
        return self.taken.cum <= self.account.resumed_cum


def finish(taken: Taken, answer: Receipt | errors.GatewayError) -> None:
    """Everything the answer changes, in one transaction."""
    with atomic():
        durable_commit()
        scene = Scene(lock_account(taken.alias), taken, now())
        if isinstance(answer, Receipt):
            _processed(scene, answer)
        elif answer.nothing_sent:
            _not_sent(scene, answer)
        else:
            _unknown(scene, answer)
        finish_campaign(taken.campaign_id, scene.now)
        announce(
            batch_recorded,
            alias(),
            campaign_id=taken.campaign_id,
            batch_id=taken.batch_id,
        )


# The gateway processed the request


def _processed(scene: Scene, receipt: Receipt) -> None:
    taken = scene.taken
    waiting = _waiting_for_credits(taken, receipt)
    outcomes = [
        _outcome(result_id, receipt.outcomes.get(number))
        for number, result_id in taken.recipients.items()
        if number not in waiting
    ]
    if outcomes:
        write_outcomes(taken.batch_id, outcomes, scene.now)
    if waiting:
        _move_to_new_batch(taken, [taken.recipients[number] for number in waiting])
    recording.close_batch(taken.batch_id, taken.attempt_id, BatchStatus.DONE, scene.now)
    _close_attempt(scene, AttemptOutcome.ANSWERED, receipt)
    _judge(scene, receipt, any(o.accepted for o in receipt.outcomes.values()))


def _waiting_for_credits(taken: Taken, receipt: Receipt) -> list[str]:
    """Numbers to which certainly nothing was sent, and which may go later.

    In a late answer, after the sweep, they are failed: only a person may repeat an unknown.
    """
    ours = rows(Batch).filter(
        pk=taken.batch_id, attempt=taken.attempt_id, status=BatchStatus.SENDING
    )
    numbers = [n for n, o in receipt.outcomes.items() if o.wants_credits]
    return numbers if numbers and ours.exists() else []


def _outcome(result_id: int, said: NumberOutcome | None) -> Outcome:
    if said is None:
        return Outcome(result_id, SendStatus.UNKNOWN.value, error=NO_ENTRY)
    status = SendStatus.SENT if said.accepted else SendStatus.FAILED
    return Outcome(result_id, status.value, said.message_id, said.code, said.error)


def _move_to_new_batch(taken: Taken, result_ids: list[int]) -> None:
    """For want of credits nothing was sent to these numbers: they wait in a batch of their own."""
    campaign = rows(Campaign).select_for_update().get(pk=taken.campaign_id)
    batch = rows(Batch).get(pk=taken.batch_id)
    campaign.batch_count += 1
    campaign.save(using=alias(), update_fields=["batch_count"])
    rest = rows(Batch).create(
        campaign=campaign,
        number=campaign.batch_count,
        message=batch.message,
        segments=batch.segments,
        size=len(result_ids),
        split_from=batch,
    )
    moved = rows(SendResult).filter(
        pk__in=result_ids, batch=batch, status=SendStatus.PENDING
    )
    moved.update(batch=rest)
    rows(Batch).filter(pk=rest.pk).update(**recording.counts(rest.pk))


def _close_attempt(scene: Scene, outcome: AttemptOutcome, receipt: Receipt) -> None:
    recording.close_attempt(
        scene.taken.attempt_id,
        outcome,
        scene.now,
        http_status=receipt.http_status,
        remaining_credits=receipt.remaining_credits,
    )


def _judge(scene: Scene, receipt: Receipt, accepted: bool) -> None:
    """What a processed request says of the account and of the campaign's canary."""
    accounts.note_credits(
        scene.account, scene.taken.cum, receipt.remaining_credits, scene.now
    )
    out_of_credits = any(o.wants_credits for o in receipt.outcomes.values())
    balance = receipt.remaining_credits
    if out_of_credits or (balance is not None and balance <= 0):
        return _pause_account(
            scene, BlockReason.NO_CREDITS, _("The gateway has no credits left for you.")
        )
    accounts.answered(scene.account, scene.taken.cum)
    if accepted:
        campaign = rows(Campaign).filter(pk=scene.taken.campaign_id)
        campaign.filter(canary_passed=False).update(canary_passed=True)
        return None
    said = next((o.error for o in receipt.outcomes.values() if o.error), NO_ENTRY)
    return pausing.pause_canary(
        scene.taken.campaign_id,
        _("No number of the first request was accepted: %(said)s") % {"said": said},
    )


# It is certain that nothing was sent


def _not_sent(scene: Scene, error: errors.GatewayError) -> None:
    refused = isinstance(error, errors.Refused)
    recording.close_attempt(
        scene.taken.attempt_id,
        AttemptOutcome.REFUSED if refused else AttemptOutcome.NOT_SENT,
        scene.now,
        http_status=error.http_status,
        error=error.text,
    )
    if not recording.put_back(scene.taken.batch_id, scene.taken.attempt_id):
        _fail_late(scene, error)
    for kind, consequence in CONSEQUENCES:
        if isinstance(error, kind):
            consequence(scene, error)
            return


def _fail_late(scene: Scene, error: errors.GatewayError) -> None:
    """The sweep had called the batch unknown; now it is known that nothing was sent."""
    failed = [
        Outcome(result_id, SendStatus.FAILED.value, "", error.code, error.text)
        for result_id in scene.taken.recipients.values()
    ]
    write_outcomes(scene.taken.batch_id, failed, scene.now)
    recording.close_batch(
        scene.taken.batch_id, scene.taken.attempt_id, BatchStatus.DONE, scene.now
    )


def _key_refused(scene: Scene, error: errors.GatewayError) -> None:
    _pause_account(scene, BlockReason.KEY_REFUSED, error.text)


def _credits_exhausted(scene: Scene, error: errors.GatewayError) -> None:
    _pause_account(scene, BlockReason.NO_CREDITS, error.text)


def _rate_limited(scene: Scene, error: errors.GatewayError) -> None:
    windows = conf.account(scene.taken.alias).rate_limits
    shortest = windows[0].seconds if windows else 60.0
    _block(scene, BlockReason.RATE_LIMITED, error.retry_after or shortest, error.text)


def _unavailable(scene: Scene, error: errors.GatewayError) -> None:
    failures = accounts.count_failure(scene.account, scene.taken.cum)
    seconds = error.retry_after or accounts.backoff(failures)
    _block_or_pause(scene, BlockReason.UNAVAILABLE, failures, seconds, error.text)


def _unreachable(scene: Scene, error: errors.GatewayError) -> None:
    failures = accounts.count_failure(scene.account, scene.taken.cum)
    seconds = accounts.backoff(failures)
    _block_or_pause(scene, BlockReason.UNREACHABLE, failures, seconds, error.text)


def _permit_expired(scene: Scene, error: errors.GatewayError) -> None:
    if accounts.count_failure(scene.account, scene.taken.cum) >= EXPIRIES_UNTIL_BLOCK:
        _block(scene, BlockReason.DATABASE_SLOW, SLOW_DATABASE_REST, error.text)


def _refused(scene: Scene, error: errors.GatewayError) -> None:
    if scene.is_older_than_resume:
        return
    pausing.pause_by_system(
        [scene.taken.campaign_id],
        _("The gateway refused a request: %(said)s") % {"said": error.text},
    )


CONSEQUENCES: Final[
    tuple[
        tuple[type[errors.GatewayError], Callable[[Scene, errors.GatewayError], None]],
        ...,
    ]
] = (
    (errors.KeyRefused, _key_refused),
    (errors.CreditsExhausted, _credits_exhausted),
    (errors.RateLimited, _rate_limited),
    (errors.Unavailable, _unavailable),
    (errors.Unreachable, _unreachable),
    (errors.PermitExpired, _permit_expired),
    (errors.Refused, _refused),
)


def _block(scene: Scene, reason: BlockReason, seconds: float, detail: str) -> None:
    accounts.block(scene.account, reason, now=scene.now, seconds=seconds, detail=detail)


def _block_or_pause(
    scene: Scene, reason: BlockReason, failures: int, seconds: float, detail: str
) -> None:
    if failures < accounts.FAILURES_UNTIL_PAUSE:
        _block(scene, reason, seconds, detail)
    else:
        _pause_account(scene, reason, detail)


def _pause_account(scene: Scene, reason: BlockReason, detail: str) -> None:
    """Stop the account and pause its campaigns, unless a person resumed after this request."""
    if scene.is_older_than_resume:
        return
    accounts.block(scene.account, reason, now=scene.now, seconds=None, detail=detail)
    pausing.pause_campaigns_of(scene.taken.alias, f"{reason.label}: {detail}")


# Nobody knows


def _unknown(scene: Scene, error: errors.GatewayError) -> None:
    taken = scene.taken
    make_unknown(taken.batch_id, taken.attempt_id, error, scene.now)
    pausing.pause_canary(
        taken.campaign_id,
        _("No answer came to the first request: %(said)s") % {"said": error.text},
    )


def make_unknown(
    batch_id: int, attempt_id: int, error: errors.GatewayError, now: datetime
) -> bool:
    """sending → unknown, with its recipients and its attempt. Nothing repeats them unasked."""
    ours = rows(Batch).filter(
        pk=batch_id, attempt=attempt_id, status=BatchStatus.SENDING
    )
    if not ours.exists():
        return False
    recording.mark_unknown(batch_id, now, error.text)
    recording.close_attempt(
        attempt_id,
        AttemptOutcome.UNKNOWN,
        now,
        http_status=error.http_status,
        error=error.text,
    )
    return recording.close_batch(
        batch_id, attempt_id, BatchStatus.UNKNOWN, now, error=error.text
    )
