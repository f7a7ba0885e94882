"""Is work standing still that should move, and do the ledgers add up? No query over recipients."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from csms_campaigns import conf
from csms_campaigns.diagnosis.findings import Finding, fine, problem, warning
from csms_campaigns.engine.database import now, rows
from csms_campaigns.engine.families import Family, Member, family, kin
from csms_campaigns.engine.work import has_work
from csms_campaigns.models import Batch, Campaign, GatewayAccount
from csms_campaigns.states import BatchStatus, CampaignStatus

GRACE: Final = 60.0
"""Seconds in which a tick should have seen to it."""
STILL: Final = 120.0
"""Seconds without a request, though there is work and nothing to wait for."""
UNWRITTEN: Final = frozenset({CampaignStatus.DRAFT, CampaignStatus.PREPARING})
RECENT: Final = 20
MOST_BATCHES: Final = 100_000
"""Batches that are summed at most: 100,000 take 30 to 50 ms."""
TRIES: Final = 3
SHOWN: Final = 10


def examine() -> Iterator[Finding]:
    wrong = [*_stalled(), *_preparing(), *_overdue(), *_still()]
    yield from wrong
    yield from _paused()
    if not wrong:
        found = rows(Campaign).filter(status=CampaignStatus.SENDING)
        text = ngettext(
            "%(count)d campaign is being sent; nothing stands still.",
            "%(count)d campaigns are being sent; nothing stands still.",
            count := found.count(),
        )
        yield fine("campaigns", text % {"count": count})


def stalled() -> QuerySet[Batch]:
    """Batches whose worker is gone, and that no tick has swept."""
    late = now() - timedelta(seconds=GRACE)
    return rows(Batch).filter(status=BatchStatus.SENDING, lease_until__lt=late)


def _stalled() -> Iterator[Finding]:
    if count := stalled().count():
        text = ngettext(
            "%(count)d batch is stalled: its worker is gone, and no tick has seen to it.",
            "%(count)d batches are stalled: their workers are gone, and no tick has seen "
            "to them.",
            count,
        )
        advice = _(
            "Start a worker and beat, or run “manage.py csms_tick”: their people become "
            "unknown, and are not texted again."
        )
        yield problem("batches.stalled", text % {"count": count}, advice)


def _preparing() -> Iterator[Finding]:
    late = now() - timedelta(seconds=GRACE)
    found = rows(Campaign).filter(
        status=CampaignStatus.PREPARING, prepare_lease_until__lt=late
    )
    if ids := _ids(found):
        text = _("Nobody goes on preparing: campaigns %(ids)s.")
        advice = _("Start a worker and beat: it begins again from nothing.")
        yield problem("campaigns.preparing", text % {"ids": ids}, advice, ids)


def _overdue() -> Iterator[Finding]:
    late = now() - timedelta(seconds=GRACE)
    found = rows(Campaign).filter(status=CampaignStatus.SCHEDULED, send_at__lt=late)
    if ids := _ids(found):
        text = _(
            "The time of these campaigns has passed, and they are not sent: %(ids)s."
        )
        advice = _(
            "Start beat and a worker, or run “manage.py csms_tick”. If it is too late for "
            "them now, cancel them first."
        )
        yield problem("campaigns.overdue", text % {"ids": ids}, advice, ids)


def _still() -> Iterator[Finding]:
    for account in rows(GatewayAccount).filter(alias__in=conf.aliases()):
        if not _stands(account) or not has_work(account.alias):
            continue
        text = _("Account %(alias)s has work and may send, but no request leaves.")
        advice = _("Look at the log of the workers; see what is said of workers above.")
        words = {"alias": account.alias}
        yield problem("campaigns.still", text % words, advice, account.alias)


def _stands(account: GatewayAccount) -> bool:
    """Long without a request, and nothing that it waits for."""
    moment = now()
    long_ago = moment - timedelta(seconds=STILL)
    waits = (account.blocked_until, account.next_free_at, account.sleeper_until)
    if any(until and until > moment for until in waits):
        return False
    started = rows(Campaign).filter(
        account=account.alias, status=CampaignStatus.SENDING, started_at__lt=long_ago
    )
    quiet = account.stamped_at is None or account.stamped_at < long_ago
    return quiet and started.exists()


def _paused() -> Iterator[Finding]:
    found = rows(Campaign).filter(status=CampaignStatus.PAUSED).order_by("pk")
    for pk, reason in found.values_list("pk", "status_reason")[:SHOWN]:
        text = _("Campaign %(id)d is paused: %(reason)s")
        advice = _("Mend what the reason says, then resume it; or cancel it.")
        words = {"id": pk, "reason": reason}
        yield warning("campaigns.paused", text % words, advice, str(pk))


def examine_ledgers() -> Iterator[Finding]:
    """Of the latest campaigns, with their families, from their batches: does everybody stand
    somewhere, and nobody twice?"""
    count = 0
    for campaign in _latest():
        found = _settled(campaign)
        count += len(found.members)
        yield from _wrong(found)
    text = ngettext(
        "The ledger of the latest campaign was summed.",
        "The ledgers of the latest %(count)d campaigns were summed.",
        count,
    )
    yield fine("ledger", text % {"count": count})


def _latest() -> Iterator[Campaign]:
    """One of each family, the latest first."""
    found = rows(Campaign).exclude(status__in=UNWRITTEN).order_by("-pk")[:RECENT]
    batches, seen = 0, set[int]()
    for campaign in found:
        if campaign.pk in seen:
            continue
        members = kin(campaign)
        seen.update(member.pk for member in members)
        batches += sum(member.batch_count for member in members)
        if batches > MOST_BATCHES:
            return
        yield campaign


def _settled(campaign: Campaign) -> Family:
    """Its members are read one after the other, and meanwhile people move: what is wrong
    stays so."""
    found = family(campaign)
    for _again in range(TRIES):
        if found.adds_up and not any(map(_is_wrong, found.members)):
            break
        found = family(campaign)
    return found


def _is_wrong(member: Member) -> bool:
    is_written = member.campaign.status not in UNWRITTEN
    return is_written and member.sums.total != member.campaign.audience_count


def _wrong(found: Family) -> Iterator[Finding]:
    wrong = [member for member in found.members if _is_wrong(member)]
    for member in wrong:
        campaign, total = member.campaign, member.sums.total
        words = {"id": campaign.pk, "all": campaign.audience_count, "sum": total}
        text = _("Campaign %(id)d has %(all)d people, its batches say %(sum)d.")
        advice = _("Rows were changed by hand, or lost. Compare with a backup.")
        yield problem("ledger.wrong", text % words, advice, str(campaign.pk))
    if not wrong and not found.adds_up:
        words = {"id": found.root.campaign.pk}
        text = _(
            "The follow-ups of campaign %(id)d do not repeat as many people as it says."
        )
        advice = _(
            "Rows were changed by hand, or lost. “manage.py csms_campaign ledger %(id)d” "
            "counts everybody; compare with a backup."
        )
        yield problem("ledger.wrong", text % words, advice % words, str(words["id"]))


def _ids(found: QuerySet[Campaign]) -> str:
    ids = found.order_by("pk").values_list("pk", flat=True)[:SHOWN]
    return ", ".join(map(str, ids))
