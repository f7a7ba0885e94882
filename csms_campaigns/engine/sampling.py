"""A few real people of an audience, to see how a text reads for them. Quick at any size.

They are taken from several places of the lists, so that neither the oldest nor the newest
import alone is seen. Nothing here may be taken for a count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from csms_campaigns import conf
from csms_campaigns.audiences import AudiencePerson
from csms_campaigns.engine import site_audiences
from csms_campaigns.engine.bounded import TooSlow, bounded
from csms_campaigns.engine.composition import BUILT_IN
from csms_campaigns.engine.database import rows
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.selection import Selection, members_of
from csms_campaigns.models import Contact, OptOut
from csms_campaigns.models.fields import e164
from csms_campaigns.sms.numbers import InvalidNumber, normalise
from csms_campaigns.sms.placeholders import normalise_name

SIZE: Final = 200
PLACES: Final = 8
MOST: Final = 800
"""Members that are looked at, to keep `SIZE` of them and to know the attributes of all."""
PATIENCE: Final = 0.3
"""Seconds for the members of each place."""


@dataclass(frozen=True, slots=True)
class SampledPerson:
    phone: str
    name: str
    values: Mapping[str, str] = field(default_factory=dict)
    """By normalised name, with `name` and `phone`."""


@dataclass(frozen=True, slots=True)
class Sample:
    people: tuple[SampledPerson, ...] = ()
    attributes: tuple[str, ...] = BUILT_IN
    """Names of placeholders for which somebody has a value; of more people than are kept."""
    problem: str = ""
    """What is wrong with an audience of the site, in one sentence."""


def sample(selection: Selection, size: int = SIZE) -> Sample:
    """Nobody who has opted out is among them: they get no text."""
    sources, problem = [_from_lists(selection)], ""
    for name in selection.audiences:
        try:
            sources.append(_from_audience(name))
        except CampaignError as error:
            problem = problem or str(error)
    share = max(size // sum(map(bool, sources)), 1) if any(sources) else 1
    unique = {one.phone: one for people in sources for one in _thinned(people, share)}
    names = {name for people in sources for one in people for name in one.values}
    attributes = (*BUILT_IN, *sorted(names - set(BUILT_IN)))
    return Sample(tuple(unique.values()), attributes, problem)


def _from_lists(selection: Selection) -> list[SampledPerson]:
    ids = _ids(selection)
    others: Any = members_of(selection.exclude_ids)
    without = others.filter(contact_id__in=ids)
    ids -= set(without.values_list("contact_id", flat=True))
    chosen = rows(Contact).filter(pk__in=ids).only("phone", "name", "attributes")
    people = [_of_contact(contact) for contact in chosen.order_by("pk")]
    return _not_opted_out(people)


def _ids(selection: Selection) -> set[int]:
    """The table of members alone is asked: with the people joined, a planner that expects
    few of them reads all of a million first."""
    # Rows of the relation, whose columns its model does not name.
    members: Any = members_of(selection.list_ids)
    with suppress(TooSlow), bounded(PATIENCE):
        # Small lists are read whole; in their order, all members of others would be walked.
        few = set(members.values_list("contact_id", flat=True)[: MOST + 1])
        if len(few) <= MOST:
            return few
    found: set[int] = set()
    for after in _places():
        behind = members.filter(contact_id__gt=after).order_by("contact_id")
        with suppress(TooSlow), bounded(PATIENCE):
            found.update(behind.values_list("contact_id", flat=True)[: MOST // PLACES])
    return found


def _places() -> Iterator[int]:
    """Ids of contacts, spread evenly."""
    ids = rows(Contact).values_list("pk", flat=True)
    # Not Min and Max in one statement, for which SQLite reads the table.
    first, last = ids.order_by("pk").first() or 1, ids.order_by("-pk").first() or 1
    for number in range(PLACES):
        yield first - 1 + (last - first) * number // PLACES


def _thinned(people: list[SampledPerson], size: int) -> list[SampledPerson]:
    """At most so many, spread evenly."""
    step = max(len(people) / size, 1)
    return [people[int(place * step)] for place in range(int(len(people) / step))]


def _of_contact(contact: Contact) -> SampledPerson:
    return _person(e164(contact.phone), contact.name, contact.attributes or {})


def _from_audience(name: str) -> list[SampledPerson]:
    found = map(_of_site, islice(site_audiences.people_of(name), SIZE))
    return _not_opted_out([person for person in found if person is not None])


def _not_opted_out(people: list[SampledPerson]) -> list[SampledPerson]:
    phones = [person.phone for person in people]
    gone = rows(OptOut).filter(phone__in=phones).values_list("phone", flat=True)
    opted_out = {e164(phone) for phone in gone}
    return [person for person in people if person.phone not in opted_out]


def _of_site(one: AudiencePerson) -> SampledPerson | None:
    try:
        phone = normalise(one.phone, conf.default_region())
    except InvalidNumber:
        return None
    return _person(phone, str(one.name or ""), one.attributes)


def _person(phone: str, name: str, attributes: Mapping[str, object]) -> SampledPerson:
    values = {
        normalise_name(str(key)): str(value)
        for key, value in attributes.items()
        if value not in (None, "")
    }
    values.setdefault("phone", phone)
    if name:
        values["name"] = name
    return SampledPerson(phone, name, values)
