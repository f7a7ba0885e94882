from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from csms_campaigns.contacts_io import filling, selecting
from csms_campaigns.models import (
    Campaign,
    Contact,
    ContactList,
    ContactSelection,
    SendResult,
)
from tests.admin import pages
from tests.admin.conftest import make_staff, phone

PUT = "admin:csms_campaigns_contact_put"


def shown(page: Any) -> list[str]:
    return [contact.name for contact in page.context["cl"].result_list]


@pytest.fixture
def town(everyone: ContactList) -> ContactList:
    """Of the five, 1000 was sent a text and 1001 failed; 1002 lives elsewhere."""
    for number, status in ((1000, "sent"), (1001, "failed")):
        campaign = Campaign.objects.create(name=status)
        SendResult.objects.create(campaign=campaign, phone=phone(number), status=status)
    Contact.objects.filter(phone=phone(1002)).update(attributes={"city": "Lyon"})
    return everyone


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ({"attribute": "city", "value": "lyon"}, [1002]),
        ({"outcome": "failed"}, [1001]),
        ({"outcome": "never", "value": "ignored"}, [1004, 1003, 1002]),
        ({"opted_out": "yes"}, [1004]),
        (
            {"opted_out": "no", "attribute": "city", "value": "Paris"},
            [1003, 1001, 1000],
        ),
        ({"country": "1", "q": "Person 1003"}, [1003]),
        ({"country": "966"}, []),
        ({"q": phone(1002), "attribute": "city"}, [1002]),
        ({"days": "5", "outcome": "sent"}, [1000]),
    ],
)
def test_conditions_are_combined(
    office: Client, town: ContactList, chosen: dict[str, str], found: list[int]
) -> None:
    page = office.get(pages.listing("contact"), chosen)
    assert shown(page) == [f"Person {number}" for number in found]


def test_what_became_of_texts_is_asked_only_by_who_may_see_it(
    browse: Callable[[User], Client], town: ContactList
) -> None:
    clerk = browse(make_staff("clerk", "view_contact", "change_contact"))
    page = clerk.get(pages.listing("contact"), {"outcome": "failed", "days": "5"})
    assert len(shown(page)) == 5
    assert "outcome" not in pages.text(page).split("<summary>")[1].split("</form>")[0]
    asked = clerk.get(reverse(PUT), {"outcome": "failed"})
    assert asked.context["conditions"] == []


@pytest.mark.parametrize("wrong", [{"days": "x"}, {"days": "0"}, {"outcome": "gone"}])
def test_what_makes_no_sense_is_said_and_finds_nobody(
    office: Client, town: ContactList, wrong: dict[str, str]
) -> None:
    page = office.get(pages.listing("contact"), wrong)
    assert page.status_code == 200
    assert shown(page) == []
    assert page.context["cl"].filter_form.errors


def test_pages_keep_the_conditions(
    office: Client, town: ContactList, monkeypatch: pytest.MonkeyPatch
) -> None:
    from csms_campaigns.admin.contacts import ContactAdmin

    monkeypatch.setattr(ContactAdmin, "list_per_page", 1)
    Contact.objects.filter(phone=phone(1001)).update(attributes={})
    link, seen = f"{pages.listing('contact')}?opted_out=no&q=Person&attribute=city", []
    while link:
        page = office.get(link)
        seen += shown(page)
        following = page.context["cl"].next_link
        link = f"{pages.listing('contact')}{following}" if following else ""
    assert seen == [f"Person {number}" for number in (1003, 1002, 1000)]


def test_a_search_that_looked_far_enough_says_so(
    office: Client, town: ContactList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selecting, "COSTLY_STEP", 2)
    page = office.get(pages.listing("contact"), {"outcome": "sent"})
    assert shown(page) == []
    assert "Go on searching" in pages.text(page)
    again = office.get(pages.listing("contact") + page.context["cl"].next_link)
    last = office.get(pages.listing("contact") + again.context["cl"].next_link)
    assert shown(last) == ["Person 1000"]
    assert "Go on searching" not in pages.text(last)


def test_few_queries(
    office: Client, town: ContactList, django_assert_max_num_queries: Any
) -> None:
    chosen = {"outcome": "sent", "attribute": "city", "list": town.pk, "days": 3}
    with django_assert_max_num_queries(9):
        office.get(pages.listing("contact"), chosen)


# Into a list


def put_url(**conditions: Any) -> str:
    query = "&".join(f"{name}={value}" for name, value in conditions.items())
    return f"{reverse(PUT)}?{query}"


def test_all_who_match_are_put_into_a_new_list(
    office: Client, town: ContactList
) -> None:
    asked = office.get(put_url(attribute="city", value="Lyon"))
    assert "city is: Lyon" in pages.text(asked)
    url = put_url(attribute="city", value="Lyon")
    done = office.post(url, {"new_list": "Lyonnais"}, follow=True)
    made = ContactList.objects.get(name="Lyonnais")
    assert [str(one.phone) for one in made.contacts.all()] == [phone(1002)]
    assert pages.said(done) == ["1 contact was put into the list."]
    assert shown(done) == ["Person 1002"]
    assert "city is: Lyon" in LogEntry.objects.get().get_change_message()


@pytest.mark.parametrize(
    "form", [{}, {"new_list": "Everyone"}, {"contact_list": "1", "new_list": "X"}]
)
def test_one_list_is_named(
    office: Client, town: ContactList, form: dict[str, str]
) -> None:
    answer = office.post(put_url(outcome="sent"), form)
    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert not ContactSelection.objects.exists()


def test_a_large_one_is_left_to_a_worker_and_says_how_far_it_is(
    office: Client, town: ContactList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "COSTLY_STEP", 2)
    made = ContactList.objects.create(name="Some")
    url = put_url(opted_out="no")
    page = office.post(url, {"contact_list": made.pk}, follow=True)
    assert "A worker puts all who match" in pages.text(page)
    assert made.contacts.count() == 2
    selection = ContactSelection.objects.get()
    filling.run_once(selection.pk, str(selection.token))
    again = office.get(page.request["PATH_INFO"])
    assert "All who match are in the list." in pages.text(again)
    assert made.contacts.count() == 4


def test_who_may_not_change_contacts_puts_nobody_anywhere(
    browse: Callable[[User], Client], onlooker: User, town: ContactList
) -> None:
    client = browse(onlooker)
    assert client.get(put_url(outcome="sent")).status_code == 403
    page = client.get(pages.listing("contact"), {"outcome": "sent"})
    assert shown(page) == ["Person 1000"]
    assert "Put all who match" not in pages.text(page)


def test_a_new_list_needs_the_permission_for_lists(
    browse: Callable[[User], Client], town: ContactList
) -> None:
    client = browse(make_staff("helper", "view_contact", "change_contact"))
    answer = client.post(put_url(outcome="sent"), {"new_list": "New"})
    assert answer.context["form"].errors
    assert not ContactList.objects.filter(name="New").exists()
