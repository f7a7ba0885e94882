"""The review page: the promise, and how the text reads for real people."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from csms_campaigns.engine import audience, lifecycle
from csms_campaigns.models import Campaign, Contact, ContactList, GatewayAccount
from csms_campaigns.states import CampaignStatus
from tests.admin import pages
from tests.admin.conftest import phone


def test_the_promise_stands_on_the_page(office: Client, ready: Campaign) -> None:
    page = pages.text(office.get(pages.of(ready, "review")))
    for title, figure in [
        ("Recipients", "4"),
        ("Requests to the gateway", "4"),
        ("Segments", "4"),
        ("Credits, estimated", "4"),
        ("Credits left", "not known yet"),
    ]:
        assert f"<dt>{title}</dt><dd><bdi>{figure}</bdi>" in page
    assert f"?campaign__id={ready.pk}&amp;skip_reason=opted_out" in page
    assert timezone.get_current_timezone_name() in page


def test_examples_are_real_texts_of_real_people(
    office: Client, ready: Campaign
) -> None:
    examples = office.get(pages.of(ready, "review")).context["examples"]
    assert 1 <= len(examples) <= 3
    assert examples[0].text == f"Hello {examples[0].name}"
    assert examples[0].length == "1 segment · GSM-7"
    assert len({example.text for example in examples}) == len(examples)


def test_one_text_for_all_is_shown_once(office: Client, everyone: ContactList) -> None:
    campaign = lifecycle.create(name="Same", message="مرحبا", lists=[everyone])
    audience.review(campaign.pk)
    (example,) = office.get(pages.of(campaign, "review")).context["examples"]
    assert (example.text, example.length) == ("مرحبا", "1 segment · UCS-2")


def test_an_example_outlives_its_contact(office: Client, ready: Campaign) -> None:
    Contact.objects.all().delete()
    page = office.get(pages.of(ready, "review"))
    assert page.status_code == 200
    assert page.context["examples"][0].name == ""


def test_too_few_credits_are_a_warning(office: Client, ready: Campaign) -> None:
    warning = "The credits will not suffice"
    GatewayAccount.objects.update_or_create(
        alias="default", defaults={"remaining_credits": 4}
    )
    assert warning not in pages.text(office.get(pages.of(ready, "review")))
    GatewayAccount.objects.update(remaining_credits=3)
    assert warning in pages.text(office.get(pages.of(ready, "review")))


def test_names_and_attributes_are_escaped(
    office: Client, everyone: ContactList
) -> None:
    Contact.objects.update(name="<script>alert(1)</script>", attributes={"a": "<i>"})
    campaign = lifecycle.create(
        name="<b>Sale</b>", message="Dear {{ name }} {{ a }}", lists=[everyone]
    )
    audience.review(campaign.pk)
    review = pages.text(office.get(pages.of(campaign, "review")))
    contacts = pages.text(office.get(pages.listing("contact")))
    for page in (review, contacts):
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page
    assert "<b>Sale</b>" not in review
    assert "Dear &lt;script&gt;" in review


def test_a_page_costs_few_queries_whatever_the_audience(
    office: Client,
    ready: Campaign,
    django_assert_max_num_queries: Callable[..., object],
) -> None:
    with django_assert_max_num_queries(25):
        office.get(pages.of(ready, "review"))
    everyone = ready.lists.get()
    people = [Contact(phone=phone(n), name=f"P {n}") for n in range(2000, 2200)]
    everyone.contacts.add(*Contact.objects.bulk_create(people))
    audience.review(ready.pk)
    with django_assert_max_num_queries(25):
        office.get(pages.of(ready, "review"))


def test_a_draft_says_that_it_was_not_reviewed(office: Client, draft: Campaign) -> None:
    page = pages.text(office.get(pages.of(draft, "review")))
    assert "This campaign has not been reviewed yet." in page
    assert 'data-tool="review"' in page


def test_a_campaign_under_preparation_refreshes_itself(
    office: Client, draft: Campaign
) -> None:
    audience.begin(draft.pk)
    page = pages.text(office.get(pages.of(draft, "review")))
    assert 'data-status="preparing"' in page
    assert "csms_campaigns/live.js" in page
    feed = office.get(pages.of(draft, "progress_json")).json()
    assert feed["status"] == "preparing"
    assert feed["texts"]["prepared"] == "0 recipients so far"


def test_what_was_launched_has_left_the_review(
    office: Client, sending: Campaign
) -> None:
    answer = office.get(pages.of(sending, "review"))
    assert answer.status_code == 302
    assert answer["Location"] == pages.of(sending, "progress")


def test_a_promise_for_an_account_that_left_the_settings(
    office: Client, ready: Campaign
) -> None:
    Campaign.objects.update(account="gone")
    answer = office.get(pages.of(ready, "review"))
    assert answer.status_code == 200
    assert any("“gone”" in sentence for sentence in pages.said(answer))


@pytest.mark.parametrize("state", [CampaignStatus.READY, CampaignStatus.SCHEDULED])
def test_a_viewer_reads_the_promise_without_buttons(
    browse: Callable[..., Client], onlooker: User, ready: Campaign, state: str
) -> None:
    Campaign.objects.update(status=state, send_at=timezone.now())
    page = pages.text(browse(onlooker).get(pages.of(ready, "review")))
    assert "<dt>Recipients</dt><dd><bdi>4</bdi></dd>" in page
    assert '<form method="post" action="/admin/csms' not in page
