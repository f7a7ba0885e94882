"""Who a campaign reaches, streamed in slices: constant memory at any size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from django.db.models import CharField, Exists, OuterRef, QuerySet
from django.db.models.functions import Cast

from csms_campaigns.engine.database import rows
from csms_campaigns.engine.selection import Selection, people_in
from csms_campaigns.models import Contact, OptOut
from csms_campaigns.sms.placeholders import normalise_name

SLICE: Final = 20_000


class Person(NamedTuple):
    """A contact; or, without an id, somebody of an audience of the site."""

    contact_id: int | None
    phone: str
    opted_out: bool
    values: Mapping[str, str] = MappingProxyType({})
    """Placeholder values by normalised name; empty where the text has no placeholder."""
    name: str = ""
    """Only of those without a contact."""
    left_out: str = ""
    """The reason, where it is known already; the number then stands for what was given."""


def slices(chosen: Selection, *, with_values: bool) -> Iterator[list[Person]]:
    """People of the lists in the order of their ids, each once."""
    last = 0
    while found := _slice(chosen, last, with_values=with_values):
        yield found
        last = found[-1].contact_id or 0


def contacts_after(chosen: Selection, after: int) -> QuerySet[Contact]:
    """In the order of their ids, with `number` and `opted_out`."""
    opted_out = rows(OptOut).filter(phone=OuterRef("phone"))
    found = people_in(chosen.list_ids, after, chosen.exclude_ids)
    # The number as plain text: the phone field would parse each one (25 µs).
    return found.annotate(
        number=Cast("phone", CharField()), opted_out=Exists(opted_out)
    ).order_by("pk")


def _slice(chosen: Selection, after: int, *, with_values: bool) -> list[Person]:
    wanted = ["pk", "number", "opted_out"]
    if with_values:
        wanted += ["name", "attributes"]
    found = contacts_after(chosen, after).values_list(*wanted)[:SLICE]
    return [_person(*row) for row in found]


def _person(
    pk: int,
    number: str,
    opted_out: bool,
    name: str | None = None,
    attributes: Mapping[str, str] | None = None,
) -> Person:
    if name is None:
        return Person(pk, number, opted_out)
    return Person(pk, number, opted_out, values_of(number, name, attributes or {}))


def values_of(number: str, name: str, attributes: Mapping[str, str]) -> dict[str, str]:
    values = {normalise_name(key): value for key, value in attributes.items()}
    values.setdefault("phone", number)
    if name:
        values["name"] = name
    return values
