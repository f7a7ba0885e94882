"""The shop's audiences: `AUDIENCES` of the settings names them. See docs/audiences.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import F, QuerySet

from csms_campaigns.audiences import AudiencePerson
from project.shop.models import Customer


def customers() -> QuerySet[Customer, Any]:
    """A queryset: counted while it is chosen. What is neither phone nor name is a placeholder."""
    found = Customer.objects.filter(wants_news=True)
    return found.values("name", "city", "points", phone=F("mobile"))


def good_customers() -> Iterator[AudiencePerson]:
    """A generator, for what a query cannot say: counted by the review."""
    for one in Customer.objects.filter(wants_news=True, points__gte=500).iterator():
        gift = "coffee" if one.points < 900 else "lunch"
        yield AudiencePerson(one.mobile, one.name, {"gift": gift})
