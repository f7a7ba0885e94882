"""The one writer of opt-outs: each number once, the first time stays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from csms_campaigns.engine import opting_out
from csms_campaigns.models import Campaign, OptOut
from tests import factories

pytestmark = pytest.mark.django_db

ONE, TWO = "+12125550101", "+12125550102"


def phones() -> list[str]:
    return sorted(
        str(phone) for phone in OptOut.objects.values_list("phone", flat=True)
    )


def test_each_has_its_source_reason_time_and_person() -> None:
    ada = User.objects.create_user("ada")
    before = timezone.now()
    assert opting_out.opt_out(ONE, source="api", reason="Asked", by=ada)
    found = OptOut.objects.get()
    assert (found.phone, found.source, found.reason) == (ONE, "api", "Asked")
    assert (found.created_by, found.created_at >= before) == (ada, True)


def test_the_second_time_changes_nothing() -> None:
    opting_out.opt_out(ONE, source="api", reason="First")
    first = OptOut.objects.values().get()
    assert not opting_out.opt_out(ONE, source="link", reason="Second")
    assert OptOut.objects.values().get() == first


def test_long_words_are_cut_to_their_columns() -> None:
    opting_out.opt_out(ONE, source="s" * 80, reason="r" * 400)
    found = OptOut.objects.get()
    assert (len(found.source), len(found.reason)) == (50, 255)


def test_a_reply_that_no_database_keeps_opts_out_all_the_same() -> None:
    said = "STOP\0 \udcff\ud83d\ude00"
    assert opting_out.opt_out(factories.number(1), source="re\0ply", reason=said)
    found = OptOut.objects.get()
    assert (found.source, found.reason) == ("reply", "STOP \ufffd\U0001f600")


def test_many_in_slices_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opting_out, "SLICE", 10)
    factories.opt_out([factories.number(3)])
    given = [factories.number(i % 25) for i in range(50)]
    assert opting_out.opt_out_many(given, source="import") == 24
    assert OptOut.objects.count() == 25
    assert opting_out.opt_out_many(given, source="import") == 0


def test_a_list_as_people_write_it() -> None:
    factories.opt_out([TWO])
    given = ["(212) 555-0101", TWO, "call me", " ", "٠٠١٢١٢٥٥٥٠١٠١", "1e9"]
    report = opting_out.opt_out_list(enumerate(given, start=1), source="import")
    assert (report.rows, report.new, report.known, report.bad) == (6, 1, 2, 3)
    assert [bad.line for bad in report.examples] == [3, 4, 6]
    assert report.examples[0].given == "call me"
    assert phones() == [ONE, TWO]


def test_of_the_region_that_is_given() -> None:
    given = [(1, "050 123 4567")]
    report = opting_out.opt_out_list(given, region="SA", source="import")
    assert (report.new, phones()) == (1, ["+966501234567"])


def test_few_bad_ones_are_named_and_all_counted() -> None:
    report = opting_out.opt_out_list(((i, "bad") for i in range(500)), source="import")
    assert (report.bad, len(report.examples)) == (500, opting_out.SHOWN)


def test_no_more_is_read_than_asked_for() -> None:
    asked = 0

    def given() -> Iterator[tuple[int, str]]:
        nonlocal asked
        for i in range(1_000_000):
            asked = i
            yield i, factories.number(i)

    report = opting_out.opt_out_list(given(), most=30, source="import")
    assert (report.new, report.is_cut, asked) == (30, True, 30)
    exact = [(1, ONE), (2, TWO)]
    assert not opting_out.opt_out_list(exact, most=2, source="import").is_cut


def test_a_person_may_opt_in_again() -> None:
    factories.opt_out([ONE, TWO])
    assert opting_out.opt_in([ONE, "+12125559999"]) == 1
    assert (opting_out.is_opted_out(ONE), opting_out.is_opted_out(TWO)) == (False, True)


# What a stranger says is their number


def test_a_recipient_of_the_campaign_is_opted_out() -> None:
    campaign = factories.ready(3)
    opting_out.opt_out_recipient(campaign.pk, factories.number(1))
    found = OptOut.objects.get()
    assert (found.phone, found.source) == (factories.number(1), "link")
    assert found.reason == campaign.name


def test_who_was_no_recipient_is_not() -> None:
    campaign = factories.ready(3)
    other = factories.ready(2, lists=[factories.people(2, "Others")])
    stranger = factories.number(4)
    opting_out.opt_out_recipient(campaign.pk, stranger)
    assert phones() == []
    opting_out.opt_out_recipient(other.pk, stranger)
    assert phones() == [stranger]


def test_an_opt_out_that_is_there_stays_whoever_asks() -> None:
    campaign = factories.ready(3)
    opting_out.opt_out("+12125550199", source="api")
    opting_out.opt_out_recipient(campaign.pk, "+12125550199")
    assert OptOut.objects.get().source == "api"


@pytest.mark.parametrize("column", ["anonymised_at", "results_deleted_at"])
def test_where_nobody_knows_any_more_the_number_counts(column: str) -> None:
    campaign = factories.ready(3)
    values: dict[str, Any] = {column: timezone.now()}
    Campaign.objects.filter(pk=campaign.pk).update(**values)
    opting_out.opt_out_recipient(campaign.pk, "+12125550199")
    assert phones() == ["+12125550199"]


def test_recipients_and_strangers_take_the_same_statements() -> None:
    campaign = factories.ready(3)
    asked = []
    for phone in (factories.number(1), "+12125550199"):
        with CaptureQueriesContext(connection) as found:
            opting_out.opt_out_recipient(campaign.pk, phone)
        kinds = [query["sql"].split()[0] for query in found.captured_queries]
        asked.append([kind for kind in kinds if kind in {"SELECT", "INSERT"}])
    assert asked == [["SELECT", "INSERT", "SELECT"]] * 2
