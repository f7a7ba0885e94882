"""Contacts by conditions, in steps of bounded work: also where no index leads to them.

The conditions are small and serialisable, so that a page, a command and a worker mean the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any, Final, Self

import phonenumbers
from django.db import connections
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.fields.json import KeyTextTransform
from django.db.models.lookups import IExact, IsNull

from csms_campaigns.contacts_io.rows import rows, uncompiled
from csms_campaigns.models import Contact, OptOut, SendResult
from csms_campaigns.states import SendStatus

NEVER: Final = "never"
OUTCOMES: Final = (
    SendStatus.SENT.value,
    SendStatus.FAILED.value,
    SendStatus.UNKNOWN.value,
)
"""Of a text that was asked for."""
REACHED: Final = (SendStatus.SENT.value, SendStatus.UNKNOWN.value)
"""They may have been texted."""
CHEAP_STEP: Final = 100_000
"""Contacts that are looked at for a page: some 0.1 s."""
COSTLY_STEP: Final = 20_000
"""The same, where each one's texts are looked up by number."""
MOST_DAYS: Final = 36_500
TELLING: Final = 7
"""Numbers that begin with more than so many characters are few."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """All that are given must hold; what is empty asks nothing."""

    attribute: str = ""
    value: str = ""
    in_list: int = 0
    not_in_list: int = 0
    outcome: str = ""
    """Of the last text: sent, failed or unknown; or `never`."""
    not_texted_days: int = 0
    calling_code: int = 0
    opted_out: str = ""
    """yes or no"""
    name: str = ""
    """Its beginning."""
    prefixes: tuple[str, ...] = ()
    """How the number may begin."""

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        known = {field.name for field in fields(cls)}
        given = {name: found[name] for name in found if name in known}
        return cls(**{**given, "prefixes": tuple(given.get("prefixes", ()))})

    def as_dict(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value}

    def __bool__(self) -> bool:
        return bool(self.as_dict())

    @property
    def step(self) -> int | None:
        """None: an index leads to the few there are."""
        if any(len(prefix) > TELLING for prefix in self.prefixes):
            return None
        return COSTLY_STEP if self.is_costly else CHEAP_STEP

    @property
    def is_costly(self) -> bool:
        """Each one's texts are looked up."""
        return bool(self.outcome or self.not_texted_days)


def matching(wanted: Conditions, now: datetime) -> QuerySet[Contact]:
    """Without an order. It may read all contacts: give it a range of ids."""
    found = rows(Contact).all()
    for condition in _conditions(wanted, now, found.db):
        found = found.filter(condition)
    return found.alias(**_last(wanted)).filter(*_of_last(wanted))


def _conditions(wanted: Conditions, now: datetime, alias: str) -> list[Any]:
    found: list[Any] = []
    if wanted.attribute:
        found.append(_attribute(wanted))
    exists = _looked_up if wanted.is_costly else Exists
    if wanted.in_list:
        found.append(exists(_memberships(wanted.in_list)))
    if wanted.not_in_list:
        found.append(~exists(_memberships(wanted.not_in_list)))
    if wanted.calling_code:
        found.append(_begins(f"+{wanted.calling_code}", alias))
    if wanted.opted_out:
        is_out = exists(rows(OptOut).filter(phone=OuterRef("phone")))
        found.append(is_out if wanted.opted_out == "yes" else ~is_out)
    if wanted.outcome == NEVER:
        found.append(~Exists(_texts(OUTCOMES)))
    if wanted.not_texted_days:
        since = now - timedelta(days=min(wanted.not_texted_days, MOST_DAYS))
        found.append(~Exists(_texts(REACHED).filter(updated_at__gte=since)))
    if wanted.prefixes:
        begins = (_begins(prefix, alias) for prefix in wanted.prefixes)
        found.append(reduce(or_, begins))
    if wanted.name:
        found.append(Q(name__istartswith=wanted.name))
    return found


def _attribute(wanted: Conditions) -> Q:
    """Under this name as it is written; or under the usual ways to write it."""
    name = wanted.attribute
    found = Q()
    for key in sorted({name, name.lower(), name.upper(), name.title()}):
        known = KeyTextTransform(key, "attributes")
        found |= Q(
            IExact(known, wanted.value) if wanted.value else IsNull(known, False)
        )
    return found


def _looked_up(those: QuerySet[Any]) -> Any:
    """Exists, for each row by itself. Beside a condition on texts, of which the planner expects
    that one row is left, it would join by reading all opt-outs for each row (4 s, not 0.2)."""
    return Q(IsNull(Subquery(those.values("pk")[:1]), False))


def _memberships(list_id: int) -> QuerySet[Any]:
    """Looked up by contact: by list, which a planner prefers while it does not know that the
    list has grown, each lookup reads all of the list (minutes in place of 0.2 s)."""
    members = rows(Contact.lists.through).filter(contact=OuterRef("pk"))
    plain = members.alias(which=F("contactlist_id") + 0)
    return plain.filter(which=list_id)  # type: ignore[misc] # an alias


def _begins(prefix: str, alias: str) -> Q:
    if connections[alias].vendor == "sqlite":
        # Its LIKE takes no index and knows no case.
        after = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        return Q(phone__gte=prefix, phone__lt=after)
    return Q(phone__startswith=prefix)


def _texts(statuses: tuple[str, ...]) -> QuerySet[SendResult]:
    """By number: the index of that holds also whoever became a contact later."""
    return rows(SendResult).filter(phone=OuterRef("phone"), status__in=statuses)


def _last(wanted: Conditions) -> dict[str, Any]:
    if wanted.outcome not in OUTCOMES:
        return {}
    latest = _texts(OUTCOMES).order_by("-campaign").values("status")[:1]
    return {"last_outcome": Subquery(latest)}


def _of_last(wanted: Conditions) -> list[Q]:
    return [Q(last_outcome=wanted.outcome)] if wanted.outcome in OUTCOMES else []


@dataclass(frozen=True, slots=True)
class Found:
    """`next_after` is the id behind which to go on; None at the end. With `is_partial` there
    may be more behind those that were looked at."""

    contacts: list[Contact]
    next_after: int | None
    is_partial: bool = False


def page(wanted: Conditions, now: datetime, *, after: int, size: int) -> Found:
    """The newest first, with ids below `after` (0: from the newest on)."""
    found, step = _below(matching(wanted, now), after), wanted.step
    if _is_of_small_list(wanted):
        found, step = found.filter(pk__in=_members(wanted).values("contact")), None
    floor = _floor(after, step)
    if floor is not None:
        found = found.filter(pk__gt=floor)
    with uncompiled():
        contacts = list(found.order_by("-pk")[: size + 1])
    if len(contacts) > size:
        return Found(contacts[:size], contacts[size - 1].pk)
    if floor is None:
        return Found(contacts, None)
    return Found(contacts, floor + 1, is_partial=True)


def _is_of_small_list(wanted: Conditions) -> bool:
    """Its members are looked at, and nobody else."""
    if not wanted.in_list:
        return False
    beyond = _members(wanted).values("pk")[COSTLY_STEP : COSTLY_STEP + 1]
    return not beyond.exists()


def _members(wanted: Conditions) -> QuerySet[Any]:
    return rows(Contact.lists.through).filter(contactlist=wanted.in_list)


def _below(found: QuerySet[Contact], after: int) -> QuerySet[Contact]:
    return found.filter(pk__lt=after) if after else found


def _floor(after: int, step: int | None) -> int | None:
    """So many contacts below; None if there are not so many."""
    if step is None:
        return None
    ids = _below(rows(Contact).all(), after).order_by("-pk")
    return ids.values_list("pk", flat=True)[step : step + 1].first()


def calling_code(region: str) -> int:
    """Of two letters such as SA; 0 if there is no such country."""
    return int(phonenumbers.country_code_for_region(region.strip().upper()))


def countries() -> list[tuple[int, str]]:
    """Calling codes with the letters of their countries, which may be several."""
    known = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    return [(code, _letters(regions)) for code, regions in sorted(known.items())]


def _letters(regions: tuple[str, ...]) -> str:
    shown = ", ".join(regions[:3])
    return f"{shown} …" if len(regions) > 3 else shown
