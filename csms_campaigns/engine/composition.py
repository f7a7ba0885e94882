"""May this text go to these lists from this account? One sentence for whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _

from csms_campaigns import conf
from csms_campaigns.engine import opt_out_links, site_audiences, zones
from csms_campaigns.engine.database import connection, is_postgresql
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.selection import Selection, people_in
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
    chosen = Selection.of(campaign)
    check_parts(
        message=campaign.message,
        list_ids=chosen.list_ids,
        account=campaign.account,
        exclude_ids=chosen.exclude_ids,
        audiences=chosen.audiences,
    )


def check_parts(
    *,
    message: str,
    list_ids: Iterable[int],
    account: str,
    exclude_ids: Iterable[int] = (),
    audiences: Iterable[str] = (),
) -> None:
    chosen = Selection(tuple(list_ids), tuple(exclude_ids), tuple(audiences))
    check_account(account)
    compiled = compiled_message(message)
    opt_out_links.check(compiled)
    site_audiences.check_names(chosen.audiences)
    if not chosen.list_ids and not chosen.audiences:
        raise CampaignError(_nobody_chosen(), "no_list")
    check_placeholders(compiled, chosen)


def _nobody_chosen() -> str:
    if conf.audiences():
        return _("Choose at least one contact list or audience.")
    return _("Choose at least one contact list.")


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


def check_placeholders(message: Message, chosen: Selection) -> None:
    """Every placeholder must be an attribute that somebody in the audience has."""
    if not set(message.names) - set(opt_out_links.NAMES):
        return
    known = known_attributes(chosen.list_ids, chosen.audiences)
    known += opt_out_links.NAMES
    if missing := unknown_names(message, known):
        missing = unknown_names(message, [*known, *all_attributes(chosen.list_ids)])
    if missing:
        text = _(
            "Nobody in the chosen lists has a value for {{ %(name)s }}. Correct the "
            "placeholder, or import that column."
        )
        raise CampaignError(text % {"name": missing[0]}, "unknown_placeholder")


def known_attributes(
    list_ids: Iterable[int], audiences: Iterable[str] = ()
) -> list[str]:
    """Names of placeholders that this audience has: of the latest thousand contacts, and of
    the first thousand people of each audience of the site."""
    sample = people_in(list_ids).order_by("-pk").values_list("attributes", flat=True)
    names = {normalise_name(key) for found in sample[:SAMPLE] for key in found or {}}
    for audience in audiences:
        names |= site_audiences.attribute_names(audience, SAMPLE)
    return [*BUILT_IN, *sorted(names - set(BUILT_IN))]


_KEYS: Final = {
    True: """
SELECT DISTINCT k FROM ({people}) AS p, jsonb_object_keys(
       CASE jsonb_typeof(p.attributes) WHEN 'object' THEN p.attributes ELSE '{{}}' END) AS k
""",
    False: "SELECT DISTINCT j.key FROM ({people}) AS p, json_each(p.attributes) AS j",
}
"""By: is it PostgreSQL?"""


def all_attributes(list_ids: Iterable[int]) -> set[str]:
    """Normalised names of the attributes of everybody in the lists: seconds for a million."""
    ids = list(list_ids)
    if not ids:
        return set()
    people, params = people_in(ids).values("attributes").query.sql_with_params()
    with connection().cursor() as cursor:
        cursor.execute(_KEYS[is_postgresql()].format(people=people), params)
        return {normalise_name(str(key)) for (key,) in cursor.fetchall()}
