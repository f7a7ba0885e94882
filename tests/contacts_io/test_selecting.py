from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from csms_campaigns import tasks
from csms_campaigns.contacts_io import filling, selecting
from csms_campaigns.contacts_io.selecting import Conditions, matching, page
from csms_campaigns.models import (
    Campaign,
    Contact,
    ContactList,
    ContactSelection,
    OptOut,
    SendResult,
)
from csms_campaigns.states import SkipReason

pytestmark = pytest.mark.django_db

PEOPLE = {
    "Amal": ("+966501000001", {"city": "Riyadh"}),
    "Badr": ("+966501000002", {"City": "riyadh", "age": "30"}),
    "Cleo": ("+201001000003", {"city": "Cairo"}),
    "Dina": ("+12125550104", {}),
}


@pytest.fixture
def people() -> dict[str, Contact]:
    return {
        name: Contact.objects.create(phone=phone, name=name, attributes=attributes)
        for name, (phone, attributes) in PEOPLE.items()
    }


def texted(name: str, status: str, *, days: int = 0, campaign: str = "c") -> None:
    row = SendResult.objects.create(
        campaign=Campaign.objects.create(name=campaign),
        phone=PEOPLE[name][0],
        status=status,
        skip_reason=SkipReason.OPTED_OUT if status == "skipped" else "",
    )
    moment = timezone.now() - timedelta(days=days)
    SendResult.objects.filter(pk=row.pk).update(updated_at=moment)


def names(**wanted: Any) -> list[str]:
    found = matching(Conditions(**wanted), timezone.now())
    return sorted(found.values_list("name", flat=True))


def test_by_an_attribute_however_it_is_written(people: Any) -> None:
    assert names(attribute="city", value="Riyadh") == ["Amal", "Badr"]
    assert names(attribute="city", value="Riy") == []
    assert names(attribute="city") == ["Amal", "Badr", "Cleo"]
    assert names(attribute="x'; --", value="%") == []


def test_in_a_list_and_not_in_one(people: dict[str, Contact]) -> None:
    one, two = (ContactList.objects.create(name=name) for name in "ab")
    one.contacts.add(people["Amal"], people["Badr"])
    two.contacts.add(people["Badr"])
    assert names(in_list=one.pk) == ["Amal", "Badr"]
    assert names(in_list=one.pk, not_in_list=two.pk) == ["Amal"]
    assert names(not_in_list=one.pk) == ["Cleo", "Dina"]


def test_by_what_became_of_the_last_text(people: Any) -> None:
    texted("Amal", "failed")
    texted("Amal", "sent")
    texted("Badr", "sent")
    texted("Badr", "failed")
    texted("Cleo", "unknown")
    texted("Cleo", "skipped")
    assert names(outcome="sent") == ["Amal"]
    assert names(outcome="failed") == ["Badr"]
    assert names(outcome="unknown") == ["Cleo"]
    assert names(outcome="never") == ["Dina"]


def test_the_last_text_beside_lists_and_opt_outs(people: dict[str, Contact]) -> None:
    one, two = (ContactList.objects.create(name=name) for name in "ab")
    one.contacts.add(people["Amal"], people["Badr"], people["Cleo"])
    two.contacts.add(people["Cleo"])
    OptOut.objects.create(phone=PEOPLE["Badr"][0])
    for name in PEOPLE:
        texted(name, "failed", campaign=name)
    assert names(outcome="failed", in_list=one.pk) == ["Amal", "Badr", "Cleo"]
    assert names(outcome="failed", not_in_list=one.pk) == ["Dina"]
    both = {"in_list": one.pk, "not_in_list": two.pk, "outcome": "failed"}
    assert names(**both) == ["Amal", "Badr"]
    assert names(**both, opted_out="no") == ["Amal"]
    assert names(**both, opted_out="yes") == ["Badr"]
    assert names(in_list=one.pk, outcome="sent") == []


def test_not_texted_in_some_days(people: Any) -> None:
    texted("Amal", "sent", days=40)
    texted("Badr", "sent", days=10)
    texted("Cleo", "failed", days=1)
    assert names(not_texted_days=30) == ["Amal", "Cleo", "Dina"]
    assert names(not_texted_days=50) == ["Cleo", "Dina"]
    assert names(not_texted_days=10**9) == ["Cleo", "Dina"]


def test_by_country_and_opt_out_together(people: Any) -> None:
    OptOut.objects.create(phone=PEOPLE["Badr"][0])
    saudi = selecting.calling_code("sa")
    assert names(calling_code=saudi) == ["Amal", "Badr"]
    assert names(calling_code=saudi, opted_out="no") == ["Amal"]
    assert names(opted_out="yes") == ["Badr"]
    assert selecting.calling_code("XX") == 0
    assert (966, "SA") in selecting.countries()


def test_conditions_survive_being_kept_as_json() -> None:
    wanted = Conditions(attribute="city", value="Riyadh", not_texted_days=3)
    assert Conditions.of({**wanted.as_dict(), "gone": 1}) == wanted
    assert bool(wanted)
    assert not Conditions()


def test_a_page_looks_at_so_many_and_says_where_to_go_on(
    people: dict[str, Contact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selecting, "CHEAP_STEP", 2)
    wanted, now = Conditions(attribute="city", value="Riyadh"), timezone.now()
    first = page(wanted, now, after=0, size=50)
    assert (first.contacts, first.is_partial) == ([], True)
    assert first.next_after is not None
    second = page(wanted, now, after=first.next_after, size=50)
    assert [one.name for one in second.contacts] == ["Badr", "Amal"]
    assert second.next_after is None


def test_pages_meet_without_a_gap(people: Any) -> None:
    wanted, now, after, seen = Conditions(opted_out="no"), timezone.now(), 0, []
    while after is not None:
        found = page(wanted, now, after=after, size=1)
        seen += [one.name for one in found.contacts]
        after = found.next_after
    assert seen == ["Dina", "Cleo", "Badr", "Amal"]


# Into a list


@pytest.fixture
def chosen() -> ContactList:
    return ContactList.objects.create(name="Chosen")


def members(contact_list: ContactList) -> list[str]:
    return sorted(contact_list.contacts.values_list("name", flat=True))


def test_all_who_match_are_put_in_once(
    people: dict[str, Contact], chosen: ContactList
) -> None:
    chosen.contacts.add(people["Amal"])
    selection = filling.begin(chosen, Conditions(attribute="city", value="riyadh"))
    assert filling.fill(selection)
    assert members(chosen) == ["Amal", "Badr"]
    assert selection.added_count == 1
    assert filling.stale() == []


def test_slices_go_on_where_another_one_ended(
    people: Any, chosen: ContactList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "COSTLY_STEP", 1)
    selection = filling.begin(chosen, Conditions())
    assert not filling.fill(selection, slices=2)
    assert members(chosen) == ["Amal", "Badr"]
    Contact.objects.create(phone="+966501000009", name="Late")
    tasks.fill_list(selection.pk, str(selection.token))
    selection.refresh_from_db()
    assert selection.finished_at is not None
    assert (selection.added_count, len(members(chosen))) == (4, 4)


def test_a_doubled_message_finds_nothing_to_do(
    people: Any, chosen: ContactList
) -> None:
    selection = filling.begin(chosen, Conditions())
    ContactSelection.objects.update(token=None)
    tasks.fill_list(selection.pk, str(selection.token))
    tasks.fill_list(selection.pk, "")
    assert members(chosen) == []


def test_what_nobody_works_on_any_more_is_gone_on_with(
    people: Any, chosen: ContactList
) -> None:
    selection = filling.begin(chosen, Conditions())
    ContactSelection.objects.update(lease_until=Now() - timedelta(seconds=1))
    assert filling.stale() == [selection.pk]
    tasks.fill_list(selection.pk, "")
    assert len(members(chosen)) == 4
    assert filling.stale() == []


def test_a_worker_that_is_told_to_end_gives_it_back(
    people: Any, chosen: ContactList
) -> None:
    selection = filling.begin(chosen, Conditions())
    filling.run_once(selection.pk, str(selection.token), should_stop=lambda: True)
    assert members(chosen) == []
    ContactSelection.objects.update(lease_until=Now() - timedelta(seconds=1))
    assert filling.stale() == [selection.pk]


def test_nobody_at_all(chosen: ContactList) -> None:
    assert filling.fill(filling.begin(chosen, Conditions()))


def test_of_a_small_list_all_members_are_looked_at(
    people: dict[str, Contact], chosen: ContactList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selecting, "CHEAP_STEP", 1)
    chosen.contacts.add(people["Amal"], people["Dina"])
    found = page(Conditions(in_list=chosen.pk), timezone.now(), after=0, size=50)
    assert [one.name for one in found.contacts] == ["Dina", "Amal"]
    assert not found.is_partial


# What PostgreSQL would compile


def compiled_before(queries: CaptureQueriesContext, what: str) -> bool:
    """Whether the query with these words came without the compiler's being off."""
    said = [query["sql"] for query in queries.captured_queries]
    place = next(place for place, sql in enumerate(said) if what in sql)
    return "SET LOCAL jit = off" not in said[:place]


def test_no_search_is_compiled(people: Any, chosen: ContactList) -> None:
    wanted = Conditions(outcome="failed", opted_out="no")
    is_postgresql = connection.vendor == "postgresql"
    with CaptureQueriesContext(connection) as of_page:
        page(wanted, timezone.now(), after=0, size=50)
    selection = filling.begin(chosen, wanted)
    with CaptureQueriesContext(connection) as of_list:
        filling.fill(selection)
    for queries in (of_page, of_list):
        assert compiled_before(queries, "optout") is not is_postgresql
