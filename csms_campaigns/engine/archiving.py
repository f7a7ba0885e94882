"""Campaigns that are put aside: out of the lists, and still there with all they hold."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from csms_campaigns.engine.database import now, rows
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.lifecycle import get
from csms_campaigns.models import Campaign
from csms_campaigns.states import ARCHIVABLE


def archive(campaign_id: int, *, by: Any = None) -> None:
    """One guarded update: a campaign that is launched meanwhile stays in sight."""
    del by
    open_ = rows(Campaign).filter(pk=campaign_id, archived_at__isnull=True)
    if open_.filter(status__in=ARCHIVABLE).update(archived_at=now()):
        return
    if get(campaign_id).archived_at:
        raise CampaignError(_("It is already archived."), "is_archived")
    text = _("Only a draft, or a campaign that has ended, can be archived.")
    raise CampaignError(text, "not_ended")


def unarchive(campaign_id: int, *, by: Any = None) -> None:
    del by
    archived = rows(Campaign).filter(pk=campaign_id, archived_at__isnull=False)
    if not archived.update(archived_at=None):
        get(campaign_id)
        raise CampaignError(_("It is not archived."), "not_archived")
