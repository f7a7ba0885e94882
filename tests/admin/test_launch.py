"""The buttons of a campaign: who may press them, what they say, and what they leave behind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from csms_campaigns.admin.promises import version
from csms_campaigns.engine import lifecycle
from csms_campaigns.models import Campaign
from csms_campaigns.states import CampaignStatus
from tests.admin import pages

POSTS = ["launch", "schedule", "unschedule", "pause", "resume", "cancel"]


def press(client: Client, campaign: Campaign, name: str, **data: Any) -> Any:
    return client.post(pages.of(campaign, name), data, follow=True)


def confirm(client: Client, campaign: Campaign, name: str) -> Any:
    campaign.refresh_from_db()
    return press(client, campaign, name, confirmed=version(campaign))


def status(campaign: Campaign) -> str:
    campaign.refresh_from_db()
    return campaign.status


@pytest.mark.parametrize("name", POSTS)
def test_buttons_answer_to_post_only(
    office: Client, ready: Campaign, name: str
) -> None:
    answer = office.get(pages.of(ready, name))
    assert answer.status_code == 405
    assert answer["Allow"] == "POST"
    assert status(ready) == CampaignStatus.READY


@pytest.mark.parametrize("name", [*POSTS, "review"])
def test_a_viewer_is_refused(
    browse: Callable[..., Client], onlooker: User, ready: Campaign, name: str
) -> None:
    data = {"confirmed": version(ready)}
    assert browse(onlooker).post(pages.of(ready, name), data).status_code == 403
    assert status(ready) == CampaignStatus.READY


@pytest.mark.parametrize("name", [*POSTS, "review", "progress", "progress_json"])
def test_a_stranger_is_sent_to_the_login(
    browse: Callable[..., Client], ready: Campaign, name: str
) -> None:
    answer = browse().post(pages.of(ready, name))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("name", [*POSTS, "review"])
def test_a_campaign_that_is_not_there(
    office: Client, ready: Campaign, name: str
) -> None:
    ready.pk += 999
    assert office.post(pages.of(ready, name)).status_code in {302, 404}


def test_launching_asks_first_and_repeats_the_promise(
    office: Client, ready: Campaign
) -> None:
    asked = press(office, ready, "launch")
    page = pages.text(asked)
    assert "Launch this campaign now?" in page
    assert "<dt>Recipients</dt><dd><bdi>4</bdi></dd>" in page
    assert "Opted out" in page
    assert status(ready) == CampaignStatus.READY


def test_a_confirmed_launch_is_logged_with_its_user(
    office: Client, boss: User, ready: Campaign
) -> None:
    answer = confirm(office, ready, "launch")
    assert pages.said(answer) == ["Launched."]
    assert answer.redirect_chain[-1][0] == pages.of(ready, "progress")
    assert status(ready) == CampaignStatus.SENDING
    assert ready.launched_by == boss
    entry = LogEntry.objects.get()
    assert (entry.user, entry.get_change_message()) == (boss, "Launched.")


def test_of_two_who_launch_one_wins_and_the_other_is_told(
    office: Client, ready: Campaign
) -> None:
    seen = version(ready)
    press(office, ready, "launch", confirmed=seen)
    second = press(office, ready, "launch", confirmed=seen)
    assert pages.said(second) == ["It is already being sent."]
    assert LogEntry.objects.count() == 1


def test_nobody_launches_what_they_have_not_seen(
    office: Client, ready: Campaign
) -> None:
    answer = press(office, ready, "launch", confirmed="1-1")
    assert pages.said(answer) == [
        "The campaign has changed since you looked. Read the numbers again."
    ]
    assert "Launch this campaign now?" in pages.text(answer)
    assert status(ready) == CampaignStatus.READY


def test_launching_a_draft_is_refused_in_one_sentence(
    office: Client, draft: Campaign
) -> None:
    answer = press(office, draft, "launch")
    assert pages.said(answer) == ["It is a draft: review it first."]
    assert not LogEntry.objects.exists()


def test_launching_for_an_account_that_left_the_settings(
    office: Client, ready: Campaign
) -> None:
    Campaign.objects.update(account="gone")
    answer = confirm(office, ready, "launch")
    assert any("“gone”" in sentence for sentence in pages.said(answer))
    assert status(ready) == CampaignStatus.READY


def test_scheduling_and_taking_it_back(office: Client, ready: Campaign) -> None:
    at = timezone.localtime() + timedelta(days=1)
    typed = {"at": at.strftime("%Y-%m-%dT%H:%M")}
    asked = press(office, ready, "schedule", **typed)
    assert "Launch this campaign at that time?" in pages.text(asked)
    assert status(ready) == CampaignStatus.READY
    answer = press(office, ready, "schedule", **typed, confirmed=version(ready))
    assert status(ready) == CampaignStatus.SCHEDULED
    assert ready.send_at == at.replace(second=0, microsecond=0)
    assert timezone.get_current_timezone_name() in pages.said(answer)[0]
    assert "Will be launched:" in pages.text(answer)
    answer = press(office, ready, "unschedule")
    assert pages.said(answer) == ["The schedule is taken back."]
    assert status(ready) == CampaignStatus.READY
    assert LogEntry.objects.count() == 2


@pytest.mark.parametrize(
    ("at", "sentence"),
    [
        ("", "Choose the day and the time."),
        ("tomorrow", "Choose a day and a time, such as 2030-01-31 14:30."),
        (
            "2001-01-31T14:30",
            "This time has passed. Choose a later one, or launch now.",
        ),
    ],
)
def test_a_time_that_is_none_is_refused(
    office: Client, ready: Campaign, at: str, sentence: str
) -> None:
    assert pages.said(press(office, ready, "schedule", at=at)) == [sentence]
    assert status(ready) == CampaignStatus.READY


def test_pause_resume_and_cancel(office: Client, boss: User, sending: Campaign) -> None:
    press(office, sending, "pause")
    assert status(sending) == CampaignStatus.PAUSED
    press(office, sending, "resume")
    assert status(sending) == CampaignStatus.SENDING
    asked = press(office, sending, "cancel")
    assert "Cancel this campaign?" in pages.text(asked)
    assert status(sending) == CampaignStatus.SENDING
    answer = confirm(office, sending, "cancel")
    assert pages.said(answer) == ["Cancelled."]
    assert status(sending) == CampaignStatus.CANCELLED
    assert [entry.user for entry in LogEntry.objects.all()] == [boss] * 3
    figures = office.get(pages.of(sending, "progress_json")).json()["figures"]
    assert (figures["cancelled"], figures["skipped"]) == (4, 1)


def test_what_cannot_be_paused_says_why(office: Client, ready: Campaign) -> None:
    answer = press(office, ready, "pause")
    assert pages.said(answer) == ["It is ready, but not launched."]


def test_an_ended_campaign_cannot_be_cancelled(
    office: Client, sending: Campaign
) -> None:
    lifecycle.cancel(sending.pk)
    answer = press(office, sending, "cancel")
    assert pages.said(answer) == ["It was cancelled."]


def test_a_review_can_be_begun_again(office: Client, ready: Campaign) -> None:
    answer = press(office, ready, "review")
    assert status(ready) == CampaignStatus.PREPARING
    assert "Preparing…" in pages.text(answer)
    again = press(office, ready, "review")
    assert pages.said(again) == ["It is being prepared: wait until it is ready."]


BUTTONS = {
    CampaignStatus.DRAFT: {
        "copy",
        "archive",
    },  # the form's own button saves and reviews
    CampaignStatus.PREPARING: {"promise", "cancel", "copy"},
    CampaignStatus.READY: {"launch", "promise", "recipients", "copy"},
    CampaignStatus.SCHEDULED: {
        *("promise", "recipients", "unschedule", "cancel", "copy", "test", "hours"),
    },
    CampaignStatus.SENDING: {
        *("pause", "progress", "recipients", "cancel", "copy", "hours"),
    },
    CampaignStatus.PAUSED: {
        *("resume", "progress", "recipients", "cancel", "copy", "hours"),
    },
    CampaignStatus.FINISHED: {"progress", "recipients", "copy", "archive"},
    CampaignStatus.CANCELLED: {"progress", "recipients", "copy", "archive"},
}
READING = {"promise", "progress", "recipients"}


@pytest.mark.parametrize("state", list(CampaignStatus))
def test_each_state_offers_its_buttons_to_those_who_may(
    office: Client,
    browse: Callable[..., Client],
    onlooker: User,
    ready: Campaign,
    state: CampaignStatus,
) -> None:
    now = timezone.now()
    Campaign.objects.update(status=state, send_at=now, started_at=now, finished_at=now)
    assert tools_on(office, ready) == BUTTONS[state]
    assert tools_on(browse(onlooker), ready) == BUTTONS[state] & READING


def tools_on(client: Client, campaign: Campaign) -> set[str]:
    page = client.get(pages.change(campaign))
    return {tool.name for tool in page.context["csms_tools"]}
