"""Test sends: a text as somebody of the audience would read it, to a few numbers typed in.

A test is a campaign of its own, kept out of every list and figure: the same take, client, limits
and ledger, but first in line and at any hour. It is never prepared or reviewed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Max, Min, QuerySet
from django.utils.translation import gettext as _

from csms_campaigns import conf
from csms_campaigns.engine import accounts, lifecycle, opt_out_links
from csms_campaigns.engine.batching import Group
from csms_campaigns.engine.composition import check_account, compiled_message
from csms_campaigns.engine.database import alias, atomic, now, rows
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.restoring import check_not_set_back
from csms_campaigns.engine.sampling import SampledPerson, sample
from csms_campaigns.engine.selection import Selection
from csms_campaigns.engine.writing import write_groups
from csms_campaigns.models import Campaign, Contact, Heartbeat, OptOut, SendResult
from csms_campaigns.models.fields import e164
from csms_campaigns.signals import announce, campaign_status_changed
from csms_campaigns.sms.placeholders import MissingValue, normalise_name
from csms_campaigns.sms.segments import analyse
from csms_campaigns.sms.smart_encoding import smart_encoding
from csms_campaigns.states import (
    ENDED,
    CampaignKind,
    CampaignStatus,
    SendStatus,
)

MOST: Final = 10
NOBODY_WORKS: Final = 15.0
"""Seconds after which a test that nobody took, without a tick meanwhile, says so."""


def send_test(
    campaign_id: int,
    numbers: Iterable[str],
    *,
    like: str = "",
    by: Any = None,
    form_key: UUID | None = None,
) -> Campaign:
    """A test to numbers in E.164, with the text of `like` or of somebody in the audience.

    The caller wakes the lanes. A second call with the same `form_key` finds the first test.
    """
    campaign = lifecycle.get(campaign_id)
    _check(campaign)
    chosen = _checked(numbers)
    text = text_for(campaign, like)
    with atomic():
        # Of two presses at once, the second waits here and finds what the first has made.
        lifecycle.lock(campaign_id)
        if form_key and (found := rows(Campaign).filter(form_key=form_key).first()):
            return found
        return _create(campaign, chosen, text, by, form_key)


def text_for(campaign: Campaign, like: str = "") -> str:
    """The final text as one person would get it; `CampaignError` if it cannot be written."""
    message = compiled_message(campaign.message)
    opt_out_links.check(message)
    message = opt_out_links.with_samples(message)
    person = _person(campaign, like)
    if person is None and message.names:
        text = _(
            "Choose people first: the text has placeholders, and nobody to fill them."
        )
        raise CampaignError(text, "nobody")
    try:
        text = message.fill(person.values if person else {})
    except MissingValue as missing:
        said = _(
            "%(phone)s has no value for {{ %(name)s }}: choose somebody else to read as."
        )
        words = {"phone": person.phone if person else "", "name": missing.name}
        raise CampaignError(said % words, "missing_placeholder") from missing
    return smart_encoding(text) if campaign.smart_encoding else text


def previous_tests(campaign: Campaign) -> QuerySet[Campaign]:
    """The latest first."""
    return rows(Campaign).filter(test_of=campaign).order_by("-pk")


def nobody_works(test: Campaign) -> bool:
    """Whether it waits although it should have been taken: no worker seems to run."""
    if test.status != CampaignStatus.SENDING or test.served_at or not test.started_at:
        return False
    patience = timedelta(seconds=NOBODY_WORKS)
    moment = now()
    if moment - test.started_at < patience:
        return False
    return not rows(Heartbeat).filter(name="tick", at__gt=moment - patience).exists()


def _check(campaign: Campaign) -> None:
    if campaign.status in ENDED or campaign.kind != CampaignKind.CAMPAIGN:
        text = _("Only a campaign that is not over can be tested.")
        raise CampaignError(text, f"is_{campaign.status}")
    check_account(campaign.account)
    check_not_set_back(accounts.state(campaign.account))


def _checked(numbers: Iterable[str]) -> list[str]:
    chosen = list(dict.fromkeys(numbers))
    if not chosen:
        raise CampaignError(_("Write at least one number."), "no_number")
    if len(chosen) > MOST:
        text = _("Write at most %(most)s numbers.") % {"most": MOST}
        raise CampaignError(text, "too_many")
    found = rows(OptOut).filter(phone__in=chosen).values_list("phone", flat=True)
    if gone := sorted(e164(phone) for phone in found):
        text = _("Opted out, so not texted, not even for a test: %(numbers)s.")
        raise CampaignError(text % {"numbers": ", ".join(gone)}, "opted_out")
    return chosen


def _person(campaign: Campaign, like: str) -> SampledPerson | None:
    if not like:
        return next(iter(sample(Selection.of(campaign), size=1).people), None)
    contact = rows(Contact).filter(phone=like).first()
    if contact is None:
        text = _("There is no contact with the number %(phone)s.") % {"phone": like}
        raise CampaignError(text, "no_contact")
    values = {
        normalise_name(key): value for key, value in (contact.attributes or {}).items()
    }
    values.setdefault("phone", like)
    if contact.name:
        values["name"] = contact.name
    return SampledPerson(like, contact.name, values)


def _create(
    campaign: Campaign, numbers: list[str], text: str, by: Any, form_key: UUID | None
) -> Campaign:
    groups = list(
        _groups(text, len(numbers), conf.account(campaign.account).batch_size)
    )
    test = rows(Campaign).create(
        kind=CampaignKind.TEST,
        test_of=campaign,
        form_key=form_key,
        name=_name(campaign),
        account=campaign.account,
        message=text,
        status=CampaignStatus.SENDING,
        started_at=now(),
        created_by=by,
        launched_by=by,
        audience_count=len(numbers),
        batch_count=len(groups),
        segment_count=len(numbers) * groups[0].segments,
    )
    _write(test, numbers, groups)
    announce(
        campaign_status_changed,
        alias(),
        campaign_id=test.pk,
        status=CampaignStatus.SENDING,
        reason="",
    )
    return test


def _groups(text: str, count: int, batch_size: int) -> Iterator[Group]:
    """Without a small first one: it is small."""
    segments = analyse(text).segments
    for number, done in enumerate(range(0, count, batch_size), start=1):
        size = min(batch_size, count - done)
        yield Group(number, text, segments, batch_size, size=size)


def _write(test: Campaign, numbers: list[str], groups: list[Group]) -> None:
    write_groups(test.pk, groups)
    batches = [group.batch_id for group in groups for _each in range(group.size)]
    rows(SendResult).bulk_create(
        SendResult(
            campaign=test, batch_id=batch_id, phone=phone, status=SendStatus.PENDING
        )
        for phone, batch_id in zip(numbers, batches, strict=True)
    )
    ends = rows(SendResult).filter(batch__in=batches)
    found = ends.aggregate(first_result_id=Min("pk"), last_result_id=Max("pk"))
    rows(Campaign).filter(pk=test.pk).update(**found)


def _name(campaign: Campaign) -> str:
    name = _("Test of %(name)s") % {"name": campaign.name}
    return name[: lifecycle.MAX_NAME]
