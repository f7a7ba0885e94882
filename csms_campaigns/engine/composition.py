"""May this text go to these lists from this account? One sentence for whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _

from csms_campaigns import conf
from csms_campaigns.engine import zones
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.selection import people_in
from csms_campaigns.models import Campaign
from csms_campaigns.sms.placeholders import (
    MESSAGES,
    Message,
    PlaceholderError,
    compile_message,
    normalise_name,
    unknown_names,
)

BUILT_IN: Final = ("name", "phone")
SAMPLE: Final = 1000


def check(campaign: Campaign) -> None:
    """`CampaignError` for a campaign that could never be sent as it stands."""
    if campaign.parent_id:
        check_account(campaign.account)
        return  # Its texts and people are those of its parent.
    if is_by_zone(campaign) and not zones.is_available():
        text = _(
            "The hours of each recipient need more data: install "
            "django-csms-campaigns[zones], or choose the hours of one time zone."
        )
        raise CampaignError(text, "no_zone_data")
    list_ids = list(campaign.lists.values_list("pk", flat=True))
    check_parts(message=campaign.message, list_ids=list_ids, account=campaign.account)


def check_parts(*, message: str, list_ids: Iterable[int], account: str) -> None:
    ids = list(list_ids)
    check_account(account)
    compiled = compiled_message(message)
    if not ids:
        raise CampaignError(_("Choose at least one contact list."), "no_list")
    check_placeholders(compiled, ids)


def is_by_zone(campaign: Campaign) -> bool:
    """Whether each is texted in the hours of the zone that their number belongs to."""
    has_hours = campaign.send_from or campaign.send_until or campaign.send_days
    return campaign.in_recipients_zone and bool(has_hours)


def check_account(alias: str) -> None:
    try:
        conf.account(alias)
    except ImproperlyConfigured as error:
        raise CampaignError(str(error), "bad_account") from error


def compiled_message(message: str) -> Message:
    if not message.strip():
        raise CampaignError(_("Write a message first."), "no_message")
    if message.encode("utf-8", "replace").decode() != message:
        text = _("The message has characters that are not text: write it anew.")
        raise CampaignError(text, "not_text")
    try:
        return compile_message(message)
    except PlaceholderError as error:
        text = _(MESSAGES[error.code]) % error.params
        raise CampaignError(text, "bad_placeholder") from error


def check_placeholders(message: Message, list_ids: list[int]) -> None:
    """Every placeholder must be an attribute that somebody in the lists has."""
    if not message.names:
        return
    unknown = unknown_names(message, known_attributes(list_ids))
    missing = [name for name in unknown if not _anybody_has(name, list_ids)]
    if missing:
        text = _(
            "Nobody in the chosen lists has a value for {{ %(name)s }}. Correct the "
            "placeholder, or import that column."
        )
        raise CampaignError(text % {"name": missing[0]}, "unknown_placeholder")


def known_attributes(list_ids: Iterable[int]) -> list[str]:
    """Names of placeholders that these lists' contacts have, from the latest thousand."""
    sample = people_in(list_ids).order_by("-pk").values_list("attributes", flat=True)
    names = {normalise_name(key) for found in sample[:SAMPLE] for key in found or {}}
    return [*BUILT_IN, *sorted(names - set(BUILT_IN))]


def _anybody_has(name: str, list_ids: list[int]) -> bool:
    return people_in(list_ids).filter(attributes__has_key=name).exists()
