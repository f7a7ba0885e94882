"""What a person decides about unknown recipients. Their status stays: the past is not rewritten.

*Send again* is a decision too, but one that makes a follow-up: see `follow_ups`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from csms_campaigns.engine import accounts, lifecycle
from csms_campaigns.engine.chosen import Choice, check_chosen
from csms_campaigns.engine.database import alias, atomic, lock_account, now
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.recording import recount_decisions
from csms_campaigns.models import Campaign
from csms_campaigns.signals import announce, unknown_resolved
from csms_campaigns.states import Resolution, SendStatus


def resolve(
    campaign_id: int,
    resolution: Resolution | str,
    *,
    batches: Iterable[int] | None = None,
    results: Iterable[int] | None = None,
    by: Any = None,
) -> int:
    """Treat unknown recipients as sent or as failed, from now on; how many were undecided.

    Of the whole campaign, of batches, or single ones. Each is decided about once: a second
    decision, and an answer that comes later, change nothing. In slices: if this process dies,
    those that were done stay, and whoever does it again does the rest.
    """
    decision = Resolution(resolution)
    if decision == Resolution.RESEND:
        message = "Who is sent again is in a follow-up: follow_ups.resend_unknown"
        raise ValueError(message)
    campaign = lifecycle.get(campaign_id)
    refuse_without_rows(campaign)
    accounts.state(campaign.account)
    choice = Choice(
        SendStatus.UNKNOWN.value,
        batches=check_chosen(batches),
        results=check_chosen(results),
    )
    done = last = 0
    while sources := choice.sources(campaign.pk, last):
        last = sources[-1].pk
        ids = [source.pk for source in sources]
        done += _resolve_slice(campaign, choice, ids, decision, by)
    return done


def _resolve_slice(
    campaign: Campaign, choice: Choice, ids: list[int], resolution: Resolution, by: Any
) -> int:
    with atomic():
        # A late answer writes the same rows, and holds the account's row as it does.
        lock_account(campaign.account)
        done = choice.open_results(ids).update(
            resolution=resolution,
            resolved_by=by.pk if by else None,
            resolved_at=now(),
        )
        if done:
            recount_decisions(ids)
            announce(
                unknown_resolved,
                alias(),
                campaign_id=campaign.pk,
                resolution=resolution.value,
                count=done,
            )
    return done


def refuse_without_rows(campaign: Campaign) -> None:
    """Retention has taken the numbers, or the rows."""
    if campaign.anonymised_at or campaign.results_deleted_at:
        text = _("The numbers of this campaign's recipients were removed.")
        raise CampaignError(text, "no_numbers")
