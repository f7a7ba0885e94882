"""What the plots say on their axes, in the first minute of a campaign and from right to left."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from csms_campaigns.models import Campaign
from tests import factories
from tests.admin import pages
from tests.engine import scenes

# How a browser draws is one thing on each database.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]

LISTEN = """
window.drawn = [];
const draw = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, ...more) {
    window.drawn.push([text, getComputedStyle(this.canvas).direction]);
    return draw.call(this, text, ...more);
};
"""


@pytest.fixture
def begun(configure: Any) -> Campaign:
    """One request has been answered."""
    configure(**scenes.UNLIMITED, BATCH_SIZE=5)
    campaign = factories.sending(10)
    scenes.send()
    return campaign


@pytest.fixture
def look(
    boss: User, signed_in: Callable[..., Page], strict_site: LiveServer
) -> Callable[[Campaign, str], list[tuple[str, str]]]:
    """The words on the axes, each with the direction in which it is set."""

    def open_page(campaign: Campaign, language: str) -> list[tuple[str, str]]:
        page = signed_in(boss, language)
        page.add_init_script(LISTEN)
        page.goto(strict_site.url + pages.of(campaign, "progress"))
        for plot in ("pace", "credits"):
            expect(page.locator(f"[data-plot={plot}] canvas")).to_be_visible()
        expect(page.locator(".u-legend").first).to_be_visible()
        for legend in page.locator(".u-legend").all():
            runs = legend.evaluate("it => getComputedStyle(it).direction")
            assert runs == page.evaluate("document.documentElement.dir || 'ltr'")
        return [(text, way) for text, way in page.evaluate("window.drawn")]

    return open_page


CLOCK = re.compile(r"\d{1,2}:\d\d")


def test_the_first_minute_is_shown_by_the_minute(
    begun: Campaign, look: Any, faults: list[str]
) -> None:
    drawn = look(begun, "en")
    clocks = [text for text, _way in drawn if CLOCK.match(text)]
    assert len(clocks) >= 4
    # Of both plots: none says the same minute twice.
    assert all(clocks.count(text) <= 2 for text in clocks)
    assert not [text for text, _way in drawn if re.match("[A-Z][a-z]{2} ", text)]
    assert faults == []


def test_in_arabic_times_are_set_as_arabs_read_them(
    begun: Campaign, look: Any, faults: list[str]
) -> None:
    drawn = look(begun, "ar")
    clocks = [(text, way) for text, way in drawn if CLOCK.search(text)]
    assert clocks
    assert {way for _text, way in clocks} == {"rtl"}
    assert faults == []
