"""How many are chosen: exact where there is time, an estimate where there is none."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from csms_campaigns.engine import audience_size as sizes
from csms_campaigns.engine.audience_size import AudienceSize, audience_size
from csms_campaigns.engine.bounded import TooSlow, bounded
from csms_campaigns.models import Contact, ContactList
from tests import factories
from tests.engine import site
from tests.engine.crowds import crowd

pytestmark = pytest.mark.django_db


def test_nothing_chosen() -> None:
    assert audience_size([]) == AudienceSize()


def test_lists_that_overlap_excluded_people_and_opt_outs() -> None:
    first = factories.people(10, "A")
    second = factories.people(5, "B")
    second.contacts.add(*first.contacts.order_by("pk")[:4])
    staff = ContactList.objects.create(name="Staff")
    staff.contacts.add(*first.contacts.order_by("pk")[:3])
    factories.opt_out([factories.number(2), factories.number(7), "+12125550000"])
    assert audience_size([first.pk]) == AudienceSize(8, opted_out=2)
    assert audience_size([first.pk, second.pk]) == AudienceSize(13, opted_out=2)
    assert audience_size([first.pk, second.pk], [staff.pk]) == AudienceSize(
        11, opted_out=1, excluded=3
    )
    assert audience_size([first.pk], [first.pk]) == AudienceSize(0, excluded=10)


def test_an_estimate_says_that_it_is_one_and_is_near(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def slow(*_given: object) -> None:
        raise TooSlow

    chosen = crowd(20_000)
    half = ContactList.objects.create(name="Half")
    half.contacts.add(*Contact.objects.order_by("pk")[::2])
    factories.opt_out(
        Contact.objects.order_by("pk").values_list("phone", flat=True)[1::10]
    )
    exact = audience_size([chosen.pk], [half.pk], patience=60)
    assert exact == AudienceSize(8000, opted_out=2000, excluded=10_000)
    monkeypatch.setattr(sizes, "_count", slow)
    found = audience_size([chosen.pk], [half.pk])
    assert not found.is_exact
    assert found.people == pytest.approx(8000, rel=0.2)
    assert found.opted_out == pytest.approx(2000, rel=0.2)
    assert found.excluded == pytest.approx(10_000, rel=0.2)


def test_an_estimate_of_a_database_without_contacts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def slow(*_given: object) -> None:
        raise TooSlow

    monkeypatch.setattr(sizes, "_count", slow)
    empty = ContactList.objects.create(name="Empty")
    assert audience_size([empty.pk]).people == 0


def test_audiences_of_the_site(settings: Any) -> None:
    settings.CSMS_CAMPAIGNS = {**settings.CSMS_CAMPAIGNS, "AUDIENCES": site.AUDIENCES}
    User.objects.bulk_create(User(username=f"+121255500{i}") for i in range(10, 17))
    chosen = factories.people(3)
    assert audience_size([], [], ["members"]) == AudienceSize(7, is_exact=False)
    found = audience_size(
        [chosen.pk], [], ["members", "kinds", "hand_written", "failing", "gone"]
    )
    assert found.people == 3 + 7 + 5
    assert found.uncounted == ("hand_written", "failing", "gone")


# The bound


LONG = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500000000)
SELECT count(*) FROM n
"""


def ask(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def test_a_statement_that_takes_too_long_is_interrupted() -> None:
    with pytest.raises(TooSlow), bounded(0.05):
        ask(LONG)
    assert ask("SELECT 1") == 1


def test_the_bound_ends_with_its_block() -> None:
    with bounded(0.001):
        pass
    assert ask(LONG.replace("500000000", "50000")) == 50_000


def test_in_a_transaction_of_the_caller_what_was_written_before_stays() -> None:
    with transaction.atomic():
        factories.people(2)
        with pytest.raises(TooSlow), bounded(0.05):
            ask(LONG)
        assert Contact.objects.count() == 2
        assert ask(LONG.replace("500000000", "50000")) == 50_000
