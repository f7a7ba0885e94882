"""A copy of a campaign: a new draft with what a person has composed, and nothing of its past."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _

from csms_campaigns.engine.database import atomic, rows
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.lifecycle import MAX_NAME, get
from csms_campaigns.models import Campaign
from csms_campaigns.states import CampaignKind

COPIED: Final = (
    "account",
    "message",
    "smart_encoding",
    "audiences",
    "send_from",
    "send_until",
    "send_days",
    "time_zone",
    "in_recipients_zone",
)


def copy(campaign_id: int, *, by: Any = None) -> Campaign:
    """`CampaignError` for a follow-up, whose people and texts are those of its parent."""
    source = get(campaign_id)
    if source.parent_id or source.kind != CampaignKind.CAMPAIGN:
        text = _("A follow-up cannot be copied: copy the campaign that it follows.")
        raise CampaignError(text, "is_follow_up")
    composed = {name: getattr(source, name) for name in COPIED}
    with atomic():
        campaign: Campaign = rows(Campaign).create(
            name=_name(source.name), created_by=by, **composed
        )
        campaign.lists.set(source.lists.all())
        campaign.exclude_lists.set(source.exclude_lists.all())
    return campaign


def _name(name: str) -> str:
    named = _("Copy of %(name)s") % {"name": name}
    return named if len(named) <= MAX_NAME else named[: MAX_NAME - 1] + "…"
