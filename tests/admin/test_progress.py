"""The progress page and its feed: one source of words for both."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.utils import timezone, translation

from csms_campaigns.admin import figures, windows
from csms_campaigns.admin.journal import journal
from csms_campaigns.admin.promises import version
from csms_campaigns.admin.verbs import VERBS
from csms_campaigns.engine import lifecycle
from csms_campaigns.engine.progress import Progress
from csms_campaigns.engine.usage import WindowUse
from csms_campaigns.models import (
    Attempt,
    Batch,
    Campaign,
    ContactList,
    GatewayAccount,
)
from csms_campaigns.states import BatchStatus
from tests.admin import pages


def made(**changes: Any) -> Progress:
    found = {
        "status": "sending",
        "status_reason": "",
        "total": 1000,
        "pending": 250,
        "sent": 600,
        "failed": 30,
        "unknown": 20,
        "skipped": 100,
        "cancelled": 0,
        "batches": 9,
        "batches_done": 7,
        "remaining_credits": 12345,
        "rate_per_minute": 97.4,
        "eta_seconds": 150.0,
    }
    return Progress(**{**found, **changes})


def test_the_bar_is_as_long_as_everybody_together() -> None:
    pieces = figures.bar(made())
    assert [(p.name, p.start, p.width) for p in pieces] == [
        ("sent", "0.000", "60.000"),
        ("failed", "60.000", "3.000"),
        ("unknown", "63.000", "2.000"),
        ("skipped", "65.000", "10.000"),
        ("cancelled", "75.000", "0.000"),
    ]
    assert all(piece.width == "0.000" for piece in figures.bar(made(total=0)))


@pytest.mark.parametrize(
    ("changes", "percent"),
    [
        ({}, 72),
        ({"pending": 1, "sent": 849}, 99),
        ({"pending": 0, "sent": 850}, 100),
        ({"total": 0, "skipped": 0, "pending": 0}, 0),
    ],
)
def test_what_is_done_is_a_share_of_those_to_be_texted(
    changes: dict[str, int], percent: int
) -> None:
    assert figures.done_share(made(**changes)) == percent


def test_figures_in_words() -> None:
    texts = figures.in_words(made())
    assert texts["requests"] == "7 of 9"
    assert texts["pace"] == "97 a minute"
    assert texts["credits"] == "12,345"
    assert texts["ending"].startswith("about 3 minutes, until ")
    assert texts["summary"] == "Sending: 70 percent done."
    paused = figures.in_words(made(status="paused", remaining_credits=None))
    assert (paused["pace"], paused["ending"]) == ("–", "–")
    assert paused["credits"] == "not known yet"


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("limits", "Waiting until 2:20 p.m.: the limit of requests is used up."),
        ("hours", "Waiting until 2:20 p.m., when the hours begin"),
        (
            "unavailable",
            "The gateway says that it is unavailable. Waiting until 2:20 p.m.,",
        ),
    ],
)
def test_waiting_is_said_in_words(reason: str, words: str) -> None:
    today = timezone.localtime().replace(hour=14, minute=20)
    said = figures.in_words(made(waiting_until=today, waiting_for=reason))
    assert said["reason"].startswith(words)


def test_a_reason_goes_before_a_wait() -> None:
    until = timezone.now()
    paused = made(status="paused", status_reason="Why", waiting_until=until)
    assert figures.in_words(paused)["reason"] == "Why"
    assert figures.in_words(made())["reason"] == ""


def test_the_summary_for_screen_readers_changes_with_every_tenth_only() -> None:
    first, second = made(pending=250), made(pending=245, sent=605)
    assert figures.summary(first) == figures.summary(second)


def test_the_feed_speaks_the_language_of_the_reader(
    office: Client, sending: Campaign
) -> None:
    english = office.get(pages.of(sending, "progress_json"))
    arabic = office.get(
        pages.of(sending, "progress_json"), headers={"accept-language": "ar"}
    )
    assert "no-store" in english["Cache-Control"]
    assert english.json()["texts"]["state"] == "Sending"
    with translation.override("ar"):
        assert arabic.json()["texts"]["state"] == figures.in_words(made())["state"]
    assert arabic.json()["texts"]["state"] != "Sending"


def test_page_and_feed_show_the_same(office: Client, sending: Campaign) -> None:
    Batch.objects.filter(pk=Batch.objects.earliest("pk").pk).update(
        status=BatchStatus.DONE, sent_count=1, finished_at=timezone.now()
    )
    page = pages.text(office.get(pages.of(sending, "progress")))
    feed = office.get(pages.of(sending, "progress_json")).json()
    assert feed["figures"]["sent"] == 1
    assert feed["ended"] is False
    for name in ("sent", "pending", "requests", "done", "credits", "total"):
        assert f'data-figure="{name}">{feed["texts"][name]}</' in page


def test_each_count_leads_to_its_recipients(office: Client, sending: Campaign) -> None:
    page = pages.text(office.get(pages.of(sending, "progress")))
    for status in figures.ORDER:
        assert f"?campaign__id={sending.pk}&amp;status={status}" in page


def test_who_may_not_see_recipients_gets_no_links_to_them(
    browse: Callable[..., Client], onlooker: User, sending: Campaign
) -> None:
    onlooker.user_permissions.remove(
        onlooker.user_permissions.get(codename="view_sendresult")
    )
    page = pages.text(browse(onlooker).get(pages.of(sending, "progress")))
    assert "sendresult" not in page


def test_a_viewer_sees_figures_and_no_buttons(
    browse: Callable[..., Client], onlooker: User, sending: Campaign
) -> None:
    client = browse(onlooker)
    page = pages.text(client.get(pages.of(sending, "progress")))
    assert 'data-tool="pause"' not in page
    assert client.get(pages.of(sending, "progress_json")).status_code == 200


def test_who_may_not_view_campaigns_sees_no_figures(
    browse: Callable[..., Client], sending: Campaign
) -> None:
    stranger = User.objects.create_user("stranger", is_staff=True)
    for page in ("progress", "progress_json", "review"):
        assert browse(stranger).get(pages.of(sending, page)).status_code == 403


def test_the_reason_of_a_pause_stands_on_the_page_escaped(
    office: Client, sending: Campaign
) -> None:
    Campaign.objects.update(status="paused", status_reason="Gateway: <b>bad key</b>")
    page = pages.text(office.get(pages.of(sending, "progress")))
    assert "Gateway: &lt;b&gt;bad key&lt;/b&gt;" in page
    assert 'data-tool="resume"' in page


def test_an_ended_campaign_asks_no_more(office: Client, sending: Campaign) -> None:
    assert "live.js" in pages.text(office.get(pages.of(sending, "progress")))
    lifecycle.cancel(sending.pk)
    page = pages.text(office.get(pages.of(sending, "progress")))
    assert "live.js" not in page
    assert office.get(pages.of(sending, "progress_json")).json()["ended"] is True


def test_a_draft_has_no_progress(office: Client, draft: Campaign) -> None:
    answer = office.get(pages.of(draft, "progress"))
    assert answer["Location"] == pages.change(draft)


@pytest.mark.parametrize("page", ["progress", "progress_json", "course_json"])
def test_each_page_costs_few_queries(
    page: str,
    browse: Callable[..., Client],
    onlooker: User,
    sending: Campaign,
    django_assert_max_num_queries: Callable[..., Any],
) -> None:
    GatewayAccount.objects.get_or_create(alias="default")
    client = browse(onlooker)
    client.get(pages.of(sending, page))
    with django_assert_max_num_queries(15):
        client.get(pages.of(sending, page))


def test_the_limits_and_the_average_are_told_and_told_again(
    office: Client, sending: Campaign
) -> None:
    started = timezone.now() - timedelta(minutes=2)
    Campaign.objects.update(started_at=started)
    one, *_rest = Batch.objects.order_by("pk")
    Batch.objects.filter(pk=one.pk).update(
        status=BatchStatus.DONE, sent_count=1, finished_at=timezone.now()
    )
    account, _made = GatewayAccount.objects.get_or_create(alias="default")
    Attempt.objects.create(account=account, batch=one, cum=1, stamped_at=timezone.now())
    GatewayAccount.objects.update(cum=1)
    page = pages.text(office.get(pages.of(sending, "progress")))
    feed = office.get(pages.of(sending, "progress_json")).json()
    assert feed["texts"]["window_0"] == "1 of 100"
    assert feed["texts"]["window_2"] == "1 of 50,000"
    assert feed["bar"]["window_0"] == [0, "1.0"]
    assert feed["texts"]["average"] in {"0 a minute", "1 a minute"}
    assert 'data-figure="window_1">1 of 5,000<' in page
    for words in ("last minute", "last hour", "last day", "Pace on average"):
        assert words in page


def test_without_its_account_there_are_no_limits_to_show(
    office: Client, sending: Campaign, settings: Any
) -> None:
    settings.CSMS_CAMPAIGNS = {"ACCOUNTS": {"other": {"API_KEY": "k"}}}
    page = pages.text(office.get(pages.of(sending, "progress")))
    assert "window_0" not in page


def test_windows_of_any_length_have_words() -> None:
    uses = [WindowUse(6, 10, 5), WindowUse(7200, 100, 100), WindowUse(86400, 5, 0)]
    assert [(w.label, w.shown, w.width) for w in windows.in_words(uses)] == [
        ("Requests in the last 6 seconds", "5 of 10", "50.0"),
        ("Requests in the last 2 hours", "100 of 100", "100.0"),
        ("Requests in the last day", "0 of 5", "0.0"),
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (59.9, "less than a minute"),
        (66, "1 minute"),
        (100, "2 minutes"),
        (3 * 3600 + 50, "3 hours and 1 minute"),
        (86399, "1 day"),
    ],
)
def test_what_it_took_is_rounded_to_the_nearest_minute(
    seconds: float, words: str
) -> None:
    start = timezone.now()
    end = start + timedelta(seconds=seconds)
    campaign = Campaign(name="C", started_at=start, finished_at=end)
    assert figures.times(campaign)["took"] == words


def finish_one(sending: Campaign) -> None:
    one = Batch.objects.filter(campaign=sending).earliest("pk")
    account, _made = GatewayAccount.objects.get_or_create(alias="default")
    attempt = Attempt.objects.create(
        account=account,
        batch=one,
        cum=1,
        stamped_at=timezone.now(),
        outcome="answered",
        remaining_credits=54321,
    )
    Batch.objects.filter(pk=one.pk).update(
        status=BatchStatus.DONE,
        sent_count=1,
        finished_at=timezone.now(),
        attempt=attempt,
    )


def test_the_plots_have_the_same_in_words(office: Client, sending: Campaign) -> None:
    finish_one(sending)
    found = office.get(pages.of(sending, "course_json")).json()
    assert found["zone"] == "America/Chicago"
    assert found["credits"]["y"] == [[54321]]
    assert found["credits"]["rows"][0][1] == "54,321"
    for plot in (found["pace"], found["credits"]):
        assert len(plot["x"]) == len(plot["rows"]) == len(plot["y"][0])
        assert len(plot["labels"]) == len(plot["rows"][0]) == len(plot["y"]) + 1


def test_without_javascript_a_link_shows_the_tables(
    office: Client, sending: Campaign
) -> None:
    finish_one(sending)
    page = pages.text(office.get(pages.of(sending, "progress")))
    assert 'href="?tables=1"' in page
    assert "54,321" not in page
    tables = pages.text(office.get(pages.of(sending, "progress") + "?tables=1"))
    assert "<bdi>54,321</bdi>" in tables
    assert 'href="?tables=1"' not in tables


def test_the_feed_brings_what_needs_a_person(office: Client, sending: Campaign) -> None:
    assert (
        office.get(pages.of(sending, "progress_json")).json()["parts"]["family"] == ""
    )
    one = Batch.objects.earliest("pk")
    Batch.objects.filter(pk=one.pk).update(
        status=BatchStatus.UNKNOWN, unknown_count=1, finished_at=timezone.now()
    )
    part = office.get(pages.of(sending, "progress_json")).json()["parts"]["family"]
    assert 'data-count="undecided">1<' in part
    assert pages.of(sending, "unknown") in part
    assert part in pages.text(office.get(pages.of(sending, "progress")))


# History


def test_who_did_what_stands_there_the_latest_first(
    office: Client, ready: Campaign
) -> None:
    version = office.post(pages.of(ready, "launch")).context["version"]
    office.post(pages.of(ready, "launch"), {"confirmed": version})
    office.post(pages.of(ready, "pause"))
    found = [(entry.who, entry.what) for entry in journal(ready)]
    assert found == [
        ("boss", "Paused. Requests that are under way are still answered."),
        ("boss", "Launched."),
    ]
    page = pages.text(office.get(pages.of(ready, "progress")))
    said = page[page.index("csms-journal") :]
    assert said.index("Paused. Requests") < said.index("Launched.")
    assert pages.of(ready, "history") in page


def test_an_export_from_the_page_is_remembered(
    office: Client,
    browse: Callable[..., Client],
    onlooker: User,
    sending: Campaign,
) -> None:
    page = pages.text(office.get(pages.of(sending, "progress")))
    assert 'data-tool="export"' in page
    (url,) = re.findall(r'action="([^"]*export[^"]*)"', page)
    answer: Any = office.post(url, {"format": "csv"})
    rows = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert len(rows) == 1 + 5
    assert journal(sending)[0].what.startswith("Exported recipients: CSV")
    assert 'data-tool="export"' not in pages.text(
        browse(onlooker).get(pages.of(sending, "progress"))
    )


def test_the_history_is_read_in_the_readers_language(
    office: Client, sending: Campaign
) -> None:
    office.post(pages.of(sending, "cancel"), {"confirmed": version(sending)})
    with translation.override("ar"):
        (entry,) = journal(sending)
        assert entry.what == str(VERBS["cancel"].log) != "Cancelled."


def test_a_number_that_was_searched_for_does_not_stay_in_the_history(
    office: Client, sending: Campaign
) -> None:
    page = pages.text(office.get(pages.of(sending, "progress")))
    (url,) = re.findall(r'action="([^"]*export[^"]*)"', page)
    url = url.replace("&amp;", "&") + "&q=%2B12120001234&status=sent"
    b"".join(cast("Any", office.post(url, {"format": "csv"})).streaming_content)
    said = journal(sending)[0].what
    assert "12120001234" not in said
    assert "q=+1212•••1234, status=sent" in said


def test_the_history_is_that_of_this_campaign_alone(
    boss: User, sending: Campaign, everyone: ContactList
) -> None:
    def log(row: Any, flag: int, words: Any = "") -> None:
        LogEntry.objects.create(
            user=boss,
            content_type=ContentType.objects.get_for_model(row),
            object_id=row.pk,
            object_repr=str(row),
            action_flag=flag,
            change_message=words,
        )

    log(everyone, CHANGE, "A list with the same number")
    log(sending, ADDITION, '[{"added": {}}]')
    log(sending, CHANGE, '[{"changed": {"fields": ["Message"]}}]')
    log(sending, CHANGE)
    words = [entry.what for entry in journal(sending)]
    assert words == ["Changed.", "Changed Message.", "Added."]
    for number in range(20):
        log(sending, CHANGE, f"{number}")
    assert [entry.what for entry in journal(sending)][:2] == ["19", "18"]
    assert len(journal(sending)) == 8
