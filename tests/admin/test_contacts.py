from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from csms_campaigns.models import Contact, ContactList, OptOut
from tests.admin import pages
from tests.admin.conftest import phone


def test_a_contact_is_saved_from_a_local_number_and_lines(
    office: Client, everyone: ContactList
) -> None:
    form = {
        "phone": "(٢١٢) ٥٥٥-٧٧٧٧",
        "name": "Sara",
        "lists": [everyone.pk],
        "attributes": "city: Paris\nshop: North",
    }
    office.post(pages.adding("contact"), form)
    sara = Contact.objects.get(name="Sara")
    assert str(sara.phone) == "+12125557777"
    assert sara.attributes == {"city": "Paris", "shop": "North"}
    assert list(sara.lists.all()) == [everyone]


def test_a_number_that_is_there_already_is_refused(
    office: Client, everyone: ContactList
) -> None:
    answer = office.post(pages.adding("contact"), {"phone": "212 555 1000"})
    assert answer.context["errors"] == [["Contact with this Phone already exists."]]
    assert Contact.objects.count() == 5


def test_a_bad_number_is_refused_in_the_words_of_the_normaliser(
    office: Client, db: None
) -> None:
    answer = office.post(pages.adding("contact"), {"phone": "9.665E+11"})
    assert len(answer.context["errors"]) == 1
    assert "shortened this number" in answer.context["errors"][0][0]
    assert not Contact.objects.exists()


def test_an_unchanged_contact_logs_no_change(
    office: Client, everyone: ContactList
) -> None:
    contact = Contact.objects.earliest("pk")
    form = {
        "phone": str(contact.phone),
        "name": contact.name,
        "lists": [everyone.pk],
        "attributes": "city: Paris",
    }
    office.post(pages.change(contact), form)
    assert LogEntry.objects.get().get_change_message() == "No fields changed."


@pytest.mark.parametrize(
    ("term", "found"),
    [
        ("+12125551001", ["Person 1001"]),
        ("212555100", [f"Person {n}" for n in range(1004, 999, -1)]),
        ("(212) 555 1002", ["Person 1002"]),
        ("٢١٢٥٥٥١٠٠٢", ["Person 1002"]),
        ("person 1003", ["Person 1003"]),
        ("1003", []),
        ("%", []),
        ("Nobody", []),
    ],
)
def test_contacts_are_found_by_number_and_by_name(
    office: Client, everyone: ContactList, term: str, found: list[str]
) -> None:
    page = office.get(pages.listing("contact"), {"q": term})
    assert [contact.name for contact in page.context["cl"].result_list] == found


@pytest.mark.parametrize("chosen", ["0", "x", "9" * 30, "-1"])
def test_a_list_that_is_none_has_no_contacts(
    office: Client, everyone: ContactList, chosen: str
) -> None:
    page = office.get(pages.listing("contact"), {"list": chosen})
    assert page.status_code == 200
    assert list(page.context["cl"].result_list) == []


def test_contacts_are_filtered_by_list(office: Client, everyone: ContactList) -> None:
    other = ContactList.objects.create(name="Other")
    other.contacts.add(Contact.objects.get(phone=phone(1002)))
    page = office.get(pages.listing("contact"), {"list": other.pk})
    assert [contact.name for contact in page.context["cl"].result_list] == [
        "Person 1002"
    ]


def test_lists_show_how_many_people_they_have(
    office: Client, everyone: ContactList
) -> None:
    page = office.get(pages.listing("contactlist"))
    assert f'?list={everyone.pk}"><bdi dir="ltr">5</bdi>' in pages.text(page)


def test_a_list_is_deleted_without_its_contacts(
    office: Client, everyone: ContactList
) -> None:
    asked = office.get(pages.deletion(everyone))
    assert "The contacts of this list stay" in pages.text(asked)
    office.post(pages.deletion(everyone), {"post": "yes"})
    assert not ContactList.objects.exists()
    assert Contact.objects.count() == 5


def test_an_opt_out_remembers_who_entered_it(office: Client, boss: User) -> None:
    before = timezone.now()
    office.post(pages.adding("optout"), {"phone": "212-555-1234", "reason": "Asked"})
    opt_out = OptOut.objects.get()
    assert str(opt_out.phone) == "+12125551234"
    assert (opt_out.source, opt_out.created_by) == ("admin", boss)
    assert opt_out.created_at >= before


def test_an_opt_out_is_never_changed(office: Client, everyone: ContactList) -> None:
    opt_out = OptOut.objects.get()
    assert office.get(pages.change(opt_out)).status_code == 200
    assert (
        office.post(pages.change(opt_out), {"phone": "+12125550000"}).status_code == 403
    )
    assert (
        office.get(pages.listing("optout"), {"q": "2125551004"})
        .context["cl"]
        .result_count
        == 1
    )
    assert (
        office.get(pages.listing("optout"), {"q": "name"}).context["cl"].result_count
        == 0
    )
