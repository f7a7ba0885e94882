"""The promise in words: why so many requests, credits beside others, when, and who may launch."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from csms_campaigns.admin.promises import version
from csms_campaigns.engine import audience, lifecycle
from csms_campaigns.models import Campaign, ContactList, GatewayAccount
from csms_campaigns.states import CampaignStatus
from tests.admin import pages
from tests.admin.conftest import make_staff


def words(client: Client, campaign: Campaign) -> str:
    """The review page as a person reads it."""
    page = pages.text(client.get(pages.of(campaign, "review")))
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))


def balance(credits: int) -> None:
    GatewayAccount.objects.update_or_create(
        alias="default", defaults={"remaining_credits": credits}
    )


def press(client: Client, campaign: Campaign, name: str, **data: Any) -> Any:
    return client.post(pages.of(campaign, name), data, follow=True)


def status(campaign: Campaign) -> str:
    campaign.refresh_from_db()
    return campaign.status


# Why so many requests


def test_it_says_the_whole_of_it_in_one_sentence(
    office: Client, ready: Campaign
) -> None:
    assert "4 people get a text, in 4 requests." in words(office, ready)


def test_people_and_requests_are_counted_each_for_itself(
    office: Client, everyone: ContactList
) -> None:
    alike = lifecycle.create(name="A", message="Hello", lists=[everyone])
    audience.review(alike.pk)
    assert "4 people get a text, in 1 request." in words(office, alike)


def test_what_the_name_costs(
    office: Client, everyone: ContactList, configure: Any
) -> None:
    configure(MIN_GAP=30)
    campaign = lifecycle.create(name="A", message="Dear {{ name }}", lists=[everyone])
    audience.review(campaign.pk)
    page = words(office, campaign)
    assert "4 different texts; who gets the same one shares a request." in page
    assert (
        "{{ name }} costs you 3 more requests and 2 minutes more: without it 1 would do."
        in page
    )


def test_one_text_for_all_costs_nothing(office: Client, everyone: ContactList) -> None:
    campaign = lifecycle.create(name="A", message="Hello", lists=[everyone])
    audience.review(campaign.pk)
    page = words(office, campaign)
    assert "Everybody gets the same text, so they share requests." in page
    assert "more requests" not in page


# Credits


def test_it_says_that_the_cost_is_unknown_yet(office: Client, ready: Campaign) -> None:
    assert "What a segment costs is unknown yet" in words(office, ready)


def test_what_is_promised_to_others_is_told(
    office: Client, ready: Campaign, everyone: ContactList
) -> None:
    balance(10)
    assert "promised to other" not in words(office, ready)
    other = lifecycle.create(name="Other", message="x" * 161, lists=[everyone])
    audience.review(other.pk)
    lifecycle.launch(other.pk)
    page = words(office, ready)
    assert "8 of them are promised to other campaigns, so 2 are free." in page
    assert "The credits will not suffice: 2 are missing" in page
    assert "Shares the account with campaigns that are being sent: Other" in page


def test_too_little_credit_asks_again(office: Client, ready: Campaign) -> None:
    balance(1)
    asked = press(office, ready, "launch")
    assert 'name="anyway"' in pages.text(asked)
    again = press(office, ready, "launch", confirmed=version(ready))
    assert pages.said(again) == [
        "The credits will not suffice. Tick the box to launch anyway."
    ]
    assert status(ready) == CampaignStatus.READY
    press(office, ready, "launch", confirmed=version(ready), anyway="on")
    assert status(ready) == CampaignStatus.SENDING


def test_enough_credit_asks_once(office: Client, ready: Campaign) -> None:
    balance(4)
    assert 'name="anyway"' not in pages.text(press(office, ready, "launch"))
    press(office, ready, "launch", confirmed=version(ready))
    assert status(ready) == CampaignStatus.SENDING


def test_a_balance_that_falls_in_between_asks_again(
    office: Client, ready: Campaign
) -> None:
    balance(4)
    press(office, ready, "launch")
    balance(3)
    press(office, ready, "launch", confirmed=version(ready))
    assert status(ready) == CampaignStatus.READY


# When


def tomorrow(clock: str = "09:30") -> str:
    return f"{(timezone.now() + timedelta(days=2)).date()}T{clock}"


def test_a_time_is_that_of_the_named_zone(office: Client, ready: Campaign) -> None:
    typed = {"at": tomorrow(), "zone": "Asia/Riyadh"}
    asked = press(office, ready, "schedule", **typed)
    assert "(Asia/Riyadh)" in pages.text(asked)
    assert f'name="at" value="{typed["at"]}"' in pages.text(asked)
    answer = press(office, ready, "schedule", **typed, confirmed=version(ready))
    assert status(ready) == CampaignStatus.SCHEDULED
    assert ready.send_at is not None
    assert ready.send_at.astimezone(UTC).time() == time(6, 30)
    assert "(Asia/Riyadh)" in pages.said(answer)[0]


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("2099-03-29T02:30", "does not exist in Europe/Berlin"),
        ("2099-10-25T02:30", "comes twice in Europe/Berlin"),
        ("9999-12-31T23:59", "too far away"),
    ],
)
def test_a_time_that_is_no_moment_is_refused(
    office: Client, ready: Campaign, at: str, said: str
) -> None:
    zone = "America/New_York" if said == "too far away" else "Europe/Berlin"
    answer = press(office, ready, "schedule", at=at, zone=zone)
    assert said in pages.said(answer)[0]
    assert status(ready) == CampaignStatus.READY


def test_a_zone_that_is_none_is_refused(office: Client, ready: Campaign) -> None:
    answer = press(office, ready, "schedule", at=tomorrow(), zone="Mars/Phobos")
    assert pages.said(answer) == ["Choose a time zone from the list."]


def test_pressed_twice_it_is_scheduled_once(office: Client, ready: Campaign) -> None:
    typed = {"at": tomorrow(), "zone": "UTC", "confirmed": version(ready)}
    press(office, ready, "schedule", **typed)
    second = press(office, ready, "schedule", **typed)
    assert pages.said(second) == ["It is already scheduled."]


def set_hours(campaign: Campaign, since: int, until: int) -> None:
    """Hours from now."""
    now = datetime.now(UTC)
    campaign.send_from = (now + timedelta(hours=since)).time().replace(microsecond=0)
    campaign.send_until = (now + timedelta(hours=until)).time().replace(microsecond=0)
    campaign.time_zone = "UTC"
    campaign.save()


def test_quiet_hours_are_part_of_the_promise(office: Client, ready: Campaign) -> None:
    assert "at the launch" in words(office, ready)
    set_hours(ready, 2, 4)
    page = words(office, ready)
    assert "every day (UTC)" in page
    assert "(UTC), when its hours begin" in page


def test_hours_that_change_in_between_are_read_again(
    office: Client, ready: Campaign
) -> None:
    seen = version(ready)
    set_hours(ready, 2, 4)
    answer = press(office, ready, "launch", confirmed=seen)
    assert "Read the numbers again." in pages.said(answer)[0]
    assert status(ready) == CampaignStatus.READY


# A second pair of eyes


@pytest.fixture
def pair(settings: Any, ready: Campaign, boss: User) -> Campaign:
    settings.CSMS_CAMPAIGNS = {**settings.CSMS_CAMPAIGNS, "SECOND_PAIR_OF_EYES": True}
    Campaign.objects.update(created_by=boss)
    ready.refresh_from_db()
    return ready


WROTE_IT = "You wrote this campaign: on this site somebody else must launch it."


@pytest.mark.parametrize("name", ["launch", "schedule"])
def test_who_wrote_it_is_told_before_and_after(
    office: Client, pair: Campaign, name: str
) -> None:
    page = pages.text(office.get(pages.of(pair, "review")))
    assert WROTE_IT in page
    assert 'data-tool="launch"' not in page
    data = {"at": tomorrow(), "zone": "UTC"}
    assert WROTE_IT in pages.said(press(office, pair, name, **data))
    confirmed = press(office, pair, name, **data, confirmed=version(pair))
    assert WROTE_IT in pages.said(confirmed)
    assert status(pair) == CampaignStatus.READY


def test_somebody_else_launches_it(
    browse: Callable[..., Client], pair: Campaign
) -> None:
    other = browse(make_staff("other", is_superuser=True))
    press(other, pair, "launch", confirmed=version(pair))
    assert status(pair) == CampaignStatus.SENDING


def test_who_changes_the_text_has_written_it(
    office: Client, browse: Callable[..., Client], pair: Campaign, everyone: ContactList
) -> None:
    editor = make_staff("editor", is_superuser=True)
    client = browse(editor)
    data = {
        "name": pair.name,
        "account": "default",
        "lists": [everyone.pk],
        "message": "Another text",
        "_continue": "",
    }
    assert client.post(pages.change(pair), data).status_code == 302
    pair.refresh_from_db()
    assert (pair.changed_by, pair.created_by.username) == (editor, "boss")  # type: ignore[union-attr]
    audience.review(pair.pk)
    pair.refresh_from_db()
    answer = press(client, pair, "launch", confirmed=version(pair))
    assert WROTE_IT in pages.said(answer)
