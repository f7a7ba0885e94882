from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from csms_campaigns.admin import person_pages
from csms_campaigns.engine import opting_out
from csms_campaigns.engine.ledger import ledger
from csms_campaigns.models import Campaign, Contact, ContactList, OptOut, SendResult
from tests.admin import pages
from tests.admin.conftest import make_staff, phone
from tests.engine import scenes


def of(contact: Contact, page: str) -> str:
    return reverse(f"admin:csms_campaigns_contact_{page}", args=[contact.pk])


@pytest.fixture
def person(everyone: ContactList) -> Contact:
    return Contact.objects.get(phone=phone(1000))


@pytest.fixture
def texted(
    configure: Callable[..., None], sending: Campaign, person: Contact
) -> Campaign:
    """“Hello Person 1000” was accepted by the gateway."""
    configure(**scenes.UNLIMITED)
    scenes.send_all()
    return sending


def test_the_page_tells_all_that_is_known(
    office: Client, texted: Campaign, person: Contact, boss: User
) -> None:
    opting_out.opt_out(phone(1000), source="reply", reason="STOP", by=boss)
    found = pages.text(office.get(pages.change(person)))
    for known in ("Hello Person 1000", "Spring", "Sent", "Everyone", "STOP", "Reply"):
        assert known in found
    assert "This number has opted out" in found


def test_why_somebody_got_no_text(office: Client, sending: Campaign) -> None:
    gone = Contact.objects.get(phone=phone(1004))
    assert "Opted out" in pages.text(office.get(pages.change(gone)))


def test_earlier_texts_are_behind_a_link(
    office: Client, person: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(person_pages, "TEXTS", 2)
    for number in range(5):
        campaign = Campaign.objects.create(name=f"Campaign {number}")
        SendResult.objects.create(campaign=campaign, phone=phone(1000), status="sent")
    seen, query = [], ""
    for _each in range(3):
        shown = office.get(pages.change(person) + query).context["person"]
        seen += [str(text["campaign"]) for text in shown["texts"]]
        query = shown["earlier"].partition("#")[0]
    assert seen == [f"Campaign {number}" for number in (4, 3, 2, 1, 0)]
    assert query == ""


def test_few_queries_however_many_texts(
    office: Client, person: Contact, django_assert_max_num_queries: Any
) -> None:
    for number in range(15):
        campaign = Campaign.objects.create(name=f"Campaign {number}")
        SendResult.objects.create(campaign=campaign, phone=phone(1000), status="sent")
    with django_assert_max_num_queries(14):
        office.get(pages.change(person))


def test_opting_out_and_its_undoing(
    office: Client, person: Contact, boss: User
) -> None:
    office.post(of(person, "opt_out"))
    opt_out = OptOut.objects.get(phone=phone(1000))
    assert (opt_out.source, opt_out.created_by) == ("admin", boss)
    asked = office.post(of(person, "opt_in"))
    assert "Undo the opt-out?" in pages.text(asked)
    assert opting_out.is_opted_out(phone(1000))
    office.post(of(person, "opt_in"), {"confirmed": "1"})
    assert not opting_out.is_opted_out(phone(1000))
    said = [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]
    assert [text.split(":")[0] for text in said] == [
        "Opted out",
        "The opt-out was undone",
    ]


def test_a_get_changes_nothing(office: Client, person: Contact) -> None:
    for page in ("opt_out", "opt_in"):
        assert office.get(of(person, page)).status_code == 405
    office.get(of(person, "erase"))
    assert Contact.objects.filter(pk=person.pk).exists()


# Erase


def test_erasing_asks_and_then_leaves_nothing_but_the_ledger(
    office: Client, texted: Campaign, person: Contact
) -> None:
    office.post(of(person, "opt_out"))
    asked = office.post(of(person, "erase"))
    assert "There is no way back." in pages.text(asked)
    assert Contact.objects.filter(pk=person.pk).exists()
    form = {"confirmed": "1", "keep_opt_out": "1"}
    done = office.post(of(person, "erase"), form, follow=True)
    assert pages.said(done)[-1].startswith("The person is erased; 1 text")
    assert not Contact.objects.filter(pk=person.pk).exists()
    assert OptOut.objects.filter(phone=phone(1000)).exists()
    assert not SendResult.objects.filter(phone=phone(1000)).exists()
    assert ledger(texted).adds_up
    for entry in LogEntry.objects.filter(object_id=str(person.pk)):
        assert entry.object_repr == "Erased person"
        assert phone(1000) not in entry.change_message


def test_the_number_of_an_opt_out_goes_too_if_it_is_wished(
    office: Client, person: Contact
) -> None:
    office.post(of(person, "opt_out"))
    office.post(of(person, "erase"), {"confirmed": "1"})
    assert not OptOut.objects.filter(phone=phone(1000)).exists()


# Export


def test_the_export_has_contact_lists_and_texts(
    office: Client, texted: Campaign, person: Contact
) -> None:
    answer = office.post(of(person, "export"))
    assert "attachment" in answer["Content-Disposition"]
    assert "no-store" in answer["Cache-Control"]
    found = json.loads(answer.content)
    assert found["phone"] == phone(1000)
    assert found["contact"]["name"] == "Person 1000"
    assert found["contact"]["attributes"] == {"city": "Paris"}
    assert found["contact"]["lists"] == ["Everyone"]
    assert found["opt_out"] is None
    [text] = found["texts"]
    assert (text["campaign"], text["text"], text["status"]) == (
        "Spring",
        "Hello Person 1000",
        "sent",
    )


def test_an_export_stands_in_the_history_and_no_link_makes_one(
    office: Client, boss: User, person: Contact
) -> None:
    assert office.get(of(person, "export")).status_code == 405
    assert not LogEntry.objects.exists()
    office.post(of(person, "export"))
    entry = LogEntry.objects.get(object_id=str(person.pk))
    assert entry.user == boss
    assert entry.get_change_message() == "The person's data was exported."


# Who may


def test_an_onlooker_reads_and_changes_nothing(
    browse: Callable[[User], Client], onlooker: User, texted: Campaign, person: Contact
) -> None:
    client = browse(onlooker)
    found = pages.text(client.get(pages.change(person)))
    assert "Hello Person 1000" in found
    for word in ('data-tool="erase"', 'data-tool="opt-out"'):
        assert word not in found
    for page in ("erase", "opt_out", "opt_in"):
        assert client.post(of(person, page), {"confirmed": "1"}).status_code == 403
    assert Contact.objects.filter(pk=person.pk).exists()


def test_texts_need_the_permission_to_see_them(
    browse: Callable[[User], Client], texted: Campaign, person: Contact
) -> None:
    client = browse(make_staff("clerk", "view_contact"))
    assert "Hello Person 1000" not in pages.text(client.get(pages.change(person)))
    assert client.post(of(person, "export")).status_code == 403


def test_who_may_not_see_contacts_sees_no_page(
    browse: Callable[[User], Client], person: Contact
) -> None:
    client = browse(make_staff("stranger", "view_campaign"))
    for page in ("erase", "export"):
        assert client.post(of(person, page)).status_code == 403


# Invalid numbers


@pytest.fixture
def twice_invalid(
    configure: Callable[..., None], draft: Campaign, everyone: ContactList
) -> None:
    from csms_campaigns.engine import audience, lifecycle

    configure(**scenes.UNLIMITED)
    for name in ("a", "b"):
        campaign = lifecycle.create(name=name, message="Hello", lists=[everyone])
        audience.review(campaign.pk)
        lifecycle.launch(campaign.pk)
        scenes.send_all(scenes.refused)


INVALID = "admin:csms_campaigns_contact_invalid"


def test_invalid_numbers_leave_all_lists_after_a_question(
    office: Client, twice_invalid: None, person: Contact, everyone: ContactList
) -> None:
    page = office.get(reverse(INVALID))
    assert len(page.context["rows"]) == 4
    form = {"contact": [person.pk], "do": "leave"}
    asked = office.post(reverse(INVALID), form)
    assert "Take 1 contact out of all lists?" in pages.text(asked)
    assert person.lists.exists()
    done = office.post(reverse(INVALID), {**form, "confirmed": "1"}, follow=True)
    assert pages.said(done) == ["1 contact was taken out of all lists."]
    assert not person.lists.exists()
    assert everyone.contacts.count() == 4
    assert "invalid" in LogEntry.objects.get().get_change_message()


def test_invalid_numbers_are_deleted_and_their_results_stay(
    office: Client, twice_invalid: None, person: Contact
) -> None:
    form = {"contact": [person.pk], "do": "delete", "confirmed": "1"}
    done = office.post(reverse(INVALID), form, follow=True)
    assert pages.said(done) == ["1 contact was deleted."]
    assert not Contact.objects.filter(pk=person.pk).exists()
    assert SendResult.objects.filter(phone=phone(1000)).count() == 2
    assert len(office.get(reverse(INVALID)).context["rows"]) == 3


def test_nobody_chosen_is_said(office: Client, twice_invalid: None) -> None:
    done = office.post(reverse(INVALID), {"do": "delete"}, follow=True)
    assert pages.said(done) == ["Choose at least one."]


def test_removing_needs_its_permissions(
    browse: Callable[[User], Client],
    onlooker: User,
    twice_invalid: None,
    person: Contact,
) -> None:
    assert browse(onlooker).get(reverse(INVALID)).status_code == 403
    changer = make_staff("changer", "view_contact", "change_contact")
    form = {"contact": [person.pk], "do": "delete", "confirmed": "1"}
    assert browse(changer).post(reverse(INVALID), form).status_code == 403
    assert Contact.objects.filter(pk=person.pk).exists()


@pytest.mark.parametrize("before", ["x", "9999-99-99T00:00", "2020-01-01"])
def test_an_address_typed_by_anybody(
    office: Client, everyone: ContactList, before: str
) -> None:
    assert office.get(reverse(INVALID), {"before": before}).status_code == 200
