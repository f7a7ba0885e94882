"""Compose, review, launch and watch, as a person does it: in a browser, with a worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from csms_campaigns.models import Campaign, ContactList, SendResult
from csms_campaigns.states import CampaignStatus, SendStatus

WORDS = {
    "en": {
        "dir": "ltr",
        "promise": "What launching will do",
        "sure": "Yes, launch now",
    },
    "ar": {"dir": "rtl", "promise": "ما الذي سيفعله الإطلاق", "sure": "نعم، أطلق الآن"},
}


def compose(page: Page, site: LiveServer, message: str) -> None:
    page.goto(f"{site.url}/admin/csms_campaigns/campaign/add/")
    page.locator("#id_name").fill("Spring sale")
    page.locator("#id_lists input").first.check()
    page.locator("#id_message").fill(message)
    page.locator("input[name=_review]").click()


def tool(page: Page, name: str) -> Any:
    return page.locator(f"[data-tool={name}]")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_from_the_form_to_the_last_outcome(
    language: str,
    boss: User,
    town: ContactList,
    signed_in: Callable[..., Page],
    strict_site: LiveServer,
    faults: list[str],
    sandbox: Callable[..., Any],
    worker: Callable[..., Any],
) -> None:
    gateway = sandbox()
    worker()
    page, words = signed_in(boss, language), WORDS[language]

    compose(page, strict_site, "Hello {{ name }}, welcome to {{ city }}")
    expect(page.locator("html")).to_have_attribute("dir", words["dir"])
    expect(page.locator("#csms-promise")).to_have_text(words["promise"], timeout=30_000)
    expect(page.locator(".csms-lead dd")).to_have_text("40")
    expect(page.locator(".csms-bubble").first).to_contain_text("welcome to Paris")

    tool(page, "launch").click()
    expect(tool(page, "confirm")).to_have_text(words["sure"])
    tool(page, "confirm").click()
    # The page follows by itself: no reload here.
    expect(page.locator("[data-state=finished]")).to_be_visible(timeout=60_000)
    expect(page.locator("[data-figure=sent]")).to_have_text("40")

    assert Campaign.objects.get().status == CampaignStatus.FINISHED
    assert SendResult.objects.filter(status=SendStatus.SENT).count() == 40
    assert len(gateway.deliveries) == 40
    assert faults == []
