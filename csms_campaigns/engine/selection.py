"""Who is chosen: people of contact lists, without those of others, and audiences of the site."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from django.db.models import Exists, F, OuterRef, QuerySet

from csms_campaigns.engine.database import alias, is_postgresql, rows
from csms_campaigns.models import Campaign, Contact


@dataclass(frozen=True, slots=True)
class Selection:
    """Ids of lists, and names from `AUDIENCES`."""

    list_ids: tuple[int, ...] = ()
    exclude_ids: tuple[int, ...] = ()
    audiences: tuple[str, ...] = ()

    @classmethod
    def of(cls, campaign: Campaign) -> Self:
        lists, without = campaign.lists, campaign.exclude_lists
        return cls(
            tuple(lists.using(alias()).order_by("pk").values_list("pk", flat=True)),
            tuple(without.using(alias()).order_by("pk").values_list("pk", flat=True)),
            tuple(campaign.audiences),
        )


Members = QuerySet[Any]
"""Rows of who is in which list: the types do not know that table."""


def members_of(list_ids: Iterable[int]) -> Members:
    return rows(Contact.lists.through).filter(contactlist_id__in=list(list_ids))


def is_member(list_ids: Iterable[int]) -> Exists:
    """Of a contact: looked up by contact. By list, which a planner prefers while it does not know
    how large the list is, each lookup would read all of the list."""
    mine = rows(Contact.lists.through).filter(contact=OuterRef("pk"))
    listed: QuerySet[Any] = mine.alias(which=F("contactlist_id") + 0)
    return Exists(listed.filter(which__in=list(list_ids)))


def people_in(
    list_ids: Iterable[int], after: int = 0, exclude_ids: Iterable[int] = ()
) -> QuerySet[Any]:
    """Everybody in any of the lists, once; with `after`, those with higher ids."""
    lists, without = list(list_ids), list(exclude_ids)
    found = rows(Contact).filter(pk__gt=after)
    if is_postgresql():
        # The bound stands on both tables: else each slice would walk over all members before it.
        members = members_of(lists).filter(contact_id__gt=after)
        found = found.filter(pk__in=members.values("contact_id"))
    elif lists:
        # SQLite would read all members first, for each slice.
        found = found.filter(is_member(lists))
    else:
        found = found.none()
    return found.exclude(is_member(without)) if without else found
