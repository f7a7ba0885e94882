"""The progress page while it refreshes itself, and where it cannot."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from csms_campaigns.engine import audience, lifecycle
from csms_campaigns.models import Batch, Campaign, ContactList
from csms_campaigns.states import BatchStatus, CampaignStatus
from tests.admin import pages


def launched(town: ContactList) -> Campaign:
    campaign = lifecycle.create(name="Spring", message="Hello", lists=[town])
    audience.review(campaign.pk)
    lifecycle.launch(campaign.pk)
    return campaign


def close_all(campaign: Campaign) -> None:
    for batch in Batch.objects.filter(campaign=campaign):
        batch.status = BatchStatus.DONE
        batch.sent_count = batch.size
        batch.save()


def test_figures_move_without_a_reload(
    boss: User,
    town: ContactList,
    signed_in: Callable[..., Page],
    strict_site: LiveServer,
    faults: list[str],
) -> None:
    campaign = launched(town)
    page = signed_in(boss)
    page.goto(strict_site.url + pages.of(campaign, "progress"))
    page.evaluate("window.sameDocument = true")
    expect(page.locator("[data-figure=sent]")).to_have_text("0")
    close_all(campaign)
    expect(page.locator("[data-figure=sent]")).to_have_text("40")
    expect(page.locator("[data-bar=sent]")).to_have_attribute("width", "100.000")
    assert page.evaluate("window.sameDocument") is True
    assert faults == []


def test_a_new_state_brings_its_buttons(
    boss: User,
    town: ContactList,
    signed_in: Callable[..., Page],
    strict_site: LiveServer,
) -> None:
    campaign = launched(town)
    page = signed_in(boss)
    page.goto(strict_site.url + pages.of(campaign, "progress"))
    expect(page.locator("[data-tool=pause]")).to_be_visible()
    lifecycle.pause(campaign.pk)
    expect(page.locator("[data-tool=resume]")).to_be_visible(timeout=30_000)


def test_an_unreachable_site_is_said_and_tried_again(
    boss: User,
    town: ContactList,
    signed_in: Callable[..., Page],
    strict_site: LiveServer,
) -> None:
    campaign = launched(town)
    page = signed_in(boss)
    page.route("**/progress.json", lambda route: route.abort())
    page.goto(strict_site.url + pages.of(campaign, "progress"))
    notice = page.locator("[data-notice]")
    expect(notice).to_have_text("The site cannot be reached. Trying again…")
    page.unroute("**/progress.json")
    expect(notice).to_be_hidden(timeout=30_000)


def test_a_site_that_never_answers_is_given_up_in_time(
    boss: User,
    town: ContactList,
    signed_in: Callable[..., Page],
    strict_site: LiveServer,
) -> None:
    campaign = launched(town)
    page = signed_in(boss)
    # Nobody waits for half a minute here; an answer that does come has all of its time.
    page.add_init_script(
        "const patience = AbortSignal.timeout.bind(AbortSignal);"
        "window.hurry = 300;"
        "AbortSignal.timeout = (wait) => patience(wait / window.hurry);"
    )
    page.route("**/progress.json", lambda _route: None)
    page.goto(strict_site.url + pages.of(campaign, "progress"))
    notice = page.locator("[data-notice]")
    expect(notice).to_have_text("The site cannot be reached. Trying again…")
    page.evaluate("window.hurry = 1")
    page.unroute("**/progress.json")
    expect(notice).to_be_hidden(timeout=30_000)


def test_a_reader_who_was_signed_out_is_told(
    boss: User,
    town: ContactList,
    signed_in: Callable[..., Page],
    strict_site: LiveServer,
) -> None:
    campaign = launched(town)
    page = signed_in(boss)
    page.goto(strict_site.url + pages.of(campaign, "progress"))
    page.context.clear_cookies()
    told = "You have been signed out. Reload the page to sign in again."
    expect(page.locator("[data-notice]")).to_have_text(told)


def test_a_hidden_tab_asks_nothing(
    boss: User,
    town: ContactList,
    signed_in: Callable[..., Page],
    strict_site: LiveServer,
) -> None:
    campaign = launched(town)
    page = signed_in(boss)
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if "json" in r.url else None)
    page.clock.install()
    page.goto(strict_site.url + pages.of(campaign, "progress"))
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {value: true, configurable: true})"
    )
    asked.clear()  # The course was fetched when the page was opened.
    page.clock.run_for(60_000)
    assert asked == []
    with page.expect_request("**/progress.json"):
        page.evaluate(
            "Object.defineProperty(document, 'hidden', {value: false});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )


def test_without_javascript_the_page_says_the_same(
    boss: User, town: ContactList, browser: Browser, strict_site: LiveServer
) -> None:
    campaign = launched(town)
    close_all(campaign)
    context = browser.new_context(java_script_enabled=False)
    client = Client()
    client.force_login(boss)
    session = client.cookies["sessionid"].value
    context.add_cookies(
        [{"name": "sessionid", "value": session, "url": strict_site.url}]
    )
    page = context.new_page()
    page.goto(strict_site.url + pages.of(campaign, "progress"))
    expect(page.locator("[data-figure=sent]")).to_have_text("40")
    expect(page.get_by_role("link", name="Reload")).to_be_visible()
    page.locator("[data-tool=pause]").click()
    expect(page.locator("[data-state=paused]")).to_be_visible()
    context.close()


def test_launching_by_keyboard_alone(
    boss: User,
    town: ContactList,
    signed_in: Callable[..., Page],
    strict_site: LiveServer,
) -> None:
    campaign = lifecycle.create(name="Spring", message="Hello", lists=[town])
    audience.review(campaign.pk)
    page = signed_in(boss)
    page.goto(strict_site.url + pages.of(campaign, "review"))
    press(page, "launch")
    press(page, "confirm")
    expect(page.locator("[data-state=sending]")).to_be_visible()
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.SENDING


def press(page: Page, tool: str) -> None:
    page.locator(f"[data-tool={tool}]").wait_for()
    for _stop in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.tool") == tool:
            page.keyboard.press("Enter")
            return
    message = f"No way to {tool} by keyboard."
    raise AssertionError(message)


def test_narrow_phones_need_no_sideways_scrolling(
    boss: User,
    town: ContactList,
    signed_in: Callable[..., Page],
    strict_site: LiveServer,
) -> None:
    campaign = launched(town)
    draft = lifecycle.create(name="A" * 40, message="B" * 300, lists=[town])
    ready = lifecycle.create(name="Spring", message="C" * 300, lists=[town])
    audience.review(ready.pk)
    for language in ("en", "ar"):
        page = signed_in(boss, language)
        page.set_viewport_size({"width": 360, "height": 700})
        for address in (
            pages.of(campaign, "progress"),
            pages.of(ready, "review"),
            pages.change(draft),
        ):
            page.goto(strict_site.url + address)
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
