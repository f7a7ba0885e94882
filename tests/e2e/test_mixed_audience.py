"""Two lists, an audience of the site and an excluded list, while people opt out between requests
and during them: everybody is somewhere, nobody who said no in time is texted, nobody twice."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from csms_campaigns import api
from csms_campaigns.engine import dispatch
from csms_campaigns.engine.ending import finish_campaigns
from csms_campaigns.engine.ledger import ledger
from csms_campaigns.engine.taking import Nothing, Taken, take
from csms_campaigns.models import Batch, Campaign, Contact, ContactList, SendResult
from tests import factories
from tests.engine import site

pytestmark = pytest.mark.django_db(transaction=True)

NORTH, SOUTH = range(30), range(20, 60)
STAFF = [5, 6, 35, 62]
MEMBERS = range(50, 80)
HOMELESS = 79
BEFORE_REVIEW, BEFORE_LAUNCH = [1, 61, 5], [2, 36, 63]


def join(name: str, indices: Iterable[int]) -> None:
    chosen = ContactList.objects.create(name=name)
    for index in indices:
        person, _new = Contact.objects.get_or_create(
            phone=factories.number(index),
            defaults={"attributes": {"city": f"City {index % 3}"}},
        )
        person.lists.add(chosen)


@pytest.fixture
def campaign(settings: Any, configure: Any) -> Campaign:
    changed = copy.deepcopy(settings.CSMS_CAMPAIGNS)
    own = {"PUBLIC_URL": "https://example.com", "AUDIENCES": site.AUDIENCES}
    settings.CSMS_CAMPAIGNS = {**changed, **own}
    configure(RATE_LIMITS=[], BATCH_SIZE=5, MIN_GAP=0)
    for name, indices in {"North": NORTH, "South": SOUTH, "Staff": STAFF}.items():
        join(name, indices)
    User.objects.bulk_create(
        User(
            username=factories.number(index),
            last_name="" if index == HOMELESS else f"City {index % 3}",
        )
        for index in MEMBERS
    )
    return api.create(
        name="Mixed",
        message="News for {{ city }}: {{ opt_out_url }}",
        lists=["North", "South"],
        audiences=["members"],
        exclude_lists=["Staff"],
    )


class Crowd:
    """Of those who opt out, who did so before their batch was taken."""

    def __init__(self, link: str) -> None:
        self.link = link
        self.in_time: set[str] = set()
        self.too_late: set[str] = set()
        self.taken: set[str] = set()

    def opt_out(self, phone: str, *, by_link: bool) -> None:
        (self.too_late if phone in self.taken else self.in_time).add(phone)
        if by_link:
            assert Client().post(self.link, {"phone": phone}).status_code == 200
        else:
            api.opt_out(phone)

    def strike(self, turn: int) -> None:
        """The next in the queue, the last, and one whose request is in flight."""
        waiting = SendResult.objects.filter(status="pending", batch__status="pending")
        phones = waiting.order_by("batch__number", "pk").values_list("phone", flat=True)
        for phone in {phones.first(), phones.last(), max(self.taken)} - {None}:
            self.opt_out(str(phone), by_link=turn % 2 == 0)


def link_of(campaign: Campaign) -> str:
    text = Batch.objects.filter(campaign=campaign).values_list("message", flat=True)[0]
    return text.rpartition("https://example.com")[2]


def send(crowd: Crowd) -> None:
    """As a lane does; people opt out after each claim, before its request leaves."""
    turn = 0
    while isinstance(taken := take("default"), Taken):
        assert not crowd.in_time & set(taken.numbers)
        crowd.taken |= set(taken.numbers)
        crowd.strike(turn)
        dispatch.finish(taken, dispatch.send(taken))
        turn += 1
    assert taken == Nothing(), taken
    # The last batches were emptied, so no answer ended the campaign: the tick does.
    finish_campaigns()


def test_everybody_is_accounted_for(campaign: Campaign, sandbox: Any) -> None:
    gateway = sandbox(limits="none", credits=10**6)
    for index in BEFORE_REVIEW:
        api.opt_out(factories.number(index))
    api.review(campaign)
    for index in BEFORE_LAUNCH:
        api.opt_out(factories.number(index))
    api.launch(campaign)
    crowd = Crowd(link_of(campaign))
    send(crowd)

    campaign.refresh_from_db()
    assert campaign.status == "finished"
    people = {*NORTH, *SOUTH, *MEMBERS} - set(STAFF)
    never = {*BEFORE_REVIEW, *BEFORE_LAUNCH, HOMELESS}
    reached = {factories.number(i) for i in people - never} - crowd.in_time
    assert len(crowd.in_time) > 5 < len(crowd.too_late)
    assert crowd.too_late <= reached
    assert Counter(each["phone"] for each in gateway.deliveries) == dict.fromkeys(
        reached, 1
    )

    rows = SendResult.objects.filter(campaign=campaign)
    outcomes = Counter(rows.values_list("status", "skip_reason"))
    twice = len(set(SOUTH) & set(MEMBERS))
    early = {*BEFORE_REVIEW, *BEFORE_LAUNCH} & people
    refused = {factories.number(i) for i in early} | crowd.in_time
    assert outcomes == {
        ("sent", ""): len(reached),
        ("skipped", "opted_out"): len(refused),
        ("skipped", "duplicate"): twice,
        ("skipped", "missing_placeholder"): 1,
    }
    assert sum(outcomes.values()) == len(people) + twice == campaign.audience_count
    assert ledger(campaign).adds_up
