"""A few real people of an audience: from all over it, without those who get no text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from csms_campaigns.engine import sampling
from csms_campaigns.engine.sampling import sample
from csms_campaigns.engine.selection import Selection
from csms_campaigns.models import Contact, ContactList
from tests import factories

pytestmark = pytest.mark.django_db


def of(*lists: ContactList, without: tuple[ContactList, ...] = ()) -> Selection:
    return Selection(tuple(c.pk for c in lists), tuple(c.pk for c in without))


def test_a_small_list_is_seen_whole() -> None:
    found = sample(of(factories.people(30, city="Paris")))
    assert [person.name for person in found.people] == [
        f"Person {n}" for n in range(30)
    ]
    assert found.people[0].values == {
        "city": "Paris",
        "name": "Person 0",
        "phone": factories.number(0),
    }
    assert found.attributes == ("name", "phone", "city")


def test_a_large_one_is_seen_from_its_beginning_to_its_end() -> None:
    found = sample(of(factories.people(2000)), size=40).people
    assert len(found) == 40
    places = [int(person.name.split()[1]) for person in found]
    assert places == sorted(places)
    assert places[0] < 100
    assert places[-1] >= 1750
    gaps = [b - a for a, b in pairwise(places)]
    assert max(gaps) < 400


def test_who_gets_no_text_is_not_among_them() -> None:
    everybody = factories.people(6)
    other = ContactList.objects.create(name="Other")
    other.contacts.add(Contact.objects.get(phone=factories.number(1)))
    factories.opt_out([factories.number(2)])
    names = {person.name for person in sample(of(everybody, without=(other,))).people}
    assert names == {"Person 0", "Person 3", "Person 4", "Person 5"}


def test_who_is_in_two_lists_is_seen_once() -> None:
    first = factories.people(3)
    second = ContactList.objects.create(name="Second")
    second.contacts.add(*first.contacts.all())
    assert len(sample(of(first, second)).people) == 3


def test_rare_attributes_of_people_who_are_not_kept_are_known_too() -> None:
    chosen = factories.people(300)
    rare = Contact.objects.get(phone=factories.number(297))
    rare.attributes = {"Code": "7"}
    rare.save()
    found = sample(of(chosen), size=10)
    assert all("code" not in person.values for person in found.people)
    assert "code" in found.attributes


def test_empty_values_are_none() -> None:
    chosen = factories.people(1, city="")
    assert sample(of(chosen)).attributes == ("name", "phone")


def test_nobody() -> None:
    assert sample(Selection()).people == ()
    assert sample(of(ContactList.objects.create(name="Empty"))).people == ()


@pytest.mark.parametrize("size", [3, 3000])
def test_the_number_of_queries_does_not_grow(size: int) -> None:
    chosen = of(factories.people(size))
    with CaptureQueriesContext(connection) as queries:
        sample(chosen)
    # A bound costs PostgreSQL a few statements more for each place.
    assert len(queries) <= 8 * (sampling.PLACES + 5)


def site_people() -> list[dict[str, str]]:
    return [
        {"phone": "(212) 555-0119", "name": "Ann", "Town": "Rome"},
        {"phone": "nonsense", "name": "Bob"},
        {"phone": factories.number(5), "name": "Gone"},
    ]


def broken() -> list[dict[str, str]]:
    message = "no such table"
    raise LookupError(message)


def test_people_of_the_sites_own_tables(settings: object) -> None:
    settings.CSMS_CAMPAIGNS = {  # type: ignore[attr-defined]
        **settings.CSMS_CAMPAIGNS,  # type: ignore[attr-defined]
        "AUDIENCES": {"customers": f"{__name__}.site_people"},
    }
    factories.opt_out([factories.number(5)])
    found = sample(Selection(audiences=("customers",)))
    (person,) = found.people
    assert (person.phone, person.name) == ("+12125550119", "Ann")
    assert found.attributes == ("name", "phone", "town")


def test_an_audience_that_cannot_be_read_is_said_and_the_rest_is_seen(
    settings: object,
) -> None:
    settings.CSMS_CAMPAIGNS = {  # type: ignore[attr-defined]
        **settings.CSMS_CAMPAIGNS,  # type: ignore[attr-defined]
        "AUDIENCES": {"broken": f"{__name__}.broken"},
    }
    chosen = of(factories.people(2))
    found = sample(Selection(chosen.list_ids, audiences=("broken",)))
    assert len(found.people) == 2
    assert "“broken” could not be read" in found.problem
