"""The page behind a link of a text, on a small phone: Arabic and English, without scripts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from csms_campaigns.engine import opt_out_links
from csms_campaigns.models import Campaign, OptOut
from tests import factories
from tests.admin.browser.axe import violations

pytestmark = [pytest.mark.once, pytest.mark.django_db(transaction=True)]

PERSON = factories.number(1)
PHONE = {"width": 390, "height": 780}
BOTS = [
    "WhatsApp/2.23.20.0 A",
    "TelegramBot (like TwitterBot)",
    "facebookexternalhit/1.1",
]


@pytest.fixture(autouse=True)
def home(strict_site: LiveServer, settings: Any) -> Iterator[None]:
    changed = copy.deepcopy(settings.CSMS_CAMPAIGNS)
    settings.CSMS_CAMPAIGNS = {**changed, "PUBLIC_URL": strict_site.url}
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def campaign(transactional_db: None) -> Campaign:
    return factories.ready(3)


@pytest.fixture
def reader(browser: Browser, faults: list[str]) -> Iterator[Callable[..., Page]]:
    """`reader("ar-SA")` is a page of a phone in that language, by default without JavaScript."""
    opened = []

    def open_phone(language: str, dark: bool = False, scripts: bool = False) -> Page:
        context = browser.new_context(
            locale=language,
            viewport=PHONE,  # type: ignore[arg-type]
            java_script_enabled=scripts,
            color_scheme="dark" if dark else "light",
        )
        opened.append(context)
        return context.new_page()

    yield open_phone
    for context in opened:
        context.close()
    assert faults == []


def is_narrow(page: Page) -> bool:
    box = page.locator("main").bounding_box()
    return (
        box is not None and box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]
    )


@pytest.mark.parametrize(
    ("language", "direction"), [("ar-SA", "rtl"), ("en-GB", "ltr")]
)
def test_a_campaigns_link(
    reader: Callable[..., Page],
    campaign: Campaign,
    tmp_path: Path,
    language: str,
    direction: str,
) -> None:
    page = reader(language)
    page.goto(opt_out_links.of_campaign(campaign.pk))
    expect(page.locator("html")).to_have_attribute("dir", direction)
    expect(page.locator("html")).to_have_attribute("lang", language[:2])
    assert is_narrow(page)
    page.screenshot(path=tmp_path / f"ask-{language}.png")
    page.locator("button").click()
    expect(page.locator("#error")).to_be_visible()
    assert OptOut.objects.count() == 0
    page.screenshot(path=tmp_path / f"error-{language}.png")
    # By the keyboard: the field is in focus after a mistake.
    page.locator("#phone").fill(PERSON)
    page.locator("#phone").press("Enter")
    expect(page.locator("bdi")).to_have_text(PERSON)
    expect(page.locator("form")).to_have_count(0)
    assert is_narrow(page)
    page.screenshot(path=tmp_path / f"done-{language}.png")
    assert OptOut.objects.get().phone == PERSON


@pytest.mark.parametrize("language", ["ar-SA", "en-GB"])
def test_a_personal_link(
    reader: Callable[..., Page], campaign: Campaign, tmp_path: Path, language: str
) -> None:
    page = reader(language, dark=True)
    page.goto(opt_out_links.maker()(PERSON))
    expect(page.locator("bdi")).to_have_text(PERSON[-2:])
    page.screenshot(path=tmp_path / f"press-{language}.png")
    assert OptOut.objects.count() == 0
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("form")).to_have_count(0)
    found = OptOut.objects.get()
    assert (found.phone, found.source) == (PERSON, "personal link")


def test_bots_that_preview_links_opt_nobody_out(
    browser: Browser, campaign: Campaign
) -> None:
    links = [opt_out_links.of_campaign(campaign.pk), opt_out_links.maker()(PERSON)]
    for agent in BOTS:
        context = browser.new_context(user_agent=agent)
        for link in links:
            assert context.request.head(link).status == 200
            assert context.request.get(link).status == 200
            context.new_page().goto(link)
        context.close()
    assert OptOut.objects.count() == 0


@pytest.mark.parametrize("dark", [False, True])
def test_everybody_can_use_it(
    reader: Callable[..., Page], campaign: Campaign, dark: bool
) -> None:
    page = reader("ar-SA", dark=dark, scripts=True)
    links = [opt_out_links.of_campaign(campaign.pk), opt_out_links.maker()(PERSON)]
    for link in links:
        page.goto(link)
        assert violations(page) == []
        page.locator("button").click()
        assert violations(page) == []


def test_a_link_that_does_not_work(
    reader: Callable[..., Page], strict_site: LiveServer, tmp_path: Path
) -> None:
    page = reader("en-GB")
    answer = page.goto(f"{strict_site.url}/sms/o/nothing")
    assert answer is not None
    assert answer.status == 404
    expect(page.locator("h1")).to_be_visible()
    page.screenshot(path=tmp_path / "unknown.png")
