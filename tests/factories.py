"""Rows that many tests need. Numbers never end in what the sandbox calls magic."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from csms_campaigns.engine import audience, lifecycle
from csms_campaigns.models import Campaign, Contact, ContactList, OptOut

BASE = 12_120_100_000


def number(index: int) -> str:
    """The index-th made-up number, in E.164; its last digit is 9."""
    return f"+{BASE + index * 10 + 9}"


def people(count: int, list_name: str = "Everybody", **attributes: str) -> ContactList:
    """A list with `count` new contacts."""
    chosen, _created = ContactList.objects.get_or_create(name=list_name)
    first = Contact.objects.count()
    made = Contact.objects.bulk_create(
        Contact(phone=number(first + i), name=f"Person {i}", attributes=attributes)
        for i in range(count)
    )
    through = Contact.lists.through
    through.objects.bulk_create(
        through(contact=contact, contactlist=chosen) for contact in made
    )
    return chosen


def draft(count: int = 3, message: str = "Hello", **options: Any) -> Campaign:
    lists = options.pop("lists", None)
    if lists is None:
        lists = [people(count)]
    return lifecycle.create(name="Spring", message=message, lists=lists, **options)


def ready(count: int = 3, message: str = "Hello", **options: Any) -> Campaign:
    campaign = draft(count, message, **options)
    audience.review(campaign.pk)
    campaign.refresh_from_db()
    return campaign


def sending(count: int = 3, message: str = "Hello", **options: Any) -> Campaign:
    campaign = ready(count, message, **options)
    lifecycle.launch(campaign.pk)
    campaign.refresh_from_db()
    return campaign


def opt_out(phones: Iterable[str]) -> None:
    OptOut.objects.bulk_create(OptOut(phone=phone) for phone in phones)
