"""What a request that the gateway did not process leads to: one row for each kind of error.

The batch is back in the queue already; here is decided what happens to the account, to the
campaign, and to a batch that must be cut.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.translation import gettext_noop as _

from csms_campaigns import conf
from csms_campaigns.engine import accounts, pausing, recording, splitting
from csms_campaigns.engine.database import rows
from csms_campaigns.engine.statements import Outcome, write_outcomes
from csms_campaigns.engine.taking import Taken
from csms_campaigns.engine.wording import label, spoken
from csms_campaigns.gateway import errors
from csms_campaigns.models import GatewayAccount
from csms_campaigns.models.reasons import Reason
from csms_campaigns.sms.numbers import digits
from csms_campaigns.states import BlockReason, SendStatus

# Where the seconds of a permit went that was too old when the connection stood.
SLOW_BEFORE: Final = "slow_before"
SLOW_CONNECTION: Final = "slow_connection"
EXPIRIES_UNTIL_BLOCK: Final = 3
SLOW_DATABASE_REST: Final = 30.0
A_NUMBER: Final = re.compile(r"\+?\d[\d\s().-]{5,20}\d")


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


def follow(scene: Scene, error: errors.GatewayError) -> None:
    """Do what the first matching row of the table says."""
    for kind, consequence in TABLE:
        if isinstance(error, kind):
            consequence(scene, error)
            return


def follow_for_account(scene: Scene, error: errors.GatewayError) -> None:
    """For an answer that came after its batch was given up: only what it says of the account."""
    if isinstance(error, OF_THE_ACCOUNT):
        follow(scene, error)


def pause_account(scene: Scene, reason: BlockReason, detail: str) -> None:
    """Stop the account and pause its campaigns, unless a person resumed after this request."""
    if scene.is_older_than_resume:
        return
    accounts.block(scene.account, reason, now=scene.now, seconds=None, detail=detail)
    words = Reason("%(reason)s: %(said)s", reason=label(reason), said=spoken(detail))
    pausing.pause_campaigns_of(scene.taken.alias, words)


def _block(scene: Scene, reason: BlockReason, seconds: float, detail: str) -> None:
    accounts.block(scene.account, reason, now=scene.now, seconds=seconds, detail=detail)


def _block_or_pause(
    scene: Scene, reason: BlockReason, failures: int, seconds: float, detail: str
) -> None:
    if failures < accounts.FAILURES_UNTIL_PAUSE:
        _block(scene, reason, seconds, detail)
    else:
        pause_account(scene, reason, detail)


def _key_refused(scene: Scene, error: errors.GatewayError) -> None:
    pause_account(scene, BlockReason.KEY_REFUSED, error.text)


def _credits_exhausted(scene: Scene, error: errors.GatewayError) -> None:
    pause_account(scene, BlockReason.NO_CREDITS, error.text)


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
    failures = accounts.count_failure(scene.account, scene.taken.cum)
    if failures >= EXPIRIES_UNTIL_BLOCK:
        is_wire = error.code == SLOW_CONNECTION
        reason = BlockReason.UNREACHABLE if is_wire else BlockReason.DATABASE_SLOW
        _block(scene, reason, SLOW_DATABASE_REST, error.text)


def _too_many_numbers(scene: Scene, error: errors.GatewayError) -> None:
    """Learn a smaller size; the next take cuts the batch to it."""
    size = len(scene.taken.recipients)
    if size == 1:
        _refused(scene, error)
        return
    learnt = min(size // 2, scene.account.learned_batch_size or size)
    rows(GatewayAccount).filter(pk=scene.account.pk).update(learned_batch_size=learnt)


def _number_refused(scene: Scene, error: errors.GatewayError) -> None:
    """The number that is named fails; where none is named, the batch is halved to find it."""
    taken = scene.taken
    named = named_numbers(error.text, taken.numbers)
    too_dear = splitting.count_refusal(taken.batch_id) > splitting.MAX_EXTRA_REQUESTS
    if len(taken.numbers) == 1 or too_dear:
        _fail(scene, taken.numbers, error)
    elif named:
        _fail(scene, named, error)
    else:
        half = taken.numbers[len(taken.numbers) // 2 :]
        ids = [taken.recipients[number] for number in half]
        splitting.move_to_new_batch(taken.batch_id, ids)


def named_numbers(text: str, numbers: Iterable[str]) -> list[str]:
    """Those of `numbers` that the gateway's words name, in whatever form."""
    named = {digits(match) for match in A_NUMBER.findall(text)}
    return [number for number in numbers if digits(number) in named]


def _fail(scene: Scene, numbers: list[str], error: errors.GatewayError) -> None:
    """Certain that nothing was sent, and it never will be: failed, with the gateway's words."""
    batch_id = scene.taken.batch_id
    failed = [
        Outcome(
            scene.taken.recipients[number],
            SendStatus.FAILED.value,
            "",
            error.code,
            error.text,
        )
        for number in numbers
    ]
    write_outcomes(batch_id, failed, scene.now)
    recording.recount(batch_id)
    recording.close_emptied(batch_id, scene.now)


def _refused(scene: Scene, error: errors.GatewayError) -> None:
    if scene.is_older_than_resume:
        return
    pausing.pause_by_system(
        [scene.taken.campaign_id],
        Reason(_("The gateway refused a request: %(said)s"), said=error.text),
    )


OF_THE_ACCOUNT: Final = (
    errors.KeyRefused,
    errors.CreditsExhausted,
    errors.RateLimited,
    errors.Unavailable,
    errors.Unreachable,
)

Consequence = Callable[[Scene, errors.GatewayError], None]

TABLE: Final[tuple[tuple[type[errors.GatewayError], Consequence], ...]] = (
    (errors.KeyRefused, _key_refused),
    (errors.CreditsExhausted, _credits_exhausted),
    (errors.RateLimited, _rate_limited),
    (errors.Unavailable, _unavailable),
    (errors.Unreachable, _unreachable),
    (errors.PermitExpired, _permit_expired),
    (errors.TooManyNumbers, _too_many_numbers),
    (errors.NumberRefused, _number_refused),
    (errors.Refused, _refused),
)
