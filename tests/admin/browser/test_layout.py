"""Tables that are read on a phone, and words of another language that stay in their column."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from csms_campaigns.models import Campaign
from tests.admin import pages
from tests.engine.families import finished
from tests.engine.scenes import UNLIMITED

# How a browser lays out is one thing on each database.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]


@pytest.fixture
def campaign(configure: Any) -> Campaign:
    configure(**UNLIMITED, BATCH_SIZE=5)
    return finished(10, invalid=[1], silent=[6])


def test_the_evidence_can_be_read_on_a_phone(
    boss: User,
    campaign: Campaign,
    signed_in: Callable[..., Page],
    strict_site: LiveServer,
    faults: list[str],
) -> None:
    page = signed_in(boss)
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(strict_site.url + pages.of(campaign, "unknown"))
    for label in ("What came back", "Evidence"):
        box = page.locator(f"[data-label='{label}']").bounding_box()
        assert box
        assert box["width"] > 250, label
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert faults == []


@pytest.mark.parametrize(("language", "side"), [("en", "left"), ("ar", "right")])
def test_the_gateways_words_stand_where_their_column_begins(
    boss: User,
    campaign: Campaign,
    signed_in: Callable[..., Page],
    strict_site: LiveServer,
    language: str,
    side: str,
) -> None:
    page = signed_in(boss, language)
    for address, words in (
        (pages.of(campaign, "retry"), ".csms-outcomes .help[dir=auto]"),
        ("/admin/csms_campaigns/", "td[dir=auto]"),
    ):
        page.goto(strict_site.url + address)
        found = page.locator(words).first
        assert "Invalid" in (found.text_content() or "")
        edge = """it => {
            const range = document.createRange();
            range.selectNodeContents(it);
            const [text, box] = [range.getBoundingClientRect(), it.getBoundingClientRect()];
            return [text.left - box.left, box.right - text.right];
        }"""
        left, right = found.evaluate(edge)
        assert (left < right) == (side == "left"), address
