"""Odd input gets one sentence, and no traceback, wherever it comes from."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from csms_campaigns import conf
from csms_campaigns.models import Campaign
from tests import factories

pytestmark = pytest.mark.django_db


def test_name_too_long() -> None:
    factories.people(1)
    with pytest.raises(CommandError):
        call_command(
            "csms_campaign",
            "create",
            "--name",
            "n" * 201,
            "--message",
            "Hi",
            "--list",
            "Everybody",
        )


def test_surrogate() -> None:
    factories.people(1)
    with pytest.raises(CommandError):
        call_command(
            "csms_campaign",
            "create",
            "--name",
            "n",
            "--message",
            "Hi \udcff",
            "--list",
            "Everybody",
        )


def test_surrogate_list() -> None:
    with pytest.raises(CommandError):
        call_command(
            "csms_campaign",
            "create",
            "--name",
            "n",
            "--message",
            "Hi",
            "--list",
            "\udcff",
        )


@pytest.mark.parametrize("id_", ["0", "-1", str(2**63), str(2**70)])
def test_ids(id_: str) -> None:
    for verb in ("status", "launch", "cancel", "review"):
        with pytest.raises(CommandError):
            call_command("csms_campaign", verb, "--", id_)


@pytest.mark.parametrize(
    "at",
    [
        "9999-12-31T23:59-23:00",
        "9999-12-31T23:59",
        "0001-01-01T00:00+14:00",
        "2099-01-01",
    ],
)
def test_at(at: str) -> None:
    campaign = factories.ready()
    with contextlib.suppress(CommandError):
        call_command("csms_campaign", "launch", str(campaign.pk), "--at", at)
    campaign.refresh_from_db()
    assert campaign.status in {"ready", "scheduled"}


def test_no_tz(settings: Any) -> None:
    settings.USE_TZ = False
    campaign = factories.ready()
    at = "2099-01-01T00:00+03:00"
    call_command("csms_campaign", "launch", str(campaign.pk), "--at", at)
    assert Campaign.objects.filter(status="scheduled").exists()


@pytest.mark.parametrize("region", ["Saudi", 5, "XX", "sa"])
def test_region(settings: Any, region: Any) -> None:
    settings.CSMS_CAMPAIGNS = {**settings.CSMS_CAMPAIGNS, "DEFAULT_REGION": region}
    assert len(list(conf.problems())) == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("TIMEOUT", (1, float("inf"))),
        ("RATE_LIMITS", [(100, float("inf"))]),
        ("MIN_GAP", float("inf")),
        ("MIN_GAP", float("nan")),
        ("MIN_GAP", False),
        ("API_URL", "https://example.com:port/"),
        ("API_URL", "https://exa mple.com/"),
        ("API_URL", "https://user:pw@example.com/"),
        ("API_KEY", "key\n"),
        ("API_KEY", "k\udcffy"),
        ("BATCH_SIZE", 10**9),
        ("CONCURRENCY", 10**9),
    ],
)
def test_odd(configure: Any, key: str, value: Any) -> None:
    configure(**{key: value})
    assert len(list(conf.problems())) == 1


def test_long_alias(settings: Any) -> None:
    settings.CSMS_CAMPAIGNS = {"ACCOUNTS": {"a" * 60: {"API_KEY": "k"}}}
    assert len(list(conf.problems())) == 1


def test_options_that_are_no_dict(settings: Any) -> None:
    for v in (5, "x", []):
        settings.CSMS_CAMPAIGNS = {"ACCOUNTS": v}
        assert len(list(conf.problems())) == 1
        with pytest.raises(Exception, match="CSMS"):
            conf.account("default")
