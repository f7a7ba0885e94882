"""The first page of the app: what goes on, and what needs a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.contrib.auth import get_permission_codename
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from csms_campaigns.admin import windows, words
from csms_campaigns.admin.accounts import why_blocked
from csms_campaigns.admin.badges import badge
from csms_campaigns.admin.figures import shares
from csms_campaigns.admin.tools import may, may_resolve
from csms_campaigns.engine import overview as engine
from csms_campaigns.engine.wording import translated
from csms_campaigns.models import Campaign, GatewayAccount
from csms_campaigns.states import CampaignStatus, SendStatus
from csms_campaigns.states import CampaignStatus as State

BEFORE_LAUNCH = frozenset({State.PREPARING, State.SCHEDULED})
LONG = 90 * words.DAY
"""A forecast further away than that is no news."""


class Need(NamedTuple):
    """Something that a person has to do; `button` is empty where this one may not."""

    kind: str
    title: str
    words: str
    url: str
    button: str


def may_see(request: HttpRequest, model: Any) -> bool:
    user, meta = request.user, model._meta
    names = (get_permission_codename(verb, meta) for verb in ("view", "change"))
    return any(user.has_perm(f"{meta.app_label}.{name}") for name in names)


def overview(request: HttpRequest, site: str) -> dict[str, Any]:
    """Only what this person may see: `campaigns`, `accounts`, `needs`, `failures`."""
    found, more = engine.going_on()
    accounts = engine.accounts_now() if may_see(request, GatewayAccount) else []
    listed = reverse(f"{site}:csms_campaigns_campaign_changelist")
    return {
        "campaigns": [_campaign(one, site) for one in found],
        "more_url": f"{listed}" if more else "",
        "accounts": [_account(one) for one in accounts],
        "needs": [*_needs(request, found, accounts, site)],
        "failures": [*_failures(request, site)],
    }


def page_of(campaign_id: int, page: str, site: str) -> str:
    return reverse(f"{site}:csms_campaigns_campaign_{page}", args=[campaign_id])


def _campaign(one: engine.CampaignNow, site: str) -> dict[str, Any]:
    campaign, sums = one.campaign, one.sums
    total = campaign.audience_count
    counts = {status.value: getattr(sums, status.value) for status in SendStatus}
    wanted = total - sums.skipped
    done = 100 * (wanted - sums.pending) // wanted if wanted > 0 else 0
    page = "review" if campaign.status in BEFORE_LAUNCH else "progress"
    return {
        "name": campaign.name,
        "url": page_of(campaign.pk, page, site),
        "state": badge(campaign.status, CampaignStatus(campaign.status).label),
        "bar": shares(counts, total) if page == "progress" else [],
        "done": f"{done}%" if page == "progress" else "",
        "people": _people(total) if total else "",
        "note": _note(campaign),
    }


def _note(campaign: Campaign) -> str:
    if campaign.status == State.SCHEDULED and campaign.send_at:
        words_ = {"time": words.moment(campaign.send_at)}
        return _("Will be launched: %(time)s") % words_
    return campaign.reason


def _people(count: int) -> str:
    return ngettext("%(count)s recipient", "%(count)s recipients", count) % {
        "count": words.number(count)
    }


def _account(one: engine.AccountNow) -> dict[str, Any]:
    account = one.account
    blocked = why_blocked(account)
    known = account.remaining_credits is not None
    return {
        "alias": account.alias,
        "state": badge("paused" if blocked else "sent", blocked or _("May send")),
        "credits": words.number(account.remaining_credits or 0) if known else "",
        "as_of": words.moment(account.credits_at) if account.credits_at else "",
        "ends": _ends(one.credits_end_in),
        "windows": windows.in_words(one.windows),
        "waits": words.moment(account.next_free_at) if _is_full(one) else "",
    }


def _account_url(account: GatewayAccount, site: str) -> str:
    try:
        name = f"{site}:csms_campaigns_gatewayaccount_change"
        return reverse(name, args=[account.pk])
    except NoReverseMatch:
        return ""  # This site shows no accounts.


def _is_full(one: engine.AccountNow) -> bool:
    return any(use.used >= use.limit for use in one.windows)


def _ends(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds > LONG:
        return _("in more than %(duration)s") % {"duration": words.duration(LONG)}
    return words.ending(seconds)


def _needs(
    request: HttpRequest,
    found: list[engine.CampaignNow],
    accounts: list[engine.AccountNow],
    site: str,
) -> Iterator[Need]:
    for one in accounts:
        account = one.account
        if account.blocked_reason and account.blocked_until is None:
            said = translated(account.blocked_detail) or why_blocked(account)
            yield Need("blocked", account.alias, said, _account_url(account, site), "")
    for now in found:
        campaign = now.campaign
        if campaign.status == State.PAUSED and campaign.status_reason:
            url = page_of(campaign.pk, "progress", site)
            label = _("Look at it") if may(request, "resume") else ""
            yield Need("paused", campaign.name, campaign.reason, url, label)
    label = _("Decide") if may_resolve(request) else ""
    for one_of in engine.undecided():
        said = ngettext(
            "%(count)s unknown recipient, without a decision.",
            "%(count)s unknown recipients, without a decision.",
            one_of.people,
        ) % {"count": words.number(one_of.people)}
        url = page_of(one_of.campaign_id, "unknown" if label else "progress", site)
        yield Need("unknown", one_of.name, said, url, label)


def _failures(request: HttpRequest, site: str) -> Iterator[dict[str, str]]:
    page = "retry" if may_resolve(request) else "progress"
    for cause in engine.last_failures():
        yield {
            "words": cause.words or _("The gateway gave no reason."),
            "people": words.number(cause.people),
            "campaign": cause.campaign,
            "url": page_of(cause.campaign_id, page, site),
        }
