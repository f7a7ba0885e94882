"""The page of a test send: the form, who may, what it says of each number."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from csms_campaigns.models import Campaign, OptOut, SendResult
from csms_campaigns.states import CampaignKind, CampaignStatus
from tests.admin import pages
from tests.admin.conftest import phone
from tests.engine.scenes import UNLIMITED, refused, send

MINE = "+12125550101"


@pytest.fixture(autouse=True)
def _unlimited(configure: Any) -> None:
    configure(**UNLIMITED)


def trials_of(campaign: Campaign) -> list[Campaign]:
    return list(Campaign.objects.filter(kind=CampaignKind.TEST, test_of=campaign))


def try_it(client: Client, campaign: Campaign, numbers: str = MINE, **data: Any) -> Any:
    found = {"numbers": numbers, "like": "", "form_key": str(uuid.uuid4()), **data}
    return client.post(pages.of(campaign, "test"), found, follow=True)


def feed(client: Client, campaign: Campaign) -> Any:
    return client.get(pages.of(campaign, "test_json")).json()


def test_the_page_shows_how_it_reads(office: Client, draft: Campaign) -> None:
    page = pages.text(office.get(pages.of(draft, "test")))
    assert "Hello Person 1" in page
    assert "1 segment · GSM-7" in page
    assert "The latest test" not in page


def test_it_is_sent_and_the_page_says_what_happened(
    office: Client, boss: User, draft: Campaign
) -> None:
    answer = try_it(office, draft, f"(212) 555-0101\n00966501234567،{MINE}")
    assert answer.redirect_chain[-1][0] == pages.of(draft, "test")
    (made,) = trials_of(draft)
    assert made.created_by == boss
    assert "Waiting" in pages.text(answer)
    found = feed(office, draft)
    assert (found["status"], found["ended"]) == ("sending", False)
    send()
    found = feed(office, draft)
    assert (found["status"], found["ended"]) == ("finished", True)
    said = [text for name, text in found["texts"].items() if name != "note"]
    assert said == [f"Sent · id{MINE}", "Sent · id+966501234567"]
    assert LogEntry.objects.get().get_change_message() == (
        "A test was sent to 2 numbers."
    )


def test_a_refusal_is_told_in_the_gateways_words(
    office: Client, draft: Campaign
) -> None:
    try_it(office, draft)
    send(refused)
    assert "Failed · No such number" in feed(office, draft)["texts"].values()


def test_a_second_press_sends_nothing(office: Client, draft: Campaign) -> None:
    key = str(uuid.uuid4())
    for _press in range(2):
        try_it(office, draft, form_key=key)
    assert len(trials_of(draft)) == 1


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ("", "Write at least one number."),
        (" , ", "Write at least one number."),
        ("12", "“12”: "),
        ("\n".join(f"+121255501{n}" for n in range(10, 21)), "at most 10 numbers"),
    ],
)
def test_what_cannot_be_sent(
    office: Client, draft: Campaign, numbers: str, said: str
) -> None:
    assert said in pages.text(try_it(office, draft, numbers))
    assert trials_of(draft) == []


def test_somebody_who_opted_out_is_refused(office: Client, draft: Campaign) -> None:
    OptOut.objects.create(phone=MINE)
    answer = try_it(office, draft)
    assert pages.said(answer) == [
        f"Opted out, so not texted, not even for a test: {MINE}."
    ]
    assert trials_of(draft) == []


def test_it_reads_as_for_the_contact_that_is_named(
    office: Client, draft: Campaign
) -> None:
    try_it(office, draft, like="212 555 1002")
    assert trials_of(draft)[0].message == "Hello Person 1002"
    answer = try_it(office, draft, like="+12125559999")
    assert pages.said(answer) == ["There is no contact with the number +12125559999."]


def test_a_text_that_cannot_be_sent_says_why(office: Client, draft: Campaign) -> None:
    Campaign.objects.update(message="")
    assert "Write a message first." in pages.text(office.get(pages.of(draft, "test")))


def test_it_says_that_no_worker_runs(office: Client, draft: Campaign) -> None:
    try_it(office, draft)
    assert feed(office, draft)["texts"]["note"] == ""
    Campaign.objects.filter(kind=CampaignKind.TEST).update(
        started_at=timezone.now() - timedelta(seconds=60)
    )
    assert feed(office, draft)["texts"]["note"].startswith("No worker has taken it")


@pytest.mark.parametrize("status", [CampaignStatus.CANCELLED, CampaignStatus.PAUSED])
def test_one_that_was_stopped_says_what_to_mend(
    office: Client, draft: Campaign, status: CampaignStatus
) -> None:
    try_it(office, draft)
    Campaign.objects.filter(kind=CampaignKind.TEST).update(
        status=status, status_reason="No credits left."
    )
    note = feed(office, draft)["texts"]["note"]
    assert note == "No credits left. Mend that, then send another test."


def test_who_may_not_launch_may_not_test(
    browse: Callable[..., Client], composer: User, draft: Campaign
) -> None:
    client = browse(composer)
    assert client.get(pages.of(draft, "test")).status_code == 403
    assert client.get(pages.of(draft, "test_json")).status_code == 403
    assert try_it(client, draft).status_code == 403
    assert trials_of(draft) == []
    assert 'name="_test"' not in pages.text(client.get(pages.change(draft)))


def test_the_form_saves_first(office: Client, draft: Campaign) -> None:
    assert 'name="_test"' in pages.text(office.get(pages.change(draft)))
    data = {
        "name": draft.name,
        "account": "default",
        "lists": [one.pk for one in draft.lists.all()],
        "message": "Changed",
        "_test": "",
    }
    answer = office.post(pages.change(draft), data)
    assert answer["Location"] == pages.of(draft, "test")
    draft.refresh_from_db()
    assert draft.message == "Changed"


def test_no_list_of_campaigns_shows_it(office: Client, draft: Campaign) -> None:
    try_it(office, draft)
    made = trials_of(draft)[0]
    page = pages.text(office.get(pages.listing("campaign")))
    assert made.name not in page
    assert office.get(pages.change(made)).status_code == 302
    results = pages.text(office.get(pages.listing("sendresult")))
    assert f"campaign__id={made.pk}" not in results


def test_texts_and_names_are_escaped(office: Client, draft: Campaign) -> None:
    Campaign.objects.update(message="<script>alert(1)</script>")
    try_it(office, draft)
    page = pages.text(office.get(pages.of(draft, "test")))
    assert "<script>alert(1)" not in page
    assert page.count("&lt;script&gt;alert(1)") == 2


def test_the_results_stand_under_the_test(office: Client, draft: Campaign) -> None:
    try_it(office, draft, f"{MINE} , {phone(1001)}")
    found = SendResult.objects.filter(campaign=trials_of(draft)[0])
    assert set(found.values_list("phone", flat=True)) == {MINE, phone(1001)}
