"""Many people are read by a planner that knows that they are many."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from csms_campaigns.engine import audience
from csms_campaigns.engine import audience_size as sizes
from csms_campaigns.engine.audience_size import audience_size
from csms_campaigns.engine.bounded import TooSlow
from csms_campaigns.engine.planner import READ, refresh_statistics
from csms_campaigns.models import Contact, ContactList, OptOut, SendResult
from tests import factories
from tests.engine.crowds import crowd

pytestmark = pytest.mark.django_db

COUNT = 3000


def replaced() -> ContactList:
    """All contacts and opt-outs are new, and the server looked when there were none."""
    _fill("Before")
    for model in (Contact.lists.through, Contact, OptOut):
        model._default_manager.all().delete()
    with connection.cursor() as cursor:
        for table in READ:
            cursor.execute(f"ANALYZE {table}")
    return _fill("After")


def _fill(name: str) -> ContactList:
    chosen = crowd(COUNT, name=name)
    factories.opt_out(Contact.objects.values_list("phone", flat=True)[::2])
    return chosen


def expected() -> list[float]:
    """How many rows the planner expects to find in each of the tables."""
    found = [
        json.loads(model._default_manager.all().explain(format="json"))
        for model in (Contact, Contact.lists.through, OptOut)
    ]
    return [float(plan["Plan"]["Plan Rows"]) for [plan] in found]


def check_it_knows(do: Callable[[], object]) -> None:
    is_postgresql = connection.vendor == "postgresql"
    if is_postgresql:
        assert expected() == [1, 1, 1]
    do()
    if is_postgresql:
        assert expected() == pytest.approx([COUNT, COUNT, COUNT / 2], rel=0.1)


def test_before_the_text_is_checked_against_the_people() -> None:
    campaign = factories.draft(lists=[replaced()])
    check_it_knows(lambda: audience.begin(campaign.pk))


def test_before_they_are_frozen() -> None:
    campaign = factories.draft(2)
    token = audience.begin(campaign.pk)
    campaign.lists.set([replaced()])
    check_it_knows(lambda: audience.prepare(campaign.pk, token))
    assert SendResult.objects.filter(campaign=campaign).count() == COUNT


def test_before_their_number_is_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_given: object) -> None:
        raise TooSlow

    chosen = replaced()
    monkeypatch.setattr(sizes, "_count", slow)
    check_it_knows(lambda: audience_size([chosen.pk]))


def test_who_knows_does_not_look_again() -> None:
    replaced()
    refresh_statistics()
    with CaptureQueriesContext(connection) as captured:
        refresh_statistics()
    assert not [q for q in captured if "ANALYZE" in q["sql"]]
    assert len(captured) == (connection.vendor == "postgresql")
