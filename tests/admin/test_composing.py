"""What the compose page asks as one types, and how it is without JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from csms_campaigns.models import Campaign, ContactList, MessageTemplate
from csms_campaigns.states import CampaignStatus
from tests.admin import pages
from tests.admin.conftest import make_people, make_staff
from tests.admin.test_compose import form_of


def address(model: str = "campaign") -> str:
    return reverse(f"admin:csms_campaigns_{model}_compose")


def ask(client: Client, **form: Any) -> dict[str, Any]:
    answer = client.post(address(), form)
    assert answer.status_code == 200
    return dict(answer.json())


def test_the_answer_is_the_parts_of_the_page(
    office: Client, everyone: ContactList
) -> None:
    found = ask(office, lists=[everyone.pk], message="Hi {{ name }}\r\nyou")
    parts = found["parts"]
    assert set(parts) == {
        *("placeholders", "length", "warnings", "examples", "audience"),
    }
    assert "<strong>4 people</strong>" in parts["audience"]
    assert "1 left out: they have opted out" in parts["audience"]
    assert "Hi Person 1000\nyou" in parts["examples"]
    assert "+12125551004" not in parts["examples"]  # who opted out gets no text
    assert 'data-insert="{{ city }}"' in parts["placeholders"]
    assert Campaign.objects.count() == 0


def test_an_audience_is_counted_once(office: Client, everyone: ContactList) -> None:
    first = ask(office, lists=[everyone.pk], message="Hi")
    again = ask(office, lists=[everyone.pk], message="Ho", counted=first["counted"])
    assert "audience" not in again["parts"]
    other = ContactList.objects.create(name="Other")
    more = ask(
        office, lists=[everyone.pk, other.pk], message="Ho", counted=first["counted"]
    )
    assert "audience" in more["parts"]


def test_what_people_write_is_escaped(office: Client, everyone: ContactList) -> None:
    everyone.contacts.update(name="<script>alert(1)</script>", attributes={"<b>": "x"})
    text = "</textarea><script>“{{ name }} {{ <b> }}"
    for message in (text, "<i>{{ name }}"):
        parts = ask(office, lists=[everyone.pk], message=message)["parts"]
        assert "<script>" not in "".join(parts.values())
        assert "<i>" not in "".join(parts.values())
    form = {"name": "x", "account": "default", "message": text, "lists": ["0"]}
    page = pages.text(office.post(pages.adding("campaign"), form))
    assert "<script>“" not in page


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"lists": ["x", "-1", "9" * 40, "0", "77"], "message": "Hi"},
        {"exclude_lists": ["x"], "audiences": ["none", "\0"], "message": "\0{{ a"},
        {"message": "\ufffd", "lists": ["1"] * 900},
        {"message": "a" * 60_000 + "{{ name }}", "template": "x", "fill": "1"},
    ],
)
def test_odd_input_does_no_harm(
    office: Client, everyone: ContactList, form: dict[str, Any]
) -> None:
    assert set(ask(office, **form)) == {"parts", "counted"}


def test_the_number_of_queries_does_not_grow(office: Client, db: None) -> None:
    counts = []
    for size, name in ((3, "Few"), (300, "Many")):
        chosen = ContactList.objects.create(name=name)
        if size == 3:
            make_people(size, chosen, city="Paris")
        else:
            chosen.contacts.add(*ContactList.objects.get(name="Few").contacts.all())
        with CaptureQueriesContext(connection) as queries:
            ask(office, lists=[chosen.pk], message="Hi {{ name }}")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_only_who_may_compose_may_ask(
    browse: Callable[..., Client], composer: User, onlooker: User, everyone: ContactList
) -> None:
    assert browse(composer).post(address()).status_code == 200
    assert browse(onlooker).post(address()).status_code == 403
    assert browse(None).post(address()).status_code == 302
    assert browse(composer).get(address()).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(composer)
    assert strict.post(address()).status_code == 403


# Without JavaScript


def test_the_page_says_the_same_once_it_is_saved(
    office: Client, draft: Campaign
) -> None:
    form = form_of(draft, message="It’s for {{ name }}", _continue="1")
    page = pages.text(office.post(pages.change(draft), form, follow=True))
    assert "<strong>4 people</strong>" in page
    assert "It’s for Person 1000" in page
    assert "at character 3: write <kbd><bdi>&#x27;</bdi></kbd> instead" in page


def test_a_form_with_an_error_keeps_what_was_chosen(
    office: Client, everyone: ContactList
) -> None:
    form = {"name": "", "account": "default", "lists": [everyone.pk], "message": "Hi"}
    page = pages.text(office.post(pages.adding("campaign"), form))
    assert "This field is required." in page
    assert "<strong>4 people</strong>" in page


def test_lists_to_leave_out(office: Client, ready: Campaign) -> None:
    other = ContactList.objects.create(name="Other")
    other.contacts.add(*ready.lists.get().contacts.all()[:2])
    form = form_of(ready, exclude_lists=[other.pk], _continue="1")
    answer = office.post(pages.change(ready), form, follow=True)
    page = pages.text(answer)
    assert "2 left out: in a list that is excluded" in page
    ready.refresh_from_db()
    assert list(ready.exclude_lists.all()) == [other]
    assert ready.status == CampaignStatus.DRAFT


def site_people() -> list[dict[str, str]]:
    return [{"phone": "+12125550100", "name": "Ann"}]


def test_audiences_of_the_site(office: Client, ready: Campaign, settings: Any) -> None:
    page = pages.text(office.get(pages.change(ready)))
    assert 'name="audiences"' not in page
    own = {"AUDIENCES": {"customers": f"{__name__}.site_people"}}
    settings.CSMS_CAMPAIGNS = {**settings.CSMS_CAMPAIGNS, **own}
    form = form_of(ready, audiences=["customers"], lists=[], _continue="1")
    page = pages.text(office.post(pages.change(ready), form, follow=True))
    ready.refresh_from_db()
    assert ready.audiences == ["customers"]
    assert ready.status == CampaignStatus.DRAFT
    assert "about 1 person" in page
    assert "Hello Ann" in page


def test_smart_encoding_is_a_part_of_what_was_promised(
    office: Client, ready: Campaign
) -> None:
    form = form_of(ready, smart_encoding="on", _continue="1")
    office.post(pages.change(ready), form)
    ready.refresh_from_db()
    assert ready.smart_encoding
    assert ready.status == CampaignStatus.DRAFT


# Message templates


@pytest.fixture
def template(db: None) -> MessageTemplate:
    return MessageTemplate.objects.create(name="Reminder", message="Dear {{ name }}")


def test_a_template_fills_the_box(
    office: Client, everyone: ContactList, template: MessageTemplate
) -> None:
    found = ask(
        office, lists=[everyone.pk], message="Old", template=template.pk, fill="1"
    )
    assert found["message"] == "Dear {{ name }}"
    assert "Dear Person 1000" in found["parts"]["examples"]
    chosen_only = ask(office, message="Old", template=template.pk)
    assert "message" not in chosen_only


def test_a_template_fills_the_box_without_javascript(
    office: Client, draft: Campaign, template: MessageTemplate
) -> None:
    form = form_of(draft, template=template.pk, _template="1")
    office.post(pages.change(draft), form)
    draft.refresh_from_db()
    assert draft.message == "Dear {{ name }}"
    # None is chosen: what was typed stays.
    office.post(pages.change(draft), form_of(draft, message="Own", _template="1"))
    draft.refresh_from_db()
    assert draft.message == "Own"


def test_a_saved_template_choice_changes_nothing_by_itself(
    office: Client, draft: Campaign, template: MessageTemplate
) -> None:
    form = form_of(draft, template=template.pk, _continue="1")
    office.post(pages.change(draft), form)
    draft.refresh_from_db()
    assert draft.message == "Hello {{ name }}"


def test_a_template_begins_a_campaign(
    office: Client, template: MessageTemplate
) -> None:
    listing = pages.text(office.get(pages.listing("messagetemplate")))
    url = f"{pages.adding('campaign')}?template={template.pk}"
    assert url in listing
    assert url in pages.text(office.get(pages.change(template)))
    page = office.get(url)
    assert page.context["adminform"].form["message"].value() == "Dear {{ name }}"
    assert office.get(f"{pages.adding('campaign')}?template=x").status_code == 200


def test_a_template_is_written_in_the_same_box(office: Client, db: None) -> None:
    answer = office.post(address("messagetemplate"), {"message": "It’s {{ name }}"})
    parts = answer.json()["parts"]
    assert "1 segment" in parts["length"]
    assert "at character 3" in parts["warnings"]
    form = {"name": "New", "message": "Hi {{ name", "_continue": "1"}
    page = pages.text(office.post(pages.adding("messagetemplate"), form))
    assert "is not closed" in page
    form["message"] = "Hi {{ name }}\r\n"
    office.post(pages.adding("messagetemplate"), form)
    assert MessageTemplate.objects.get().message == "Hi {{ name }}"


def test_who_writes_templates_sees_no_contacts(
    browse: Callable[..., Client], everyone: ContactList
) -> None:
    writer = make_staff("writer", "add_messagetemplate", "change_messagetemplate")
    form = {"message": "Hi {{ name }}", "lists": [everyone.pk]}
    parts = browse(writer).post(address("messagetemplate"), form).json()["parts"]
    assert "Person" not in "".join(parts.values())
    assert browse(writer).post(address(), form).status_code == 403
    template = MessageTemplate.objects.create(name="T", message="Hi")
    page = pages.text(browse(writer).get(pages.change(template)))
    assert "Use in a new campaign" not in page


def test_who_may_only_look_sees_the_text(
    browse: Callable[..., Client], db: None
) -> None:
    reader = make_staff("reader", "view_messagetemplate")
    template = MessageTemplate.objects.create(name="T", message="Hi <there>")
    page = pages.text(browse(reader).get(pages.change(template)))
    assert "Hi &lt;there&gt;" in page
    assert "<textarea" not in page


# Copies and the archive


def test_a_copy_is_opened_at_once(
    office: Client, boss: User, sending: Campaign
) -> None:
    answer = office.post(pages.of(sending, "copy"), follow=True)
    copy = Campaign.objects.get(name="Copy of Spring")
    assert answer.request["PATH_INFO"] == pages.change(copy)
    assert pages.said(answer) == ["This is the copy, a new draft."]
    assert copy.created_by == boss
    assert office.get(pages.of(sending, "copy")).status_code == 405


def test_the_archive_hides_and_shows(office: Client, draft: Campaign) -> None:
    other = Campaign.objects.create(name="Other")
    answer = office.post(pages.of(draft, "archive"), follow=True)
    assert pages.said(answer) == ["Archived."]
    assert {tool.name for tool in answer.context["csms_tools"]} == {"copy", "unarchive"}
    # It is out of the lists, and out of harm's way: nobody edits or reviews it there.
    assert office.post(pages.change(draft), form_of(draft)).status_code == 403

    def shown(query: str = "") -> set[str]:
        page = office.get(pages.listing("campaign") + query)
        return {row.name for row in page.context["cl"].result_list}

    assert shown() == {other.name}
    assert shown("?archived=yes") == {draft.name}
    assert shown("?archived=all") == {draft.name, other.name}
    assert shown("?archived=nonsense") == {other.name}
    # Whatever is at work is in sight.
    Campaign.objects.filter(pk=draft.pk).update(status=CampaignStatus.SENDING)
    assert shown() == {draft.name, other.name}
    Campaign.objects.filter(pk=draft.pk).update(status=CampaignStatus.DRAFT)
    office.post(pages.of(draft, "unarchive"))
    assert shown() == {draft.name, other.name}
    history = reverse("admin:csms_campaigns_campaign_history", args=[draft.pk])
    page = pages.text(office.get(history))
    assert "Archived." in page
    assert "Taken out of the archive." in page


def test_a_campaign_at_work_is_not_archived(office: Client, sending: Campaign) -> None:
    answer = office.post(pages.of(sending, "archive"), follow=True)
    assert pages.said(answer) == [
        "Only a draft, or a campaign that has ended, can be archived."
    ]


def test_copies_and_the_archive_have_their_permissions(
    browse: Callable[..., Client], onlooker: User, draft: Campaign
) -> None:
    changer = make_staff("changer", "view_campaign", "change_campaign")
    for client, name in (
        (browse(onlooker), "copy"),
        (browse(onlooker), "archive"),
        (browse(changer), "copy"),
    ):
        assert client.post(pages.of(draft, name)).status_code == 403
    assert browse(changer).post(pages.of(draft, "archive")).status_code == 302
