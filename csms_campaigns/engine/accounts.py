"""Gateway accounts: their state in the database, their client from the settings.

An account is *blocked* for a while (rate limit, unavailable, unreachable) or its campaigns are
*paused* until a person resumes them (key refused, no credits, the same fault again and again).
After either, one request goes alone until one is answered: `probing`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q
from django.db.models.functions import Greatest

from csms_campaigns import conf
from csms_campaigns.engine.database import execute, rows
from csms_campaigns.gateway.client import GatewayClient
from csms_campaigns.models import GatewayAccount
from csms_campaigns.states import BlockReason

LONGEST_BACKOFF: Final = 60.0
FAILURES_UNTIL_PAUSE: Final = 10
UNANSWERED_UNTIL_PROBE: Final = 3
UNANSWERED_UNTIL_PAUSE: Final = 6
SILENCE_REST: Final = 10.0


def state(alias: str) -> GatewayAccount:
    """The account's row, made at its first use."""
    account, _created = rows(GatewayAccount).get_or_create(alias=alias)
    return account


def client(alias: str) -> GatewayClient:
    options = conf.account(alias)
    return GatewayClient(options.api_url, options.api_key, options.timeout)


def block(
    account: GatewayAccount,
    reason: BlockReason,
    *,
    now: datetime,
    seconds: float | None,
    detail: str,
) -> None:
    """Block for `seconds`, or, with None, until a person resumes a campaign."""
    if account.blocked_reason == BlockReason.DATABASE_OLD:
        return  # Only `restoring.after_restore` ends that.
    until = None if seconds is None else now + timedelta(seconds=seconds)
    if until and account.blocked_until:
        until = max(until, account.blocked_until)
    rows(GatewayAccount).filter(pk=account.pk).update(
        blocked_reason=reason,
        blocked_detail=detail,
        blocked_until=until,
        blocked_cum=account.cum,
        probing=True,
    )


def count_failure(account: GatewayAccount, cum: int) -> int:
    """How many in a row have failed with nothing sent; those in flight together are one."""
    if cum <= account.blocked_cum:
        return account.failures
    account.failures += 1
    rows(GatewayAccount).filter(pk=account.pk).update(failures=account.failures)
    return account.failures


def count_unanswered(account: GatewayAccount, cum: int) -> int:
    """How many in a row got no answer; those in flight when the account was blocked are one."""
    if cum <= account.blocked_cum:
        return account.unanswered
    account.unanswered += 1
    rows(GatewayAccount).filter(pk=account.pk).update(unanswered=account.unanswered)
    return account.unanswered


def heard_from(account: GatewayAccount) -> None:
    """The gateway answered, if only to refuse."""
    if account.unanswered:
        rows(GatewayAccount).filter(pk=account.pk).update(unanswered=0)


def backoff(failures: int) -> float:
    """Seconds to wait after so many failures in a row: 1, 2, 4 … 60."""
    return min(2.0 ** max(failures - 1, 0), LONGEST_BACKOFF)


def answered(account: GatewayAccount, cum: int) -> None:
    """The gateway processed a request that was stamped after the block: the block is over."""
    heard_from(account)
    held = account.blocked_reason or account.failures or account.probing
    is_old = account.blocked_reason == BlockReason.DATABASE_OLD
    if held and cum > account.blocked_cum and not is_old:
        rows(GatewayAccount).filter(pk=account.pk).update(
            blocked_reason="",
            blocked_detail="",
            blocked_until=None,
            failures=0,
            probing=False,
        )


def note_credits(
    account: GatewayAccount, cum: int, credits: int | None, now: datetime
) -> None:
    """Keep the balance of the latest request that said one, in whatever order answers come."""
    if credits is not None:
        execute(
            "UPDATE {account} SET remaining_credits = %(credits)s, credits_at = %(now)s,"
            " credits_cum = %(cum)s WHERE id = %(account)s AND credits_cum <= %(cum)s",
            account=account.pk,
            credits=credits,
            cum=cum,
            now=now,
        )


def release_block(account: GatewayAccount) -> None:
    """A person resumed: forget the block, let one request check it.

    A wait that the gateway itself asked for is kept: resuming does not lift its limits.
    """
    kept = Q(blocked_reason__in=[BlockReason.RATE_LIMITED])
    held = rows(GatewayAccount).filter(pk=account.pk).exclude(blocked_reason="")
    held.exclude(kept).update(
        blocked_reason="",
        blocked_detail="",
        blocked_until=None,
        probing=True,
        failures=0,
        unanswered=0,
    )
    rows(GatewayAccount).filter(pk=account.pk).update(
        resumed_cum=Greatest("resumed_cum", account.cum),
        next_free_at=None,
        # What was learnt may have been a misunderstanding: it is quickly learnt again.
        learned_batch_size=None,
    )
