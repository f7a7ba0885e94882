"""Each account: is there a key, is it blocked, how much of its limits is used?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from csms_campaigns import conf
from csms_campaigns.diagnosis.findings import Finding, fine, problem
from csms_campaigns.engine.database import now, rows
from csms_campaigns.engine.usage import WindowUse, usage
from csms_campaigns.models import Campaign, GatewayAccount
from csms_campaigns.states import BlockReason, CampaignStatus

CLOCK_SLACK: Final = 2.0
"""Seconds by which the database's clock may be behind the last request."""

UNFINISHED: Final = (
    CampaignStatus.SCHEDULED,
    CampaignStatus.SENDING,
    CampaignStatus.PAUSED,
)

ADVICE: Final = {
    BlockReason.KEY_REFUSED: gettext_lazy(
        "Correct API_KEY, restart workers and site, resume its campaigns."
    ),
    BlockReason.NO_CREDITS: gettext_lazy("Buy credits, resume its campaigns."),
    BlockReason.RATE_LIMITED: gettext_lazy(
        "Wait. If it comes again, another program uses the key, or RATE_LIMITS is too high."
    ),
    BlockReason.UNAVAILABLE: gettext_lazy(
        "Wait for the gateway; if its campaigns are paused, resume them then."
    ),
    BlockReason.UNREACHABLE: gettext_lazy(
        "Look at DNS, firewall and API_URL; if its campaigns are paused, resume them."
    ),
    BlockReason.NO_ANSWER: gettext_lazy(
        "Look whether the gateway works and TIMEOUT is long enough, then resume."
    ),
    BlockReason.DATABASE_SLOW: gettext_lazy(
        "Look at the load of the database and of the workers, and at DNS."
    ),
    BlockReason.DATABASE_OLD: gettext_lazy(
        "Run “manage.py csms_doctor --after-restore”: it says what to decide."
    ),
}


def examine() -> Iterator[Finding]:
    states = {a.alias: a for a in rows(GatewayAccount).filter(alias__in=conf.aliases())}
    for alias in conf.aliases():
        account = states.get(alias)
        if account is None:
            text = _("Account %(alias)s: its key is set; it has sent nothing yet.")
            yield fine("account", text % {"alias": alias}, alias)
        else:
            yield from _examine(account)
    yield from _gone()


def _examine(account: GatewayAccount) -> Iterator[Finding]:
    wrong = [*_block(account), *_clock(account)]
    yield from wrong
    if not wrong:
        uses = usage(account, conf.account(account.alias))
        words = {
            "alias": account.alias,
            "windows": ", ".join(map(_in_words, uses)) or _("no limits"),
            "credits": account.remaining_credits,
        }
        text = _("Account %(alias)s: its key is set; requests %(windows)s.")
        if account.remaining_credits is not None:
            text = _(
                "Account %(alias)s: its key is set; requests %(windows)s; "
                "%(credits)d credits left."
            )
        yield fine("account", text % words, account.alias)


def _in_words(use: WindowUse) -> str:
    words = {"used": use.used, "limit": use.limit, "seconds": use.seconds}
    return _("%(used)d of %(limit)d in %(seconds)g s") % words


def _block(account: GatewayAccount) -> Iterator[Finding]:
    until = account.blocked_until
    if not account.blocked_reason or (until and until <= now()):
        return
    reason = BlockReason(account.blocked_reason)
    words = {
        "alias": account.alias,
        "reason": reason.label,
        "said": f" ({account.blocked_detail})" if account.blocked_detail else "",
        "until": _local(until) if until else "",
    }
    text = _("Account %(alias)s is blocked until somebody resumes: %(reason)s%(said)s.")
    if until:
        text = _("Account %(alias)s is blocked until %(until)s: %(reason)s%(said)s.")
    advice = str(ADVICE[reason])
    yield problem("account.blocked", text % words, advice, account.alias)


def _local(moment: datetime) -> str:
    local = timezone.localtime(moment) if timezone.is_aware(moment) else moment
    return local.isoformat(" ", "seconds")


def _clock(account: GatewayAccount) -> Iterator[Finding]:
    if account.stamped_at is None:
        return
    seconds = (account.stamped_at - now()).total_seconds()
    if seconds > CLOCK_SLACK:
        text = _(
            "The clock of the database is %(seconds)d s behind the last request of account "
            "%(alias)s, which waits for it."
        )
        advice = _("Let NTP set the clock of the database's machine.")
        words = {"seconds": seconds, "alias": account.alias}
        yield problem("account.clock", text % words, advice, account.alias)


def _gone() -> Iterator[Finding]:
    """Campaigns that nobody can send any more."""
    found = rows(Campaign).filter(status__in=UNFINISHED)
    gone = found.exclude(account__in=conf.aliases()).values_list("account", flat=True)
    for alias in gone.order_by("account").distinct():
        text = _("Unfinished campaigns have the account %(alias)s, which is not set.")
        advice = _("Put it back into ACCOUNTS, or cancel them.")
        yield problem("account.gone", text % {"alias": alias}, advice, alias)


def witnesses() -> list[tuple[str, UUID]]:
    """Each account that has sent, with its name at the witness."""
    found = rows(GatewayAccount).filter(alias__in=conf.aliases(), cum__gt=0)
    return list(found.order_by("alias").values_list("alias", "witness_id"))


def requests(alias: str) -> int:
    """So many the database knows of; to be asked after the witness, which is told later."""
    return rows(GatewayAccount).values_list("cum", flat=True).get(alias=alias)
