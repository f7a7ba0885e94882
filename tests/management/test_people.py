from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from csms_campaigns.contacts_io import report, running
from csms_campaigns.models import Contact, ContactList, OptOut, SendResult
from tests import factories
from tests.contacts_io.test_running import confirmed, phone

pytestmark = pytest.mark.django_db


def said(*words: str, **options: Any) -> str:
    out = StringIO()
    call_command(*words, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def town() -> ContactList:
    return factories.people(3, "Town", city="Riyadh")


def test_a_person_is_exported(town: ContactList) -> None:
    factories.sending(lists=[town])
    found = json.loads(said("csms_person", "export", factories.number(0)))
    assert found["contact"]["lists"] == ["Town"]
    assert [text["status"] for text in found["texts"]] == ["pending"]


def test_a_number_of_nobody_is_refused(town: ContactList) -> None:
    with pytest.raises(CommandError, match="Nothing is known"):
        said("csms_person", "export", "+12125550999")
    with pytest.raises(CommandError, match="not a phone number"):
        said("csms_person", "export", "nobody")


def test_erasing_needs_a_yes(town: ContactList) -> None:
    with pytest.raises(CommandError, match="--yes"):
        said("csms_person", "erase", factories.number(0))
    assert Contact.objects.count() == 3


@pytest.mark.parametrize("forget", [True, False])
def test_a_person_is_erased(town: ContactList, forget: bool) -> None:
    factories.sending(lists=[town])
    OptOut.objects.create(phone=factories.number(0))
    options = {"yes": True, "json": True, "forget_opt_out": forget}
    done = json.loads(said("csms_person", "erase", factories.number(0), **options))
    assert done == {
        "contact": True,
        "texts": 1,
        "left_out": 1,
        "opt_out_kept": not forget,
        "report_rows": 0,
    }
    assert not SendResult.objects.filter(phone=factories.number(0)).exists()
    assert OptOut.objects.exists() is not forget


def test_erasing_by_command_reaches_reports_of_imports() -> None:
    job = confirmed()
    running.run_once(job.pk, str(job.token))
    done = json.loads(said("csms_person", "erase", phone(0), yes=True, json=True))
    # Its own row, and the one that repeats it.
    assert done["report_rows"] == 2
    assert phone(0) not in "".join(report.lines(job.pk))


@pytest.mark.parametrize("name", ["", " ", "n" * 151])
def test_a_list_needs_a_name(town: ContactList, name: str) -> None:
    with pytest.raises(CommandError, match="name of a list"):
        said("csms_list", "make", name)
    assert ContactList.objects.get() == town


def test_bytes_of_a_terminal_that_are_no_text(town: ContactList) -> None:
    said("csms_list", "make", "new\udcff", attribute="city=\udcff")
    assert ContactList.objects.filter(name="new\ufffd").exists()
    with pytest.raises(CommandError, match="no contact list"):
        said("csms_list", "make", "more", in_list="\udcff")


def test_a_list_is_made_from_conditions(town: ContactList) -> None:
    factories.people(2, "Away", city="Cairo")
    OptOut.objects.create(phone=factories.number(0))
    options = {"attribute": "city=riyadh", "country": "us", "opted_out": "no"}
    found = said("csms_list", "make", "Chosen", json=True, **options)
    assert json.loads(found) == {"list": "Chosen", "added": 2}
    again = said("csms_list", "make", "Chosen", in_list="Away", outcome="never")
    assert again.strip() == "2 contacts were put into the list."
    assert ContactList.objects.get(name="Chosen").contacts.count() == 4


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"in_list": "Gone"}, "no contact list"),
        ({"country": "XX"}, "no country"),
        ({"not_texted_days": -1}, "above zero"),
    ],
)
def test_what_is_not_there_is_said_and_makes_no_list(
    town: ContactList, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence):
        said("csms_list", "make", "Chosen", **options)
    assert not ContactList.objects.filter(name="Chosen").exists()
