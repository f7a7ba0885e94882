"""People press the link of a text while its campaign is being sent, by a real worker."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from django.test import Client

from csms_campaigns import api
from csms_campaigns.engine.ledger import ledger
from csms_campaigns.models import Campaign, OptOut, SendResult
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 60
LATE = [factories.number(i) for i in (50, 55, 59)]


@pytest.fixture
def home(settings: Any) -> None:
    changed = copy.deepcopy(settings.CSMS_CAMPAIGNS)
    settings.CSMS_CAMPAIGNS = {**changed, "PUBLIC_URL": "https://example.com"}


def link_in(text: str) -> str:
    """Its path on the site."""
    return text.rpartition("https://example.com")[2]


@pytest.mark.parametrize("name", ["opt_out_url", "personal_opt_out_url"])
def test_who_opts_out_while_it_runs_is_not_texted(
    home: None, sandbox: Any, configure: Any, worker: Any, wait_until: Any, name: str
) -> None:
    gateway = sandbox(limits="none", credits=10**6)
    configure(RATE_LIMITS=[(4, 1)], BATCH_SIZE=5, MIN_GAP=0)
    if name.startswith("personal"):
        configure(RATE_LIMITS=[(30, 1)])
    factories.people(PEOPLE, "All")
    campaign = api.create(name="May", message=f"Bye {{{{ {name} }}}}", lists=["All"])
    api.review(campaign)
    texts = {
        result.phone: result.batch.message
        for result in SendResult.objects.select_related("batch")
        if result.batch is not None
    }
    worker()
    api.launch(campaign)
    wait_until(lambda: api.status(campaign).sent >= 5)
    for phone in LATE:
        answer = Client().post(link_in(texts[phone]), {"phone": phone})
        assert answer.status_code == 200
    waiting = set(
        SendResult.objects.filter(phone__in=LATE, status="pending").values_list(
            "phone", flat=True
        )
    )
    gone = {each["phone"] for each in gateway.deliveries}
    assert waiting - gone, "all of them were texted before they could opt out"

    wait_until(lambda: api.status(campaign).status == "finished")
    assert OptOut.objects.count() == len(LATE)
    delivered = {each["phone"]: each for each in gateway.deliveries}
    left_out = set(
        SendResult.objects.filter(skip_reason="opted_out").values_list(
            "phone", flat=True
        )
    )
    assert left_out == set(LATE) - set(delivered)
    assert left_out
    assert len(delivered) == PEOPLE - len(left_out)
    assert ledger(Campaign.objects.get(pk=campaign.pk)).adds_up
