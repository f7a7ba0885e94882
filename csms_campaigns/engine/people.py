"""Who a campaign reaches, read in slices: constant memory at any size."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from django.db.models import (
    Case,
    CharField,
    Exists,
    Expression,
    Func,
    OuterRef,
    Q,
    QuerySet,
    TextField,
    Value,
    When,
)
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from csms_campaigns.engine.database import connection, is_postgresql, rows
from csms_campaigns.engine.selection import Selection, people_in
from csms_campaigns.models import OptOut
from csms_campaigns.sms.placeholders import normalise_name

SLICE: Final = 30_000
"""Larger ones are hardly faster, and take 1 kB of memory for each person (measured)."""


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


def read(chosen: Selection, after: int, names: Sequence[str]) -> Iterator[Person]:
    """The next people of the lists in the order of their ids, each once, with the values that
    a text with these placeholders needs.

    All rows are fetched at once: an open answer stands in the way of our own writing on SQLite,
    as soon as somebody else has written too.
    """
    found = contacts_after(chosen, after)
    if names:
        found = found.annotate(**_values(names)).annotate(rest=_rest(names))
    valued = ("rest", *(_READ.get(name, f"value_{i}") for i, name in enumerate(names)))
    columns = ("pk", "number", "opted_out", *(valued if names else ()))
    sql, params = found.values_list(*columns)[:SLICE].query.sql_with_params()
    with connection().cursor() as cursor:
        cursor.execute(sql, params)
        # Not in pieces: the others of this process take Python's lock between any two.
        yield from _people(cursor.fetchall(), names)


def contacts_after(chosen: Selection, after: int) -> QuerySet[Any]:
    """In the order of their ids, with `number` and `opted_out`."""
    opted_out = rows(OptOut).filter(phone=OuterRef("phone"))
    found = people_in(chosen.list_ids, after, chosen.exclude_ids)
    # The number as plain text: the phone field would parse each one (25 µs).
    number = Cast("phone", CharField())
    named: QuerySet[Any] = found.annotate(number=number, opted_out=Exists(opted_out))
    return named.order_by("pk")


def _people(found: Iterable[tuple[Any, ...]], names: Sequence[str]) -> Iterator[Person]:
    if not names:
        yield from (Person(*row) for row in found)
        return
    is_complete = "phone" not in names
    for pk, number, opted_out, rest, *given in found:
        values = dict(zip(names, given, strict=True))
        if rest is not None or not is_complete:
            values = _completed(number, rest, values)
        yield Person(pk, number, opted_out, values)


_READ: Final = {"name": "name"}
"""Placeholders that are columns."""


def _values(names: Sequence[str]) -> dict[str, Expression]:
    """Read from the JSON by the database: parsing a whole dict takes 3 µs here."""
    return {
        f"value_{index}": _value(name)
        for index, name in enumerate(names)
        if name not in _READ
    }


def _value(name: str) -> Expression:
    if is_postgresql():
        return KeyTextTransform(name, "attributes")
    # The ORM's own word for it makes the text “null” of what is null.
    path = Value("$." + json.dumps(name))
    text = TextField()
    return Func("attributes", path, function="JSON_EXTRACT", output_field=text)


def _rest(names: Sequence[str]) -> Case:
    """All attributes, where one has no value under its own name: a site may write `City`."""
    missing = Q()
    for index, name in enumerate(names):
        if name in _READ:
            missing |= Q(**{_READ[name]: ""})
        elif name != "phone":
            missing |= Q(**{f"value_{index}__isnull": True})
    whole = Cast("attributes", TextField())
    if not missing:
        return Case(default=Value(None), output_field=TextField())
    return Case(When(missing, then=whole), default=None, output_field=TextField())


def _completed(
    number: str, rest: str | None, values: dict[str, str | None]
) -> dict[str, str]:
    attributes = json.loads(rest or "{}")
    others = attributes if isinstance(attributes, dict) else {}
    known = {name: value for name, value in values.items() if value}
    return values_of(number, "", {**others, **known})


def values_of(number: str, name: str, attributes: Mapping[str, str]) -> dict[str, str]:
    """By normalised name. A person's own attribute `phone` is stronger than the number."""
    values = {normalise_name(key): value for key, value in attributes.items()}
    values.setdefault("phone", number)
    if name:
        values["name"] = name
    return values
