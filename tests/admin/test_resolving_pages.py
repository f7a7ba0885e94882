"""Deciding about unknown recipients, retrying the failed, and the family on the page."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from csms_campaigns.engine import audience, follow_ups
from csms_campaigns.models import Batch, Campaign, SendResult
from csms_campaigns.states import CampaignStatus
from tests.admin import pages
from tests.admin.conftest import VIEW, make_staff
from tests.engine.families import decision, finished, places, result, run
from tests.engine.scenes import UNLIMITED

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _unlimited(configure: Any) -> None:
    configure(**UNLIMITED, BATCH_SIZE=5)


@pytest.fixture
def resolver(db: None) -> User:
    return make_staff("resolver", *VIEW, "resolve_campaign")


@pytest.fixture
def desk(resolver: User, browse: Callable[..., Client]) -> Client:
    return browse(resolver)


@pytest.fixture
def parent() -> Campaign:
    return finished(20, failed=[1, 8], invalid=[9], silent=[3, 6, 12])


def batch_of(campaign: Campaign, index: int) -> int:
    return result(campaign, index).batch_id or 0


def post(client: Client, campaign: Campaign, page: str, **data: Any) -> Any:
    return client.post(pages.of(campaign, page), data, follow=True)


def confirmed(client: Client, campaign: Campaign, **data: Any) -> Any:
    asked = post(client, campaign, "unknown", **data)
    version = re.search(r'name="confirmed" value="(\d+)"', pages.text(asked))
    assert version, pages.text(asked)
    return post(client, campaign, "unknown", confirmed=version[1], **data)


# Unknown


def test_the_page_shows_each_batch_and_what_is_known(
    desk: Client, parent: Campaign
) -> None:
    answer = desk.get(pages.of(parent, "unknown"))
    page = pages.text(answer)
    assert [row["people"] for row in answer.context["batches"]] == ["1", "1", "1"]
    assert page.count("The gateway&#x27;s answer left them out.") == 3
    assert "Unclear:" in page
    assert '<bdi data-count="undecided">3</bdi>' in page


@pytest.mark.parametrize("decided", ["sent", "failed"])
def test_chosen_batches_are_decided_about_after_a_question(
    desk: Client, resolver: User, parent: Campaign, decided: str
) -> None:
    chosen = {"batch": [batch_of(parent, 3), batch_of(parent, 12)], "decision": decided}
    asked = post(desk, parent, "unknown", **chosen)
    assert '<bdi data-count="people">2</bdi>' in pages.text(asked)
    assert decision(parent, 3) == ""
    answer = confirmed(desk, parent, **chosen)
    label = {"sent": "Treat as sent", "failed": "Treat as failed"}[decided]
    assert pages.said(answer) == [f"{label}: 2 unknown recipients."]
    assert {i: decision(parent, i) for i in (3, 6, 12)} == {
        3: decided,
        6: "",
        12: decided,
    }
    assert result(parent, 3).resolved_by == resolver
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id) == (resolver, str(parent.pk))
    assert entry.get_change_message() == f"{label}: 2 unknown recipients."
    assert len(answer.context["batches"]) == 1


def test_all_of_them(desk: Client, parent: Campaign) -> None:
    confirmed(desk, parent, all="1", decision="sent")
    assert {decision(parent, i) for i in (3, 6, 12)} == {"sent"}
    answer = desk.get(pages.of(parent, "unknown"))
    assert '<bdi data-count="sent">3</bdi>' in pages.text(answer)
    assert "decide-sent" not in pages.text(answer)


def test_send_again_makes_a_follow_up_to_be_reviewed(
    desk: Client, resolver: User, parent: Campaign
) -> None:
    answer = confirmed(desk, parent, batch=[batch_of(parent, 6)], decision="resend")
    follow_up = Campaign.objects.get(parent=parent)
    assert answer.redirect_chain[-1][0] == pages.of(follow_up, "review")
    assert (follow_up.status, follow_up.created_by) == ("preparing", resolver)
    entries = {(e.object_id, e.user) for e in LogEntry.objects.all()}
    assert entries == {(str(parent.pk), resolver), (str(follow_up.pk), resolver)}
    audience.prepare_once(follow_up.pk, str(follow_up.prepare_token))
    assert places(follow_up) == [6]
    review = desk.get(pages.of(follow_up, "review"))
    assert "<dt>Recipients</dt>" in pages.text(review)


def test_nobody_decides_about_more_than_they_have_seen(
    desk: Client, parent: Campaign
) -> None:
    answer = post(desk, parent, "unknown", all="1", decision="sent", confirmed="2")
    assert pages.said(answer) == [
        "The campaign has changed since you looked. Read the numbers again."
    ]
    assert decision(parent, 3) == ""


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"decision": "sent"},
        {"batch": ["1"]},
        {"all": "1", "decision": "lost"},
    ],
)
def test_what_is_no_decision(desk: Client, parent: Campaign, data: Any) -> None:
    answer = post(desk, parent, "unknown", **data)
    assert pages.said(answer) == [
        "Choose batches, or all of them, and what shall become of them."
    ]
    assert not SendResult.objects.exclude(resolution="").exists()


@pytest.mark.parametrize("batch", ["", "x", "-1", "9" * 30])
def test_a_batch_that_is_none_is_nobody(
    desk: Client, parent: Campaign, batch: str
) -> None:
    confirmed(desk, parent, batch=[batch], decision="sent")
    assert not SendResult.objects.exclude(resolution="").exists()


def test_two_who_decide_the_same(desk: Client, parent: Campaign) -> None:
    confirmed(desk, parent, all="1", decision="sent")
    answer = post(desk, parent, "unknown", all="1", decision="resend", confirmed="0")
    assert pages.said(answer) == ["Nobody here is unknown, without a decision."]
    assert Campaign.objects.count() == 1


def test_many_batches_are_shown_in_parts(desk: Client, configure: Any) -> None:
    configure(BATCH_SIZE=2)
    parent = finished(60, silent=range(1, 60, 2))
    answer = desk.get(pages.of(parent, "unknown"))
    assert len(answer.context["batches"]) == 25
    more = desk.get(
        f"{pages.of(parent, 'unknown')}?after={answer.context['next_after']}"
    )
    assert len(more.context["batches"]) == 5
    assert more.context["next_after"] is None


# Failed


def test_causes_with_their_counts_and_permanent_ones_unticked(
    desk: Client, parent: Campaign
) -> None:
    page = pages.text(desk.get(pages.of(parent, "retry")))
    ticked = dict(re.findall(r'name="cause" value="(\w+)" id="[^"]+"( checked)?', page))
    assert ticked == {"CARRIER_BUSY": " checked", "INVALID_NUMBER": ""}
    assert "Permanent: it would fail again." in page


def test_retry_makes_a_follow_up_of_the_ticked_causes(
    desk: Client, parent: Campaign
) -> None:
    answer = post(desk, parent, "retry", cause=["INVALID_NUMBER"])
    follow_up = Campaign.objects.get(parent=parent)
    assert answer.redirect_chain[-1][0] == pages.of(follow_up, "review")
    audience.prepare_once(follow_up.pk, str(follow_up.prepare_token))
    assert places(follow_up) == [9]
    page = pages.text(desk.get(pages.of(parent, "retry")))
    assert "INVALID_NUMBER" not in page


@pytest.mark.parametrize(
    ("cause", "sentence"),
    [
        ([], "Choose at least one cause."),
        (["NO_SUCH"], "Nobody failed for such a cause"),
    ],
)
def test_no_cause(
    desk: Client, parent: Campaign, cause: list[str], sentence: str
) -> None:
    answer = post(desk, parent, "retry", cause=cause)
    assert pages.said(answer)[0].startswith(sentence)
    assert Campaign.objects.count() == 1


def test_failures_without_a_code_are_named_by_their_words(
    desk: Client, parent: Campaign
) -> None:
    SendResult.objects.filter(error_code="CARRIER_BUSY").update(error_code="")
    assert 'value="The carrier is busy"' in pages.text(
        desk.get(pages.of(parent, "retry"))
    )
    post(desk, parent, "retry", cause=["The carrier is busy"])
    assert Campaign.objects.filter(parent=parent).exists()


def test_nobody_failed(desk: Client) -> None:
    page = pages.text(desk.get(pages.of(finished(5), "retry")))
    assert "Nobody failed who is not in a follow-up already." in page


# Who may


@pytest.mark.parametrize("page", ["unknown", "retry"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_only_who_may_resolve(
    browse: Callable[..., Client],
    onlooker: User,
    parent: Campaign,
    page: str,
    method: str,
) -> None:
    launcher = make_staff("launcher", *VIEW, "launch_campaign", "change_campaign")
    data = {"all": "1", "decision": "sent", "confirmed": "3", "cause": "CARRIER_BUSY"}
    for user in (onlooker, launcher):
        answer = getattr(browse(user), method)(pages.of(parent, page), data)
        assert answer.status_code == 403
    stranger = getattr(browse(), method)(pages.of(parent, page), data)
    assert stranger["Location"].startswith("/admin/login/")
    assert not SendResult.objects.exclude(resolution="").exists()


def test_the_buttons_are_for_those_who_may(
    browse: Callable[..., Client], onlooker: User, desk: Client, parent: Campaign
) -> None:
    seen = pages.text(desk.get(pages.of(parent, "progress")))
    assert 'data-tool="unknown"' in seen
    assert 'data-tool="retry"' in seen
    seen = pages.text(browse(onlooker).get(pages.of(parent, "progress")))
    assert 'data-tool="unknown"' not in seen
    assert '<bdi data-count="undecided">3</bdi>' in seen


# The family


def test_a_campaign_without_failures_says_nothing_of_them(office: Client) -> None:
    page = pages.text(office.get(pages.of(finished(5), "progress")))
    assert "csms-decisions" not in page
    assert "csms-family" not in page


def test_the_family_has_one_ledger(office: Client, parent: Campaign) -> None:
    follow_up = run(follow_ups.retry_failed(parent.pk))
    for member in (parent, follow_up):
        page = pages.text(office.get(pages.of(member, "progress")))
        final = dict(re.findall(r'data-final="(\w+)">([^<]+)<', page))
        assert final == {
            **dict.fromkeys(["skipped", "cancelled", "pending"], "0"),
            "audience": "20",
            "sent": "16",
            "failed": "1",
            "unknown": "3",
        }
        assert "Everybody is accounted for" in page
        other = follow_up if member is parent else parent
        assert pages.of(other, "progress") in page


def test_a_family_that_does_not_add_up_says_so(
    office: Client, parent: Campaign
) -> None:
    run(follow_ups.retry_failed(parent.pk))
    Campaign.objects.filter(pk=parent.pk).update(audience_count=21)
    page = pages.text(office.get(pages.of(parent, "progress")))
    assert "csms_campaign ledger" in page


def test_no_page_counts_recipients_of_a_campaign(
    office: Client, parent: Campaign
) -> None:
    run(follow_ups.retry_failed(parent.pk))
    for page in ("progress", "unknown"):
        with CaptureQueriesContext(connection) as queries:
            office.get(pages.of(parent, page))
        table = SendResult._meta.db_table
        assert not [q for q in queries.captured_queries if table in q["sql"]]


def test_a_follow_up_is_looked_at_and_not_edited(
    office: Client, parent: Campaign
) -> None:
    follow_up = follow_ups.retry_failed(parent.pk)
    page = office.get(pages.change(follow_up))
    assert page.status_code == 200
    assert 'name="message"' not in pages.text(page)
    office.post(pages.change(follow_up), {"name": "Other", "message": "Other"})
    follow_up.refresh_from_db()
    assert (follow_up.message, follow_up.status) == ("Hello", CampaignStatus.READY)


def test_deleting_a_follow_up_gives_its_people_back(
    office: Client, parent: Campaign
) -> None:
    follow_up = follow_ups.resend_unknown(parent.pk)
    office.post(pages.deletion(follow_up), {"post": "yes"})
    assert not Campaign.objects.filter(pk=follow_up.pk).exists()
    assert decision(parent, 3) == ""
    assert Batch.objects.filter(campaign=parent, resend_count__gt=0).count() == 0
