"""The time zone of a number, and who shares a request where each has hours of their own."""

from __future__ import annotations

import sys
from datetime import time
from zoneinfo import available_timezones

import pytest
from phonenumbers.tzdata import TIMEZONE_DATA

from csms_campaigns.engine import audience, zones
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.zones import zone_of
from csms_campaigns.models import Batch, Campaign, Contact
from tests import factories
from tests.engine.frozen import check_frozen


@pytest.mark.once
@pytest.mark.parametrize(
    ("phone", "zone"),
    [
        ("+12125551234", "America/New_York"),
        ("+13125551234", "America/Chicago"),
        ("+14155551234", "America/Los_Angeles"),
        ("+18085551234", "Pacific/Honolulu"),
        ("+14165551234", "America/Toronto"),
        ("+18765551234", "America/Jamaica"),
        ("+966501234567", "Asia/Riyadh"),
        ("+971501234567", "Asia/Dubai"),
        ("+201001234567", "Africa/Cairo"),
        ("+919876543210", "Asia/Kolkata"),
        ("+541145678901", "America/Argentina/Buenos_Aires"),
    ],
)
def test_the_zone_of_a_number(phone: str, zone: str) -> None:
    assert zone_of(phone) == zone


@pytest.mark.once
@pytest.mark.parametrize(
    ("phone", "zone"),
    [
        ("+79161234567", "Europe/Moscow"),
        ("+77011234567", "Asia/Almaty"),
        ("+61412345678", "Australia/Sydney"),
        ("+34612345678", "Europe/Madrid"),
        ("+447911123456", "Europe/London"),
        ("+18005551234", "America/Chicago"),
    ],
)
def test_where_the_country_alone_is_known_it_is_where_most_people_live(
    phone: str, zone: str
) -> None:
    assert zone_of(phone) == zone


@pytest.mark.once
@pytest.mark.parametrize("phone", ["+870123456789", "+999", "+", ""])
def test_a_number_of_no_country_has_no_zone(phone: str) -> None:
    assert zone_of(phone) == ""


@pytest.mark.once
def test_every_zone_of_the_data_is_one_that_exists() -> None:
    found = {zone_of(f"+{prefix}") for prefix in TIMEZONE_DATA}
    assert found <= available_timezones()
    assert len(found) > 200


@pytest.mark.once
def test_of_two_neighbours_the_answer_is_one_of_them_and_always_the_same() -> None:
    candidates = TIMEZONE_DATA["12082"]
    assert len(candidates) == 2
    answers = {zone_of("+12082000000") for _ in range(3)}
    assert len(answers) == 1
    assert answers <= set(candidates)


def mixed(**options: object) -> Campaign:
    """Three of New York and two of Riyadh."""
    chosen = factories.people(3, city="Jeddah")
    for index in range(2):
        person = Contact.objects.create(phone=f"+96650123456{index}", name="Saudi")
        person.lists.add(chosen)
    campaign = factories.draft(lists=[chosen])
    Campaign.objects.filter(pk=campaign.pk).update(**options)
    return campaign


HOURS = {"send_from": time(9), "send_until": time(21)}


def reviewed(campaign: Campaign) -> list[tuple[str, int]]:
    audience.review(campaign.pk)
    check_frozen(campaign)
    campaign.refresh_from_db()
    return list(Batch.objects.order_by("number").values_list("time_zone", "size"))


@pytest.mark.django_db
def test_people_of_two_zones_do_not_share_a_request() -> None:
    campaign = mixed(in_recipients_zone=True, **HOURS)
    assert reviewed(campaign) == [("America/New_York", 3), ("Asia/Riyadh", 2)]
    assert campaign.zones == ["America/New_York", "Asia/Riyadh"]


@pytest.mark.django_db
@pytest.mark.parametrize("options", [HOURS, {"in_recipients_zone": True}])
def test_without_hours_of_their_own_they_do(options: dict[str, object]) -> None:
    campaign = mixed(**options)
    assert reviewed(campaign) == [("", 5)]
    assert campaign.zones == [""]


@pytest.mark.django_db
def test_a_campaign_that_becomes_a_draft_again_has_no_zones() -> None:
    campaign = mixed(in_recipients_zone=True, **HOURS)
    reviewed(campaign)
    audience.lifecycle.edited(campaign.pk)
    campaign.refresh_from_db()
    assert campaign.zones == []


@pytest.mark.django_db
def test_without_the_data_the_review_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = mixed(in_recipients_zone=True, **HOURS)
    monkeypatch.setitem(sys.modules, "phonenumbers.tzdata", None)
    assert not zones.is_available()
    with pytest.raises(CampaignError, match=r"\[zones\]") as refused:
        audience.review(campaign.pk)
    assert refused.value.code == "no_zone_data"
    campaign.refresh_from_db()
    assert campaign.status == "draft"
