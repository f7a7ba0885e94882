"""`csms_campaign retry-failed` and `resolve-unknown`: who is texted again, and who is not."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.utils.translation import gettext as _

from csms_campaigns.engine import follow_ups, lifecycle, resolving
from csms_campaigns.engine.database import rows
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.management import trying
from csms_campaigns.models import Batch, Campaign
from csms_campaigns.states import Resolution


def add_arguments(found: dict[str, ArgumentParser]) -> None:
    causes = found["retry-failed"].add_mutually_exclusive_group()
    causes.add_argument(
        "--all-causes",
        action="store_true",
        help="also those that will fail again, such as invalid numbers",
    )
    causes.add_argument(
        "--cause",
        action="append",
        metavar="CODE",
        help="only with this error code; may be repeated",
    )
    unknown = found["resolve-unknown"]
    unknown.add_argument("--as", required=True, choices=Resolution.values)
    unknown.add_argument(
        "--batch",
        action="append",
        type=int,
        metavar="N",
        help="only this batch, by its number in the campaign; may be repeated",
    )


def retry_failed(options: dict[str, Any]) -> dict[str, Any]:
    follow_up = follow_ups.retry_failed(
        options["id"],
        all_causes=options["all_causes"],
        codes=options["cause"],
        by=trying.user(options),
    )
    return _follow_up(follow_up)


def resolve_unknown(options: dict[str, Any]) -> dict[str, Any]:
    campaign_id, by = options["id"], trying.user(options)
    batches = _batch_ids(campaign_id, options["batch"])
    if options["as"] == Resolution.RESEND:
        made = follow_ups.resend_unknown(campaign_id, batches=batches, by=by)
        return _follow_up(made)
    decision = Resolution(options["as"])
    count = resolving.resolve(campaign_id, decision, batches=batches, by=by)
    return {"count": count}


def _follow_up(campaign: Campaign) -> dict[str, Any]:
    recipients = campaign.audience_count - sum(campaign.skipped_counts.values())
    return {
        "id": campaign.pk,
        "recipients": recipients,
        "skipped": campaign.skipped_counts,
    }


def _batch_ids(campaign_id: int, numbers: list[int] | None) -> list[int] | None:
    if numbers is None:
        return None
    own = rows(Batch).filter(campaign=lifecycle.get(campaign_id), number__in=numbers)
    found = dict(own.values_list("number", "pk"))
    if missing := sorted(set(numbers) - set(found)):
        text = _("Campaign %(id)s has no batch %(number)s.")
        words = {"id": campaign_id, "number": missing[0]}
        raise CampaignError(text % words, "no_batch")
    return list(found.values())
