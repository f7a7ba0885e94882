"""Quiet hours: on the compose form, and on a page of their own once it was launched."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from csms_campaigns.admin.hours_form import DaysField, presets
from csms_campaigns.admin.hours_words import hours_in_words
from csms_campaigns.models import Campaign, ContactList
from csms_campaigns.states import CampaignStatus
from tests.admin import pages


def compose(client: Client, campaign: Campaign, **data: Any) -> Any:
    found = {
        "name": campaign.name,
        "account": campaign.account,
        "lists": [one.pk for one in campaign.lists.all()],
        "message": campaign.message,
        "_continue": "",
        **data,
    }
    answer = client.post(pages.change(campaign), found)
    campaign.refresh_from_db()
    return answer


def saved(campaign: Campaign) -> tuple[Any, ...]:
    campaign.refresh_from_db()
    return (campaign.send_from, campaign.send_until, campaign.send_days)


def errors(answer: Any) -> dict[str, list[str]]:
    return dict(answer.context["adminform"].form.errors)


def test_hours_are_saved_and_need_no_new_review(
    office: Client, ready: Campaign
) -> None:
    compose(
        office,
        ready,
        send_from="09:00",
        send_until="21:00",
        send_days=["6", "0"],
        time_zone="Asia/Riyadh",
    )
    assert saved(ready) == (time(9), time(21), "06")
    assert (ready.time_zone, ready.status) == ("Asia/Riyadh", CampaignStatus.READY)
    assert ready.changed_by is None


def test_hours_of_each_recipient_take_it_back_to_a_draft(
    office: Client, ready: Campaign
) -> None:
    compose(office, ready, send_from="09:00", in_recipients_zone="on")
    assert ready.in_recipients_zone
    assert ready.status == CampaignStatus.DRAFT


def test_a_preset_is_saved_without_javascript(office: Client, ready: Campaign) -> None:
    chosen = presets()[1][0]
    compose(office, ready, hours_preset=chosen, send_from="", send_until="11:00")
    assert saved(ready) == (time(9), time(18), "01236")
    compose(office, ready, hours_preset="||", send_from="09:00", send_until="18:00")
    assert saved(ready) == (None, None, "")


def test_presets_of_the_site(settings: Any) -> None:
    changed = {**settings.CSMS_CAMPAIGNS}
    settings.CSMS_CAMPAIGNS = changed
    changed["QUIET_HOURS_PRESETS"] = {"Office": ("08:00", "16:00", "60123")}
    assert presets() == [("08:00|16:00|60123", "Office")]
    changed["QUIET_HOURS_PRESETS"] = {}
    assert presets() == []


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"send_from": "9 o'clock"}, "send_from"),
        ({"send_from": "09:00", "send_until": "09:00"}, "send_until"),
        ({"send_days": ["7"]}, "send_days"),
        ({"time_zone": "Mars/Phobos"}, "time_zone"),
        ({"hours_preset": "09:00"}, "hours_preset"),
    ],
)
def test_what_is_no_hours(
    office: Client, draft: Campaign, data: dict[str, Any], field: str
) -> None:
    assert list(errors(compose(office, draft, **data))) == [field]


def test_without_the_data_the_zone_of_each_number_is_refused(
    office: Client, draft: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "csms_campaigns.admin.hours_form.zones.is_available", lambda: False
    )
    answer = compose(office, draft, in_recipients_zone="on")
    (sentence,) = errors(answer)["in_recipients_zone"]
    assert "“zones”" in sentence


def test_a_week_begins_as_the_language_has_it(settings: Any) -> None:
    settings.FORMAT_MODULE_PATH = None
    values = [value for value, _label in DaysField().choices]
    assert sorted(values) == list("0123456")
    assert DaysField().clean(list("0123456")) == ""
    assert DaysField().clean(["6", "0"]) == "06"


# In words


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        ({}, ""),
        (
            {"send_from": time(9), "send_until": time(21)},
            "from 9 a.m. to 9 p.m., every day (UTC)",
        ),
        (
            {"send_until": time(12), "send_days": "01"},
            "until noon, Mon, Tue (UTC)",
        ),
        (
            {"send_from": time(9), "in_recipients_zone": True},
            "from 9 a.m., every day (in the time zone of each number)",
        ),
    ],
)
def test_hours_in_words(hours: dict[str, Any], said: str) -> None:
    assert hours_in_words(Campaign(**{"time_zone": "UTC", **hours})) == said


# After the launch


def change(client: Client, campaign: Campaign, **data: Any) -> Any:
    return client.post(pages.of(campaign, "hours"), data, follow=True)


@pytest.mark.parametrize("state", ["scheduled", "sending", "paused"])
def test_they_may_be_changed_until_it_ends(
    office: Client, sending: Campaign, state: str
) -> None:
    Campaign.objects.update(status=state, send_at=sending.started_at)
    page = pages.text(office.get(pages.of(sending, "hours")))
    assert 'name="send_from"' in page
    answer = change(office, sending, send_from="10:00", send_days=["0", "1"])
    assert saved(sending) == (time(10), None, "01")
    assert pages.said(answer) == [
        "Hours in which it is sent: from 10 a.m., Mon, Tue (America/Chicago)."
    ]
    assert sending.status == state


def test_the_engines_columns_are_left_alone(office: Client, sending: Campaign) -> None:
    before = Campaign.objects.values().get(pk=sending.pk)
    change(office, sending, send_from="10:00", in_recipients_zone="on", name="Other")
    after = Campaign.objects.values().get(pk=sending.pk)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"send_from"}


@pytest.mark.parametrize("state", ["draft", "ready", "finished", "cancelled"])
def test_else_the_page_leads_away(
    office: Client, sending: Campaign, state: str
) -> None:
    Campaign.objects.update(status=state, finished_at=sending.started_at)
    assert office.get(pages.of(sending, "hours")).status_code == 302
    change(office, sending, send_from="10:00")
    assert saved(sending)[0] is None


def test_who_may_not_launch_may_not_change_them(
    browse: Callable[..., Client], composer: User, sending: Campaign
) -> None:
    client = browse(composer)
    assert client.get(pages.of(sending, "hours")).status_code == 403
    assert (
        client.post(pages.of(sending, "hours"), {"send_from": "10:00"}).status_code
        == 403
    )
    assert saved(sending)[0] is None


def test_a_viewer_reads_the_hours(
    browse: Callable[..., Client],
    onlooker: User,
    ready: Campaign,
    everyone: ContactList,
) -> None:
    client = browse(onlooker)
    assert "at any time" in pages.text(client.get(pages.change(ready)))
    Campaign.objects.update(send_from=time(9), time_zone="UTC")
    assert "from 9 a.m., every day (UTC)" in pages.text(client.get(pages.change(ready)))
