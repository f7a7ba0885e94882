"""People, campaigns and three members of staff: one may do all, one composes, one looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from csms_campaigns.engine import audience, lifecycle
from csms_campaigns.models import Campaign, Contact, ContactList, OptOut

PASSWORD = "correct horse"


def phone(number: int) -> str:
    return f"+1212555{number:04d}"


def make_people(count: int, contact_list: ContactList, **attributes: str) -> None:
    people = Contact.objects.bulk_create(
        Contact(phone=phone(n), name=f"Person {n}", attributes=attributes)
        for n in range(1000, 1000 + count)
    )
    contact_list.contacts.add(*people)


@pytest.fixture
def everyone(db: None) -> ContactList:
    """Five people; one of them has opted out."""
    contact_list = ContactList.objects.create(name="Everyone")
    make_people(5, contact_list, city="Paris")
    OptOut.objects.create(phone=phone(1004))
    return contact_list


@pytest.fixture
def draft(everyone: ContactList) -> Campaign:
    return lifecycle.create(name="Spring", message="Hello {{ name }}", lists=[everyone])


@pytest.fixture
def ready(draft: Campaign) -> Campaign:
    audience.review(draft.pk)
    draft.refresh_from_db()
    return draft


@pytest.fixture
def sending(ready: Campaign) -> Campaign:
    lifecycle.launch(ready.pk)
    ready.refresh_from_db()
    return ready


def make_staff(name: str, *codenames: str, **fields: Any) -> User:
    user = User.objects.create_user(name, password=PASSWORD, is_staff=True, **fields)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


VIEW = [
    f"view_{model}"
    for model in (
        *("campaign", "contact", "contactlist", "optout", "sendresult", "batch"),
        *("attempt", "gatewayaccount"),
    )
]


@pytest.fixture
def boss(db: None) -> User:
    return make_staff("boss", is_superuser=True)


@pytest.fixture
def composer(db: None) -> User:
    return make_staff("composer", *VIEW, "add_campaign", "change_campaign")


@pytest.fixture
def onlooker(db: None) -> User:
    return make_staff("onlooker", *VIEW)


@pytest.fixture
def browse() -> Callable[[User | None], Client]:
    """A client in which this person is signed in."""

    def sign_in(user: User | None = None) -> Client:
        client = Client()
        if user is not None:
            client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def office(boss: User, browse: Callable[[User | None], Client]) -> Client:
    """The client of somebody who may do everything."""
    return browse(boss)
