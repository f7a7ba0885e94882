"""What a person may do with a campaign. Each is one guarded update that one caller wins."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Any, Final

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from csms_campaigns import conf
from csms_campaigns.engine import accounts
from csms_campaigns.engine.composition import check_account, check_parts
from csms_campaigns.engine.database import (
    alias,
    atomic,
    in_site_convention,
    lock_account,
    lock_sources,
    now,
    rows,
)
from csms_campaigns.engine.discarding import discard, take_apart
from csms_campaigns.engine.ending import cancel_pending, finish_campaign
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.restoring import check_not_set_back
from csms_campaigns.models import Attempt, Campaign, ContactList
from csms_campaigns.models.reasons import Reason, words_of
from csms_campaigns.signals import announce, campaign_status_changed
from csms_campaigns.states import CAMPAIGN_MOVES, CampaignStatus, sources_of

S = CampaignStatus

MAX_NAME: Final = 200

INSTEAD: Final = {
    S.DRAFT: gettext_lazy("It is a draft: review it first."),
    S.PREPARING: gettext_lazy("It is being prepared: wait until it is ready."),
    S.READY: gettext_lazy("It is ready, but not launched."),
    S.SCHEDULED: gettext_lazy("It is already scheduled."),
    S.SENDING: gettext_lazy("It is already being sent."),
    S.PAUSED: gettext_lazy("It is paused: resume it instead."),
    S.FINISHED: gettext_lazy("It is already finished."),
    S.CANCELLED: gettext_lazy("It was cancelled."),
}


def create(
    *,
    name: str,
    message: str,
    lists: Iterable[ContactList],
    account: str = "default",
    audiences: Iterable[str] = (),
    exclude_lists: Iterable[ContactList] = (),
    by: Any = None,
) -> Campaign:
    """A new draft. `CampaignError` if its text, audience or account could never be sent.

    `audiences` are names from the setting of that name.
    """
    chosen, without, names = list(lists), list(exclude_lists), list(audiences)
    if not 0 < len(name.strip()) <= MAX_NAME:
        text = _("Give the campaign a name of at most %(most)s characters.")
        raise CampaignError(text % {"most": MAX_NAME}, "no_name")
    check_parts(
        message=message,
        list_ids=[c.pk for c in chosen],
        account=account,
        exclude_ids=[c.pk for c in without],
        audiences=names,
    )
    with atomic():
        campaign = rows(Campaign).create(
            name=name.strip(),
            message=message,
            account=account,
            audiences=names,
            created_by=by,
        )
        campaign.lists.set(chosen)
        campaign.exclude_lists.set(without)
    return campaign


def launch(campaign_id: int, *, by: Any = None, at: datetime | None = None) -> None:
    """ready → sending, or with `at` (aware, in the future) ready → scheduled.

    Of two who press at once one wins; the other gets a `CampaignError` that says so.
    """
    campaign = get(campaign_id)
    check_account(campaign.account)
    check_not_set_back(accounts.state(campaign.account))
    moment = now()
    with atomic():
        # Locked, or who changes the text meanwhile could launch it too.
        check_second_pair(lock(campaign_id), by)
        if at is not None:
            _schedule(campaign, at, moment, by)
            return
        move(
            campaign_id,
            S.SENDING,
            only_from=[S.READY],
            started_at=moment,
            launched_by=by,
            send_at=None,
        )


def check_second_pair(campaign: Campaign, by: Any) -> None:
    """`CampaignError` for who wrote the campaign, where the site wants somebody else."""
    if not conf.second_pair_of_eyes():
        return
    if by is None:
        text = _("Say who launches it: on this site nobody launches what they wrote.")
        raise CampaignError(text, "no_user")
    if by.pk in {campaign.created_by_id, campaign.changed_by_id}:
        text = _("You wrote this campaign: on this site somebody else must launch it.")
        raise CampaignError(text, "second_pair")


def _schedule(campaign: Campaign, at: datetime, moment: datetime, by: Any) -> None:
    at = in_site_convention(at)
    if at <= moment:
        text = _("Choose a time in the future, or launch it now.")
        raise CampaignError(text, "time_passed")
    move(campaign.pk, S.SCHEDULED, only_from=[S.READY], send_at=at, launched_by=by)


def unschedule(campaign_id: int, *, by: Any = None) -> None:
    """scheduled → ready."""
    del by
    move(campaign_id, S.READY, only_from=[S.SCHEDULED], send_at=None, launched_by=None)


def start_due() -> None:
    """For the tick: scheduled campaigns whose time has come."""
    due = rows(Campaign).filter(status=S.SCHEDULED, send_at__lte=now())
    for campaign_id in due.values_list("pk", flat=True):
        _update(campaign_id, [S.SCHEDULED], S.SENDING, "", started_at=now())


def pause(campaign_id: int, *, by: Any = None) -> None:
    """sending → paused. Nothing is claimed after this has committed."""
    who = str(by) if by else ""
    by_somebody = Reason(gettext_noop("Paused by %(who)s."), who=who)
    reason = by_somebody if who else Reason(gettext_noop("Paused."))
    move(campaign_id, S.PAUSED, reason=reason)


def resume(campaign_id: int, *, by: Any = None) -> None:
    """paused → sending. After a pause by the system the next request goes alone, as the check."""
    del by
    campaign = get(campaign_id)
    check_account(campaign.account)
    accounts.state(campaign.account)
    with atomic():
        account = lock_account(campaign.account)
        check_not_set_back(account)
        move(campaign_id, S.SENDING, only_from=[S.PAUSED])
        accounts.release_block(account)
        finish_campaign(campaign_id, now())


def cancel(campaign_id: int, *, by: Any = None) -> None:
    """Any unfinished state → cancelled. What is in flight is still recorded.

    The state is committed first; then what waits is cancelled in slices, and the tick goes on
    with them if this process dies.
    """
    who = str(by) if by else ""
    by_somebody = Reason(gettext_noop("Cancelled by %(who)s."), who=who)
    reason = by_somebody if who else Reason(gettext_noop("Cancelled."))
    with atomic():
        # In a transaction of the caller, what is given back later needs the account: it is first.
        lock_sources(campaign_id)
        move(campaign_id, S.CANCELLED, reason=reason, finished_at=now())
    cancel_pending(campaign_id)


def edited(campaign_id: int) -> None:
    """The text or the audience of a campaign is about to change: a ready one becomes a draft."""
    campaign = get(campaign_id)
    if campaign.parent_id:
        text = _("A follow-up has the texts and the people of its campaign: they stay.")
        raise CampaignError(text, "is_follow_up")
    if campaign.status == S.DRAFT:
        return
    with atomic():
        move(campaign_id, S.DRAFT, only_from=[S.READY])
        discard(campaign_id)


def delete(campaign_id: int) -> None:
    """Remove a campaign that never sent a request, with all that was prepared for it."""
    campaign = get(campaign_id)
    sent = rows(Attempt).filter(batch__campaign=campaign_id).exists()
    if sent or campaign.status not in {S.DRAFT, S.READY, S.CANCELLED}:
        text = _("Only a campaign that never sent anything can be deleted.")
        raise CampaignError(text, "was_sent")
    if campaign.parent_id:
        _take_apart(campaign)
    with atomic():
        lock_sources(campaign_id)
        _hold(campaign_id, campaign.status)
        discard(campaign_id)
        campaign.delete(using=alias())


def _take_apart(campaign: Campaign) -> None:
    """A follow-up: as a draft first, so that nobody launches half of it."""
    if campaign.status == S.READY:
        with atomic():
            lock_sources(campaign.pk)
            move(campaign.pk, S.DRAFT, only_from=[S.READY])
        campaign.status = S.DRAFT
    take_apart(campaign.pk, partial(_hold, campaign.pk, campaign.status))


def _hold(campaign_id: int, status: str) -> None:
    """Lock the campaign's row, if it is still as it was found."""
    locked = rows(Campaign).filter(pk=campaign_id, status=status)
    if not locked.update(status_reason=""):
        raise _instead(campaign_id)


def move(
    campaign_id: int,
    target: CampaignStatus,
    *,
    only_from: Iterable[CampaignStatus] | None = None,
    reason: str | Reason = "",
    **fields: Any,
) -> None:
    """The guarded update behind every verb; `CampaignError` says why it could not be done."""
    sources = list(only_from) if only_from is not None else sources_of(target)
    if not _update(campaign_id, sources, target, reason, **fields):
        raise _instead(campaign_id)


def _update(
    campaign_id: int,
    sources: Iterable[CampaignStatus],
    target: CampaignStatus,
    reason: str | Reason,
    **fields: Any,
) -> bool:
    allowed = [source for source in sources if target in CAMPAIGN_MOVES[source]]
    found = rows(Campaign).filter(pk=campaign_id, status__in=allowed)
    words = {"status_reason": str(reason), "status_words": words_of(reason)}
    with atomic():
        done = found.update(status=target, **words, **fields)
        if done:
            announce(
                campaign_status_changed,
                alias(),
                campaign_id=campaign_id,
                status=target,
                reason=str(reason),
            )
    return bool(done)


def _instead(campaign_id: int) -> CampaignError:
    """For whoever found it in another state than they thought."""
    status = CampaignStatus(get(campaign_id).status)
    return CampaignError(INSTEAD[status], f"is_{status.value}")


def get(campaign_id: int) -> Campaign:
    """The campaign, or a `CampaignError` that says that there is none."""
    return _found(campaign_id, rows(Campaign))


def lock(campaign_id: int) -> Campaign:
    """As `get`, with its row locked to the end of the transaction: it may be gone since."""
    return _found(campaign_id, rows(Campaign).select_for_update())


def _found(campaign_id: int, campaigns: QuerySet[Campaign]) -> Campaign:
    campaign = campaigns.filter(pk=campaign_id).first()
    if campaign is None:
        text = _("There is no campaign %(id)s.") % {"id": campaign_id}
        raise CampaignError(text, "no_campaign")
    return campaign
