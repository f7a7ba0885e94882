"""Audiences as a site may write them; its own table is that of the users."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.db.models import F, QuerySet

from csms_campaigns.audiences import AudiencePerson
from csms_campaigns.models import Contact

AUDIENCES = {
    name: f"tests.engine.site.{name}"
    for name in (
        "members",
        "everybody",
        "contacts",
        "hand_written",
        "kinds",
        "broken",
        "nobody",
        "failing",
        "failing_later",
        "without_phone",
        "not_iterable",
        "failing_query",
    )
}


def members() -> QuerySet[User, dict[str, Any]]:
    found = User.objects.order_by("pk")
    return found.values(phone=F("username"), name=F("first_name"), city=F("last_name"))


class MemberManager:
    """A queryset without a function around it would be made before the tables are."""

    def __call__(self) -> QuerySet[User, dict[str, Any]]:
        return members()


everybody = MemberManager()


def contacts() -> QuerySet[Contact]:
    """Whole rows, with a field of phone numbers."""
    return Contact.objects.order_by("pk")


def hand_written() -> Iterator[AudiencePerson]:
    yield AudiencePerson("(212) 555-0101", "Ann", {"Shoe Size": 44, "city": None})
    yield AudiencePerson("+966 50 123 4567", "نورة", {"shoe size": 38})
    yield AudiencePerson("not a number", "Bob")
    yield AudiencePerson("212-555-0101", "Ann again", {"shoe size": 45})


class Row(NamedTuple):
    phone: str
    name: str
    city: str


def kinds() -> list[Any]:
    """Each way of saying the same."""
    return [
        AudiencePerson("+12125550101", "A", {"city": "Riyadh"}),
        {"phone": "+12125550102", "name": "B", "city": "Riyadh"},
        {"phone": "+12125550103", "name": "C", "attributes": {"city": "Riyadh"}},
        Row("+12125550104", "D", "Riyadh"),
        SimpleNamespace(
            phone=12125550105, name=None, attributes={"city": "Riyadh", "x": "\0"}
        ),
    ]


def broken() -> list[AudiencePerson]:
    city = {"city": "\ud83d\ude00\udcff"}
    return [
        AudiencePerson("+12125550101", "A\udcff", city),
        AudiencePerson("+12125550102", "B", city),
    ]


def nobody() -> list[AudiencePerson]:
    return []


def failing() -> list[AudiencePerson]:
    message = "the shop is closed"
    raise ValueError(message)


def failing_later() -> Iterator[AudiencePerson]:
    for index in range(30):
        yield AudiencePerson(f"+1212555{index:04}")
    failing()


def without_phone() -> list[dict[str, str]]:
    return [{"mobile": "+12125550101"}]


def not_iterable() -> int:
    return 7


def failing_query() -> QuerySet[User]:
    return User.objects.extra(where=["no_such_column = 1"])
