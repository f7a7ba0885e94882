"""The promise of a reviewed campaign in words, and how its text reads for real people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from csms_campaigns.admin import contract
from csms_campaigns.admin.hours_words import hours_in_words
from csms_campaigns.admin.tools import results_url
from csms_campaigns.admin.words import number
from csms_campaigns.engine import timetable
from csms_campaigns.engine.promise import Promise, promise
from csms_campaigns.models import Campaign, Contact, SendResult
from csms_campaigns.sms.segments import analyse
from csms_campaigns.states import CampaignStatus, SkipReason

PROMISED = frozenset({CampaignStatus.READY, CampaignStatus.SCHEDULED})


@dataclass(frozen=True)
class LeftOut:
    label: str
    shown: str
    url: str


@dataclass(frozen=True)
class Example:
    phone: str
    name: str
    text: str
    length: str


def version(campaign: Campaign) -> str:
    """Changes with each review and with the hours, so that nobody launches what they have not
    seen."""
    hours = "".join(map(str, (campaign.send_from, campaign.send_until)))
    digest = f"{hours}{campaign.send_days}{campaign.time_zone}"
    found = f"{campaign.first_result_id}-{campaign.last_result_id}"
    return f"{found}-{digest}" if timetable.hours(campaign) else found


def missing_credits(campaign: Campaign, at: datetime | None = None) -> int:
    try:
        return promise(campaign, at).missing_credits
    except ImproperlyConfigured:
        return 0  # The engine says that its account has left the settings.


def in_words(
    campaign: Campaign, site: str, at: datetime | None = None
) -> dict[str, Any] | None:
    """None where there is nothing to promise (yet)."""
    if campaign.status not in PROMISED:
        return None
    found = promise(campaign, at)
    return {
        "recipients": number(found.recipients),
        "skipped": number(sum(found.skipped.values())),
        "reasons": _reasons(campaign, found, site),
        "requests": number(found.batches),
        "why": contract.why_so_many(found),
        "cost_of_texts": contract.cost_of_texts(found),
        "segments": number(found.segments),
        "credits": number(found.estimated_credits),
        "credits_why": contract.how_counted(found),
        "balance": _balance(found.remaining_credits),
        "promised": number(found.promised_credits) if found.promised_credits else "",
        "available": _balance(found.available_credits),
        "missing": number(found.missing_credits),
        "is_too_little": found.missing_credits > 0,
        "starts": contract.starts(campaign, found, at),
        "ending": contract.ends(campaign, found, at),
        "hours": hours_in_words(campaign),
        "beside": contract.beside(campaign, site),
        "sentence": contract.sentence(found),
        "counted": ngettext("%(count)s person", "%(count)s people", found.recipients)
        % {"count": number(found.recipients)},
    }


def examples(campaign: Campaign) -> list[Example]:
    """At most three different texts: of the first, a middle and the last recipient."""
    first, last = campaign.first_result_id, campaign.last_result_id
    if campaign.status not in PROMISED or first is None or last is None:
        return []
    found: dict[str, Example] = {}
    for start in (first, (first + last) // 2, last - (last - first) // 50):
        result = _recipient_from(campaign, start)
        if result is not None and result.batch is not None:
            found.setdefault(result.batch.message, _example(result))
    return list(found.values())


def _recipient_from(campaign: Campaign, start: int) -> SendResult | None:
    results = SendResult.objects.filter(
        campaign_id=campaign.pk,
        id__gte=start,
        id__lte=campaign.last_result_id,
        batch_id__isnull=False,
    )
    return results.select_related("batch").order_by("id").first()


def _example(result: SendResult) -> Example:
    text = result.batch.message  # type: ignore[union-attr]
    analysis = analyse(text)
    segments = ngettext(
        "%(count)d segment", "%(count)d segments", analysis.segments
    ) % {"count": analysis.segments}
    return Example(
        phone=result.phone or "",
        name=_name(result),
        text=text,
        length=f"{segments} · {analysis.encoding}",
    )


def _name(result: SendResult) -> str:
    if result.contact_id is None:
        return ""
    # Not through the relation: the contact may be deleted since.
    found = Contact.objects.filter(pk=result.contact_id).values_list("name", flat=True)
    return str(found.first() or "")


def _reasons(campaign: Campaign, found: Promise, site: str) -> list[LeftOut]:
    return [
        LeftOut(
            label=_label(reason),
            shown=number(count),
            url=results_url(campaign, site, skip_reason=reason),
        )
        for reason, count in found.skipped.items()
        if count
    ]


def _label(reason: str) -> str:
    return str(SkipReason(reason).label) if reason in SkipReason.values else reason


def _balance(remaining: int | None) -> str:
    return _("not known yet") if remaining is None else number(remaining)
