"""A campaign's follow-ups and their one ledger, for its page."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.safestring import SafeString

from csms_campaigns.admin.badges import badge
from csms_campaigns.admin.tools import may_resolve
from csms_campaigns.admin.words import number
from csms_campaigns.engine.families import OUTCOMES, Family, Member, family
from csms_campaigns.engine.sums import Sums
from csms_campaigns.models import Campaign
from csms_campaigns.states import CampaignStatus, SendStatus


def in_words(
    request: HttpRequest,
    campaign: Campaign,
    urls: dict[str, Any],
    sums: Sums | None = None,
) -> dict[str, Any]:
    """`urls`: of the pages `unknown` and `retry`, and `of` a campaign's own page."""
    found = family(campaign, sums)
    own = next(m for m in found.members if m.campaign.pk == campaign.pk)
    return {
        "outcomes": [SendStatus(name).label for name in OUTCOMES],
        "members": [_row(m, campaign, urls["of"]) for m in found.members],
        "final": _cells(found.final),
        "audience": number(found.audience),
        "adds_up": found.adds_up,
        "has_follow_ups": bool(found.follow_ups),
        "may_resolve": may_resolve(request),
        "unknown_url": urls["unknown"],
        "retry_url": urls["retry"],
        **_left(own, found),
    }


def _left(own: Member, found: Family) -> dict[str, str]:
    """Empty where there is nothing to decide. Who is in a follow-up is decided about there."""
    children = [m for m in found.follow_ups if m.campaign.parent_id == own.campaign.pk]
    again = sum(m.repeats for m in children if m.is_of_failed)
    failed = own.sums.failed - own.sums.late_failed - again
    return {
        "undecided": _some(own.sums.undecided),
        "failed": _some(failed),
        "treated_as_sent": _some(own.sums.treated_as_sent),
        "treated_as_failed": _some(own.sums.treated_as_failed),
        "sent_again": _some(own.sums.sent_again),
    }


def _some(count: int) -> str:
    return number(count) if count > 0 else ""


def _row(member: Member, shown: Campaign, url_of: Any) -> dict[str, Any]:
    campaign = member.campaign
    sums = {name: getattr(member.sums, name) for name in OUTCOMES}
    return {
        "name": campaign.name,
        "url": "" if campaign.pk == shown.pk else url_of(campaign),
        "state": _state(campaign),
        "generation": member.generation,
        "audience": number(campaign.audience_count),
        "cells": _cells(sums),
    }


def _state(campaign: Campaign) -> SafeString:
    return badge(campaign.status, CampaignStatus(campaign.status).label)


def _cells(counts: dict[str, int]) -> list[dict[str, str]]:
    return [{"name": name, "shown": number(counts[name])} for name in OUTCOMES]
