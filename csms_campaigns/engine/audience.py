"""Prepare: the audience is frozen, with final texts, into batches and recipients.

draft → preparing → ready, or back to draft with the reason. The process that prepares holds a
token with a lease: if it dies the tick starts another, and a second one stops by itself.
"""

from __future__ import annotations

import contextlib
import uuid
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError
from django.utils.translation import gettext as _

from csms_campaigns import logs
from csms_campaigns.engine import lifecycle
from csms_campaigns.engine.composition import (
    check,
    check_parts,
    known_attributes,
)
from csms_campaigns.engine.database import alias, atomic, lock_sources, now, rows
from csms_campaigns.engine.discarding import discard, take_apart
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.freezing import write_chosen
from csms_campaigns.engine.planner import refresh_statistics
from csms_campaigns.engine.promise import Promise, promise
from csms_campaigns.engine.repeating import write_follow_up
from csms_campaigns.engine.writing import LEASE, Tally, TokenLost, hold
from csms_campaigns.models import Campaign
from csms_campaigns.signals import announce, campaign_status_changed
from csms_campaigns.states import CampaignStatus, SkipReason

__all__ = [
    "begin",
    "check",
    "check_parts",
    "known_attributes",
    "prepare",
    "prepare_once",
    "review",
]

logger = logs.logger("csms_campaigns.engine")

HANDOVER: Final = 15.0
"""Seconds in which a worker should begin; then the tick looks for another."""


def review(campaign_id: int) -> Promise:
    """Prepare in this process, and promise. `CampaignError` says why it could not be done."""
    prepare(campaign_id, begin(campaign_id))
    campaign = lifecycle.get(campaign_id)
    if campaign.status != CampaignStatus.READY:
        text = (
            campaign.status_reason or lifecycle.INSTEAD[CampaignStatus(campaign.status)]
        )
        raise CampaignError(text, "not_ready")
    return promise(campaign)


def begin(campaign_id: int) -> UUID:
    """draft or ready → preparing. The caller prepares, or wakes a worker that does.

    A ready campaign is prepared anew: its lists may have changed since.
    """
    refresh_statistics()
    check(lifecycle.get(campaign_id))
    token = uuid.uuid4()
    lifecycle.move(
        campaign_id,
        CampaignStatus.PREPARING,
        prepare_token=token,
        prepare_lease_until=now() + timedelta(seconds=HANDOVER),
    )
    return token


def prepare_once(campaign_id: int, token: str) -> None:
    """For a worker: prepare with the token of `begin`, or, with "", what nobody works on.

    The token is exchanged for one of our own, so a doubled message finds nothing to do.
    """
    open_ = rows(Campaign).filter(pk=campaign_id, status=CampaignStatus.PREPARING)
    mine = (
        open_.filter(prepare_token=token)
        if token
        else open_.filter(prepare_lease_until__lt=now())
    )
    own = uuid.uuid4()
    until = now() + timedelta(seconds=LEASE)
    if mine.update(prepare_token=own, prepare_lease_until=until):
        prepare(campaign_id, own)


def prepare(campaign_id: int, token: UUID) -> None:
    """Write all batches and recipients. Restarts from nothing, so it may be begun again."""
    with logs.about(campaign_id=campaign_id):
        _prepare(campaign_id, token)


def _prepare(campaign_id: int, token: UUID) -> None:
    try:
        _begin_anew(campaign_id, token)
        tally = _write_audience(campaign_id, token)
        _end(campaign_id, token, tally)
    except TokenLost:
        logger.info("Campaign %s is not prepared here any more", campaign_id)
    except CampaignError as error:
        _back_to_draft(campaign_id, token, str(error))
    except DatabaseError:
        raise  # The lease runs out, and the tick starts it again.
    except Exception:
        logger.exception("Campaign %s could not be prepared", campaign_id)
        reason = _("It could not be prepared; the log of the worker says why.")
        _back_to_draft(campaign_id, token, reason)


def _begin_anew(campaign_id: int, token: UUID, **fields: Any) -> None:
    if rows(Campaign).filter(pk=campaign_id, parent__isnull=False).exists():
        take_apart(campaign_id, partial(hold, campaign_id, token))
    with atomic():
        lock_sources(campaign_id)
        hold(campaign_id, token, **fields)
        discard(campaign_id)


def _write_audience(campaign_id: int, token: UUID) -> Tally:
    campaign = rows(Campaign).get(pk=campaign_id)
    if campaign.parent_id:
        return write_follow_up(campaign, token)
    refresh_statistics()
    return write_chosen(campaign, token)


def _end(campaign_id: int, token: UUID, tally: Tally) -> None:
    if not tally.recipients:
        raise CampaignError(_nobody(campaign_id, tally), "nobody")
    with atomic():
        hold(
            campaign_id,
            token,
            status=CampaignStatus.READY,
            status_reason="",
            prepare_token=None,
            canary_passed=False,
        )
        announce(
            campaign_status_changed,
            alias(),
            campaign_id=campaign_id,
            status=CampaignStatus.READY,
            reason="",
        )


def _nobody(campaign_id: int, tally: Tally) -> str:
    if rows(Campaign).filter(pk=campaign_id, parent__isnull=False).exists():
        return _("Nobody is left to be texted again.")
    if not tally.audience:
        return _("The chosen lists are empty: add contacts to them first.")
    reasons = ", ".join(
        f"{SkipReason(reason).label}: {count}"
        for reason, count in sorted(tally.skipped.items())
    )
    text = _("Nobody in the chosen lists can be texted (%(reasons)s).")
    return text % {"reasons": reasons}


def _back_to_draft(campaign_id: int, token: UUID, reason: str) -> None:
    """Nothing half-done stays behind."""
    with contextlib.suppress(TokenLost):
        _begin_anew(
            campaign_id, token, status=CampaignStatus.DRAFT, status_reason=reason
        )
