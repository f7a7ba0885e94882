"""Test sends, users and awkward times on the command line."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import override_settings

from csms_campaigns.models import Campaign
from csms_campaigns.states import CampaignKind, CampaignStatus
from tests import factories
from tests.engine.scenes import UNLIMITED, send

pytestmark = pytest.mark.django_db

MINE = "+12125550101"


@pytest.fixture(autouse=True)
def _unlimited(configure: Any) -> None:
    configure(**UNLIMITED)


def answer(*words: object) -> dict[str, Any]:
    out = io.StringIO()
    call_command("csms_campaign", *map(str, words), "--json", stdout=out)
    return dict(json.loads(out.getvalue()))


def code(*words: object) -> str:
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("csms_campaign", *map(str, words), "--json", stdout=out)
    return str(json.loads(out.getvalue())["code"])


def test_a_test_send_prints_the_text_and_its_own_id() -> None:
    campaign = factories.draft(3, "Dear {{ name }}")
    found = answer(
        *("test", campaign.pk, "--to", "(212) 555-0101", "--to", "00966501234567"),
        *("--like", factories.number(1)),
    )
    assert found["message"] == "Dear Person 1"
    assert found["recipients"] == 2
    assert Campaign.objects.get(pk=found["id"]).kind == CampaignKind.TEST
    assert send().numbers == [MINE, "+966501234567"]
    assert answer("status", found["id"])["sent"] == 2
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.DRAFT


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--to", "12"], "bad_number"),
        (["--to", "\udcff"], "bad_number"),
        (["--to", MINE, "--like", "12"], "bad_number"),
        (["--to", MINE, "--like", "+12125559999"], "no_contact"),
        (["--to", MINE, "--user", "nobody"], "no_such_user"),
    ],
)
def test_what_cannot_be_tested(words: list[str], expected: str) -> None:
    assert code("test", factories.draft().pk, *words) == expected
    assert not Campaign.objects.filter(kind=CampaignKind.TEST).exists()


def test_who_has_opted_out_is_refused() -> None:
    factories.opt_out([MINE])
    assert code("test", factories.draft().pk, "--to", MINE) == "opted_out"


def test_the_user_is_written_down() -> None:
    user = User.objects.create_user("fatima")
    factories.people(2, "A")
    made = answer(
        *("create", "--name", "May", "--message", "Hi", "--list", "A"),
        *("--user", "fatima"),
    )
    campaign = Campaign.objects.get(pk=made["id"])
    assert campaign.created_by == user
    answer("review", campaign.pk)
    answer("launch", campaign.pk, "--user", "fatima")
    campaign.refresh_from_db()
    assert campaign.launched_by == user


def test_with_a_second_pair_of_eyes_a_launch_needs_another_user(settings: Any) -> None:
    settings.CSMS_CAMPAIGNS = {**settings.CSMS_CAMPAIGNS, "SECOND_PAIR_OF_EYES": True}
    writer = User.objects.create_user("writer")
    User.objects.create_user("other")
    campaign = factories.ready(by=writer)
    assert code("launch", campaign.pk) == "no_user"
    assert code("launch", campaign.pk, "--user", "writer") == "second_pair"
    found = answer("launch", campaign.pk, "--user", "other")
    assert found["status"] == CampaignStatus.SENDING


@override_settings(TIME_ZONE="Europe/Berlin")
@pytest.mark.parametrize(
    ("at", "expected"),
    [("2099-03-29T02:30", "no_such_time"), ("2099-10-25T02:30", "ambiguous_time")],
)
def test_a_time_that_is_no_moment_is_refused(at: str, expected: str) -> None:
    campaign = factories.ready()
    assert code("launch", campaign.pk, "--at", at) == expected
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.READY
