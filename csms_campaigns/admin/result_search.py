"""Recipients by number, by the last digits of it, and by the name of their contact.

Their own table has an index of numbers alone; contacts have one of names and one of last
digits, and lead to the numbers.
"""

from __future__ import annotations

from typing import Final

from django.db.models import Q, QuerySet

from csms_campaigns.admin.phones import ends_with, looks_like_number, numbers_like
from csms_campaigns.admin.result_filters import results_of
from csms_campaigns.models import Contact

MOST_PEOPLE: Final = 200
"""Whose numbers are looked up: each is a step into the index."""


def is_a_name(term: str) -> bool:
    """Few are meant: `MOST_PEOPLE` at most, in all their campaigns."""
    return not looks_like_number(term.strip())


def recipients_like(queryset: QuerySet, term: str) -> tuple[QuerySet, bool]:
    """Those found, and whether more contacts match than were looked up."""
    if is_a_name(term):
        named = Contact.objects.filter(name__istartswith=term)
        phones, has_more = _phones(named)
        return queryset.filter(pk__in=results_of(phones)), has_more
    found = numbers_like(queryset, term)
    ending = ends_with(Contact.objects.all(), term)
    if ending is None:
        return queryset.filter(found), False
    phones, has_more = _phones(ending)
    if not queryset.model._default_manager.filter(found).exists():
        return queryset.filter(pk__in=results_of(phones)), has_more
    return queryset.filter(found | Q(pk__in=results_of(phones))), has_more


def _phones(contacts: QuerySet) -> tuple[list[str], bool]:
    phones = contacts.order_by("-pk").values_list("phone", flat=True)
    found = [str(phone) for phone in phones[: MOST_PEOPLE + 1]]
    return found[:MOST_PEOPLE], len(found) > MOST_PEOPLE
