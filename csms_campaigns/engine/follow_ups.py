"""Follow-up campaigns: some recipients of a campaign are texted again, since a person asked for it.

Their texts are those of the parent's batches, frozen as they were. A follow-up is reviewed,
launched, paused and cancelled like any campaign, and may have follow-ups of its own. What
became of the parent is never rewritten, so the ledger of each goes on adding up.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _

from csms_campaigns.engine import accounts, audience, lifecycle
from csms_campaigns.engine.chosen import Choice, check_chosen
from csms_campaigns.engine.composition import check_account
from csms_campaigns.engine.database import alias, atomic, lock_account, now, rows
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.resolving import refuse_without_rows
from csms_campaigns.models import Campaign
from csms_campaigns.signals import announce, campaign_status_changed
from csms_campaigns.states import CampaignKind, CampaignStatus, SendStatus

COPIED: Final = (
    "account",
    "message",
    "send_from",
    "send_until",
    "send_days",
    "time_zone",
    "in_recipients_zone",
)


def retry_failed(
    campaign_id: int,
    *,
    all_causes: bool = False,
    codes: Iterable[str] | None = None,
    by: Any = None,
) -> Campaign:
    """A follow-up of the failed recipients, prepared in this process and ready for review.

    Without those whose cause is permanent, such as an invalid number; with `all_causes` with
    them; with `codes` exactly those with these error codes.
    """
    return _prepared(*begin(campaign_id, failed(all_causes, codes), by=by))


def resend_unknown(
    campaign_id: int,
    *,
    batches: Iterable[int] | None = None,
    results: Iterable[int] | None = None,
    by: Any = None,
) -> Campaign:
    """A follow-up of unknown recipients that nobody decided about; *send again* is the decision."""
    return _prepared(*begin(campaign_id, unknown(batches, results), by=by))


def failed(all_causes: bool = False, codes: Iterable[str] | None = None) -> Choice:
    chosen = None if codes is None else sorted(set(codes))
    return Choice(SendStatus.FAILED.value, all_causes=all_causes, codes=chosen)


def unknown(
    batches: Iterable[int] | None = None, results: Iterable[int] | None = None
) -> Choice:
    return Choice(
        SendStatus.UNKNOWN.value,
        batches=check_chosen(batches),
        results=check_chosen(results),
    )


def begin(parent_id: int, choice: Choice, *, by: Any = None) -> tuple[Campaign, UUID]:
    """A follow-up that is being prepared, and the token for whoever prepares it.

    `CampaignError` for a test send, if there is nobody to text again, or if another one is
    just being prepared.
    """
    parent = lifecycle.get(parent_id)
    if parent.kind == CampaignKind.TEST:
        text = _("A test send is not repeated: send another test.")
        raise CampaignError(text, "is_test")
    check_account(parent.account)
    accounts.state(parent.account)
    refuse_without_rows(parent)
    if not choice.anybody(parent.pk):
        raise CampaignError(_nobody(choice), "nobody")
    token = uuid.uuid4()
    with atomic():
        # Before the campaign: in a transaction of the caller it is prepared in the same one.
        lock_account(parent.account)
        _one_at_a_time(parent)
        follow_up = _create(parent, choice, token, by)
    return follow_up, token


def _one_at_a_time(parent: Campaign) -> None:
    """Of two who press at once the second would be left with nobody: it is told to wait."""
    lifecycle.lock(parent.pk)
    others = rows(Campaign).filter(parent=parent, status=CampaignStatus.PREPARING)
    if others.exists():
        text = _("Another follow-up of this campaign is being prepared: wait for it.")
        raise CampaignError(text, "follow_up_preparing")


def _create(parent: Campaign, choice: Choice, token: UUID, by: Any) -> Campaign:
    follow_up = rows(Campaign).create(
        parent=parent,
        name=_name(parent, choice),
        chosen=choice.as_dict(),
        status=CampaignStatus.PREPARING,
        prepare_token=token,
        prepare_lease_until=now() + timedelta(seconds=audience.HANDOVER),
        created_by=by,
        **{name: getattr(parent, name) for name in COPIED},
    )
    announce(
        campaign_status_changed,
        alias(),
        campaign_id=follow_up.pk,
        status=CampaignStatus.PREPARING,
        reason="",
    )
    return follow_up


def _name(parent: Campaign, choice: Choice) -> str:
    kind = _("failed") if choice.status == SendStatus.FAILED else _("unknown")
    name = _("%(name)s (again: %(kind)s)") % {"name": parent.name, "kind": kind}
    if len(name) > lifecycle.MAX_NAME:
        shorter = parent.name[: lifecycle.MAX_NAME - len(name) - 1] + "…"
        name = _("%(name)s (again: %(kind)s)") % {"name": shorter, "kind": kind}
    return name


def _nobody(choice: Choice) -> str:
    if choice.status == SendStatus.UNKNOWN:
        return _("Nobody here is unknown, without a decision.")
    if choice.all_causes:
        return _("Nobody failed who is not in a follow-up already.")
    return _(
        "Nobody failed for such a cause who is not in a follow-up already. Permanent "
        "causes, such as an invalid number, must be chosen."
    )


def _prepared(follow_up: Campaign, token: UUID) -> Campaign:
    audience.prepare(follow_up.pk, token)
    follow_up.refresh_from_db(using=alias())
    if follow_up.status == CampaignStatus.DRAFT:
        # Somebody else was quicker, or all of them have opted out.
        reason = follow_up.status_reason
        lifecycle.delete(follow_up.pk)
        raise CampaignError(reason, "nobody")
    return follow_up
