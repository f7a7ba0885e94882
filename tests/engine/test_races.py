"""Whoever is slow with an edit, a review or a delete removes nothing that another has written.

The other one works on a connection of its own, and begins just before something is deleted.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from csms_campaigns.engine import audience, database, lifecycle
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.models import Campaign, OptOut
from tests import factories
from tests.engine.frozen import check_frozen

pytestmark = pytest.mark.django_db(transaction=True)

Step = Callable[[int], object]

# Ours alone: a browser's threads, of other tests, live on.
OTHERS: list[threading.Thread] = []


@pytest.fixture
def meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[Any, Step, int], None]]:
    """`meanwhile(module, step, nth)`: somebody else does `step` when the n-th discard begins."""
    others = OTHERS
    others.clear()

    def arrange(module: Any, step: Step, nth: int = 1) -> None:
        discard, calls = module.discard, []

        def slow(campaign_id: int) -> None:
            calls.append(campaign_id)
            if len(calls) == nth:
                others.append(threading.Thread(target=do, args=(step, campaign_id)))
                others[-1].start()
                # Time to do it, if nothing holds it back; it may as well go on afterwards.
                others[-1].join(0.5)
            discard(campaign_id)

        monkeypatch.setattr(module, "discard", slow)

    def do(step: Step, campaign_id: int) -> None:
        with contextlib.suppress(CampaignError):
            step(campaign_id)
        connection.close()

    yield arrange
    for other in others:
        other.join(30)


def finally_(campaign: Campaign) -> bool:
    """Whatever came first: nothing prepared at all, or all of it."""
    for thread in OTHERS:
        thread.join(30)
    campaign.refresh_from_db()
    return campaign.status == "draft" or check_frozen(campaign)


def test_an_edit_while_another_reviews(meanwhile: Any) -> None:
    campaign = factories.ready(30)
    meanwhile(lifecycle, audience.review)
    lifecycle.edited(campaign.pk)
    assert finally_(campaign)


def test_two_reviews_of_a_ready_campaign(meanwhile: Any) -> None:
    campaign = factories.ready(30)
    meanwhile(audience, audience.review)
    with contextlib.suppress(CampaignError):
        audience.review(campaign.pk)
    assert finally_(campaign)


def test_a_preparer_that_stalls_before_it_discards(
    meanwhile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = factories.draft(30)
    token = audience.begin(campaign.pk)
    clock = database._clock

    def take_over(campaign_id: int) -> None:
        monkeypatch.setattr(database, "_clock", lambda: clock() + timedelta(seconds=90))
        audience.prepare_once(campaign_id, "")
        lifecycle.launch(campaign_id)

    meanwhile(audience, take_over)
    audience.prepare(campaign.pk, token)
    assert finally_(campaign)


def test_nobody_to_text_while_another_reviews_again(meanwhile: Any) -> None:
    chosen = factories.people(30)
    factories.opt_out(factories.number(i) for i in range(30))
    campaign = factories.draft(lists=[chosen])
    token = audience.begin(campaign.pk)

    def opt_in_and_review(campaign_id: int) -> None:
        OptOut.objects.all().delete()
        audience.review(campaign_id)

    meanwhile(audience, opt_in_and_review, 2)
    audience.prepare(campaign.pk, token)
    assert finally_(campaign)


def test_a_delete_while_another_reviews(meanwhile: Any) -> None:
    campaign = factories.ready(30)
    meanwhile(lifecycle, audience.review)
    lifecycle.delete(campaign.pk)
    for thread in OTHERS:
        thread.join(30)
    assert not Campaign.objects.exists()
