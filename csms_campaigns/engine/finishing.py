"""The last step of a send: what the answer means for each number, the batch and the account.

A `Receipt` speaks number by number. A `GatewayError` either is certain that nothing was sent
(the batch goes back to the queue, and `consequences` decides the rest) or it is not (unknown).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.utils.translation import gettext_noop as _

from csms_campaigns.engine import accounts, consequences, pausing, recording
from csms_campaigns.engine.consequences import Scene, pause_account
from csms_campaigns.engine.database import (
    alias,
    atomic,
    execute,
    lock_account,
    now,
    rows,
)
from csms_campaigns.engine.ending import finish_campaign
from csms_campaigns.engine.splitting import move_to_new_batch
from csms_campaigns.engine.statements import Outcome, write_outcomes
from csms_campaigns.engine.taking import Taken
from csms_campaigns.engine.wording import spoken
from csms_campaigns.gateway import errors
from csms_campaigns.gateway.receipts import NumberOutcome, Receipt
from csms_campaigns.models import Batch
from csms_campaigns.models.reasons import Reason
from csms_campaigns.signals import announce, batch_recorded
from csms_campaigns.states import (
    AttemptOutcome,
    BatchStatus,
    BlockReason,
    SendStatus,
)

NO_ENTRY: Final = "The gateway's answer does not name this number."


def finish(taken: Taken, answer: Receipt | errors.GatewayError) -> None:
    """Everything the answer changes, in one transaction."""
    with atomic():
        scene = Scene(lock_account(taken.alias), taken, now())
        if not recording.is_open(taken.attempt_id, taken.cum):
            return  # Our own commit went through, and only its end was not seen.
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
        move_to_new_batch(taken.batch_id, [taken.recipients[n] for n in waiting])
    recording.close_batch(taken.batch_id, taken.attempt_id, BatchStatus.DONE, scene.now)
    recording.close_attempt(
        taken.attempt_id,
        AttemptOutcome.ANSWERED,
        scene.now,
        http_status=receipt.http_status,
        remaining_credits=receipt.remaining_credits,
        sent_count=sum(o.accepted for o in receipt.outcomes.values()),
        failed_count=sum(not o.accepted for o in receipt.outcomes.values()),
    )
    _judge_campaign(scene, receipt)
    _judge_account(scene, receipt)


def _waiting_for_credits(taken: Taken, receipt: Receipt) -> set[str]:
    """Numbers to which certainly nothing was sent, and which may go later.

    In a late answer, after the sweep, they are failed: only a person may repeat an unknown.
    """
    numbers = {n for n, o in receipt.outcomes.items() if o.wants_credits}
    ours = rows(Batch).filter(
        pk=taken.batch_id, attempt=taken.attempt_id, status=BatchStatus.SENDING
    )
    return numbers if numbers and ours.exists() else set()


def _outcome(result_id: int, said: NumberOutcome | None) -> Outcome:
    if said is None:
        return Outcome(result_id, SendStatus.UNKNOWN.value, error=NO_ENTRY)
    status = SendStatus.SENT if said.accepted else SendStatus.FAILED
    return Outcome(result_id, status.value, said.message_id, said.code, said.error)


def _judge_campaign(scene: Scene, receipt: Receipt) -> None:
    """Has the gateway accepted anybody? Until then it goes alone; a run of noes pauses it."""
    campaign_id = scene.taken.campaign_id
    said = [o for o in receipt.outcomes.values() if not o.wants_credits]
    if any(o.accepted for o in said):
        execute(
            "UPDATE {campaign} SET canary_passed = %(yes)s, rejected_in_a_row = 0"
            " WHERE id = %(campaign)s AND (canary_passed <> %(yes)s OR rejected_in_a_row <> 0)",
            campaign=campaign_id,
            yes=True,
        )
    elif said:
        words = next((o.error for o in said if o.error), NO_ENTRY)
        pausing.pause_rejected(campaign_id, len(said), words)
    elif not receipt.outcomes:
        pausing.pause_canary(campaign_id, Reason(NO_ENTRY))


def _judge_account(scene: Scene, receipt: Receipt) -> None:
    account, cum = scene.account, scene.taken.cum
    balance = receipt.remaining_credits
    accounts.note_credits(account, cum, balance, scene.now)
    out_of_credits = any(o.wants_credits for o in receipt.outcomes.values())
    if out_of_credits or (balance is not None and balance <= 0):
        text = _("the balance is used up; top it up, then resume")
        pause_account(scene, BlockReason.NO_CREDITS, text)
    elif receipt.outcomes:
        accounts.answered(account, cum)
    else:
        _judge_silence(scene, NO_ENTRY)


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
    if refused:
        accounts.heard_from(scene.account)
    if recording.put_back(scene.taken.batch_id, scene.taken.attempt_id):
        consequences.follow(scene, error)
    else:
        _fail_late(scene, error)
        consequences.follow_for_account(scene, error)


def _fail_late(scene: Scene, error: errors.GatewayError) -> None:
    """The sweep had called the batch unknown; now it is known that nothing was sent."""
    given_up = rows(Batch).filter(
        pk=scene.taken.batch_id,
        attempt=scene.taken.attempt_id,
        status=BatchStatus.UNKNOWN,
    )
    if not given_up.exists():
        return
    failed = [
        Outcome(result_id, SendStatus.FAILED.value, "", error.code, error.text)
        for result_id in scene.taken.recipients.values()
    ]
    write_outcomes(scene.taken.batch_id, failed, scene.now)
    recording.close_batch(
        scene.taken.batch_id, scene.taken.attempt_id, BatchStatus.DONE, scene.now
    )


# Nobody knows


def _unknown(scene: Scene, error: errors.GatewayError) -> None:
    taken = scene.taken
    if not make_unknown(taken.batch_id, taken.attempt_id, error, scene.now):
        return
    text = _("No answer came to the first request: %(said)s")
    reason = Reason(text, said=spoken(error.text))
    pausing.pause_canary(taken.campaign_id, reason)
    _judge_silence(scene, error.text)


def _judge_silence(scene: Scene, detail: str) -> None:
    """Each request without an answer costs a batch of unknowns, so a few in a row are enough."""
    unanswered = accounts.count_unanswered(scene.account, scene.taken.cum)
    if unanswered >= accounts.UNANSWERED_UNTIL_PAUSE:
        pause_account(scene, BlockReason.NO_ANSWER, detail)
    elif unanswered >= accounts.UNANSWERED_UNTIL_PROBE:
        accounts.block(
            scene.account,
            BlockReason.NO_ANSWER,
            now=scene.now,
            seconds=accounts.SILENCE_REST,
            detail=detail,
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
