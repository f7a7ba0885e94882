"""Writing a campaign down: drafts, and what becomes of a reviewed one that is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from csms_campaigns.engine import audience, lifecycle
from csms_campaigns.models import Campaign, ContactList, SendResult
from csms_campaigns.states import CampaignKind, CampaignStatus
from tests.admin import pages


def form_of(campaign: Campaign, **changes: Any) -> dict[str, Any]:
    return {
        "name": campaign.name,
        "account": campaign.account,
        "lists": [row.pk for row in campaign.lists.all()],
        "message": campaign.message,
        **changes,
    }


def test_a_draft_knows_who_wrote_it(
    office: Client, boss: User, everyone: ContactList
) -> None:
    form = {
        "name": "Spring",
        "account": "default",
        "lists": [everyone.pk],
        "message": "Hello\r\nyou",
        "_continue": "1",
    }
    answer = office.post(pages.adding("campaign"), form, follow=True)
    campaign = Campaign.objects.get()
    assert campaign.created_by == boss
    assert campaign.message == "Hello\nyou"
    assert campaign.status == CampaignStatus.DRAFT
    assert "151 characters left in this segment" in pages.text(answer)


def test_an_account_that_is_not_in_the_settings_cannot_be_chosen(
    office: Client, everyone: ContactList
) -> None:
    form = {"name": "Spring", "account": "other", "message": "Hello"}
    answer = office.post(pages.adding("campaign"), form)
    assert answer.context["errors"] == [
        ["Select a valid choice. other is not one of the available choices."]
    ]
    assert not Campaign.objects.exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"message": ""}, "Write a message first."),
        ({"lists": []}, "Choose at least one contact list."),
        (
            {"message": "Dear {{ nickname }}"},
            (
                "Nobody in the chosen lists has a value for {{ nickname }}. Correct the "
                "placeholder, or import that column."
            ),
        ),
        (
            {"message": "Dear {{ name"},
            (
                'The placeholder "{{ name" at character 6 is not closed. Write {{ name }}, '
                "with two braces on each side."
            ),
        ),
    ],
)
def test_what_cannot_be_sent_is_said_in_one_sentence(
    office: Client, draft: Campaign, changes: dict[str, Any], sentence: str
) -> None:
    form = form_of(draft, **changes, _review="1")
    answer = office.post(pages.change(draft), form, follow=True)
    assert pages.said(answer) == [sentence]
    draft.refresh_from_db()
    assert draft.status == CampaignStatus.DRAFT
    assert not SendResult.objects.exists()
    assert not LogEntry.objects.filter(change_message__contains="Review").exists()


def test_an_unfinished_draft_is_saved_with_a_warning(
    office: Client, draft: Campaign
) -> None:
    form = form_of(draft, message="Dear {{ nickname }}", _continue="1")
    answer = office.post(pages.change(draft), form, follow=True)
    draft.refresh_from_db()
    assert draft.message == "Dear {{ nickname }}"
    assert any("{{ nickname }}" in sentence for sentence in pages.said(answer))


def test_an_empty_audience_goes_back_to_draft_with_the_reason(
    office: Client, draft: Campaign
) -> None:
    draft.lists.get().contacts.clear()
    office.post(pages.change(draft), form_of(draft, _review="1"))
    draft.refresh_from_db()
    assert draft.status == CampaignStatus.PREPARING
    audience.prepare(draft.pk, draft.prepare_token)  # type: ignore[arg-type]
    page = pages.text(office.get(pages.change(draft)))
    assert "The chosen lists are empty: add contacts to them first." in page


@pytest.mark.parametrize("changes", [{"message": "Other"}, {"lists": None}])
def test_a_changed_text_or_audience_makes_a_ready_campaign_a_draft(
    office: Client, ready: Campaign, changes: dict[str, Any]
) -> None:
    other = ContactList.objects.create(name="Other")
    if "lists" in changes:
        changes = {"lists": [other.pk]}
    form = form_of(ready, **changes, _continue="1")
    answer = office.post(pages.change(ready), form, follow=True)
    told = "The campaign is a draft again. Review it before you launch it."
    assert told in pages.said(answer)
    ready.refresh_from_db()
    assert ready.status == CampaignStatus.DRAFT
    assert not SendResult.objects.exists()


def test_a_new_name_leaves_a_ready_campaign_ready(
    office: Client, ready: Campaign
) -> None:
    Campaign.objects.update(message="Hello\n{{ name }}")
    form = form_of(ready, name="Summer", message="Hello\r\n{{ name }}", _continue="1")
    office.post(pages.change(ready), form)
    ready.refresh_from_db()
    assert (ready.name, ready.status) == ("Summer", CampaignStatus.READY)
    assert SendResult.objects.exists()


def test_saving_a_form_that_is_older_than_the_launch_changes_nothing(
    office: Client, ready: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the check of the permission and the save a colleague launches."""
    from csms_campaigns.admin.campaigns import CampaignAdmin

    original = CampaignAdmin.save_model

    def launch_first(self: Any, *args: Any) -> None:
        lifecycle.launch(ready.pk)
        original(self, *args)

    monkeypatch.setattr(CampaignAdmin, "save_model", launch_first)
    form = form_of(ready, message="Other", _continue="1")
    answer = office.post(pages.change(ready), form, follow=True)
    assert pages.said(answer) == ["It is already being sent."]
    ready.refresh_from_db()
    assert ready.message == "Hello {{ name }}"


def test_a_campaign_that_is_sent_is_shown_but_not_edited(
    office: Client, sending: Campaign
) -> None:
    page = office.get(pages.change(sending))
    assert page.status_code == 200
    assert 'name="_review"' not in pages.text(page)
    assert office.post(pages.change(sending), form_of(sending)).status_code == 403


def test_a_draft_and_a_ready_campaign_can_be_deleted(
    office: Client, ready: Campaign
) -> None:
    assert "Are you sure" in pages.text(office.get(pages.deletion(ready)))
    office.post(pages.deletion(ready), {"post": "yes"})
    assert not Campaign.objects.exists()
    assert not SendResult.objects.exists()


def test_a_campaign_that_is_sent_is_never_deleted(
    office: Client, sending: Campaign
) -> None:
    assert office.post(pages.deletion(sending), {"post": "yes"}).status_code == 403
    assert Campaign.objects.exists()


def test_test_sends_are_not_among_the_campaigns(
    office: Client, draft: Campaign
) -> None:
    Campaign.objects.update(kind=CampaignKind.TEST)
    assert office.get(pages.listing("campaign")).context["cl"].result_count == 0


def test_many_lists_become_a_search_field(office: Client, db: None) -> None:
    ContactList.objects.create(name="One")
    assert 'type="checkbox" name="lists"' in pages.text(
        office.get(pages.adding("campaign"))
    )
    ContactList.objects.bulk_create(ContactList(name=f"L{n}") for n in range(41))
    page = pages.text(office.get(pages.adding("campaign")))
    assert 'type="checkbox" name="lists"' not in page
    assert "admin-autocomplete" in page


def test_a_composer_may_write_and_review_but_not_launch(
    browse: Callable[..., Client], composer: User, draft: Campaign
) -> None:
    client = browse(composer)
    client.post(pages.change(draft), form_of(draft, _review="1"))
    draft.refresh_from_db()
    assert draft.status == CampaignStatus.PREPARING
    audience.prepare(draft.pk, draft.prepare_token)  # type: ignore[arg-type]
    page = pages.text(client.get(pages.of(draft, "review")))
    assert 'data-tool="launch"' not in page
    assert "You may not launch campaigns. Ask a colleague who may." in page
    assert client.post(pages.of(draft, "launch")).status_code == 403
