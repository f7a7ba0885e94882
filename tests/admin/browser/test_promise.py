"""Test sends, hours, and a launch with too little credit, as a person does them in a browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from csms_campaigns.engine import audience, lifecycle
from csms_campaigns.models import Campaign, ContactList, GatewayAccount
from csms_campaigns.states import CampaignKind, CampaignStatus
from tests.admin import pages

pytestmark = pytest.mark.once

OFFICE = "09:00|18:00|01236"


def ready(town: ContactList) -> Campaign:
    campaign = lifecycle.create(name="Spring", message="Hello {{ name }}", lists=[town])
    audience.review(campaign.pk)
    return campaign


def tool(page: Page, name: str) -> Any:
    return page.locator(f"[data-tool={name}]")


def test_a_test_send_tells_what_happened_to_each_number(
    boss: User,
    town: ContactList,
    signed_in: Callable[..., Page],
    strict_site: LiveServer,
    faults: list[str],
    sandbox: Callable[..., Any],
    worker: Callable[..., Any],
) -> None:
    gateway, campaign = sandbox(), ready(town)
    worker()
    page = signed_in(boss)
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(strict_site.url + pages.of(campaign, "review"))
    tool(page, "test").click()
    # With the keyboard alone.
    page.locator("#id_numbers").press_sequentially("+12125550107")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(tool(page, "send-test")).to_be_focused()
    page.keyboard.press("Enter")
    # The page follows by itself: no reload here.
    expect(page.locator("#csms-latest [data-state=finished]")).to_be_visible(
        timeout=60_000
    )
    expect(page.locator("[data-figure^=result]")).to_contain_text("Sent")
    assert [d["phone"] for d in gateway.deliveries] == ["+12125550107"]
    assert Campaign.objects.get(kind=CampaignKind.TEST).test_of == campaign
    assert faults == []


def test_a_preset_fills_in_the_hours(
    boss: User,
    town: ContactList,
    signed_in: Callable[..., Page],
    strict_site: LiveServer,
    faults: list[str],
) -> None:
    campaign = ready(town)
    page = signed_in(boss)
    page.goto(strict_site.url + pages.change(campaign))
    page.locator("summary", has_text="Hours in which it is sent").click()
    page.locator("#id_hours_preset").select_option(OFFICE)
    expect(page.locator("#id_send_until")).to_have_value("18:00")
    expect(page.locator("#id_hours_preset")).to_have_value("")
    # What is changed afterwards holds.
    page.locator("#id_send_from").fill("10:30")
    page.locator("[name=send_days][value='6']").uncheck()
    page.locator("#id_time_zone").select_option("Asia/Riyadh")
    page.locator("input[name=_continue]").click()
    page.wait_for_load_state()
    campaign.refresh_from_db()
    assert (campaign.send_from, campaign.send_until) == (time(10, 30), time(18))
    assert (campaign.send_days, campaign.time_zone) == ("0123", "Asia/Riyadh")
    assert campaign.status == CampaignStatus.READY
    assert faults == []


def test_without_javascript_too_little_credit_takes_a_tick(
    boss: User, town: ContactList, strict_site: LiveServer, browser: Browser
) -> None:
    campaign = ready(town)
    GatewayAccount.objects.update_or_create(
        alias="default", defaults={"remaining_credits": 3}
    )
    client = Client()
    client.force_login(boss)
    context = browser.new_context(java_script_enabled=False)
    session = client.cookies["sessionid"].value
    context.add_cookies(
        [{"name": "sessionid", "value": session, "url": strict_site.url}]
    )
    page = context.new_page()
    page.goto(strict_site.url + pages.of(campaign, "review"))
    tool(page, "launch").click()
    # The browser asks for the tick before it sends anything.
    tool(page, "confirm").click()
    expect(page.locator("[name=anyway]")).to_be_focused()
    page.locator("[name=anyway]").check()
    tool(page, "confirm").click()
    expect(tool(page, "pause")).to_be_visible()
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.SENDING
    context.close()
