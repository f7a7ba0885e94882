"""Writing a text: it is counted, explained and shown for real people while one types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Locator, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from csms_campaigns.engine import lifecycle
from csms_campaigns.models import Campaign, Contact, ContactList, MessageTemplate
from tests.admin import pages
from tests.admin.browser.axe import violations
from tests.admin.conftest import PASSWORD

# What is tried is the page, on any database.
pytestmark = pytest.mark.once

ASKED = "**/campaign/compose/"


class Desk:
    """The compose page, in the words of the person who sits there."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.box = page.locator("#id_message")
        self.notice = page.locator("[data-notice]")

    def part(self, name: str) -> Locator:
        return self.page.locator(f"[data-part={name}]")

    @property
    def bubble(self) -> Locator:
        return self.page.locator(".csms-screen:not([hidden]) .csms-bubble")

    @property
    def person(self) -> Locator:
        return self.page.locator(".csms-screen:not([hidden]) .csms-to")

    def press(self, key: str) -> None:
        self.page.locator(f"[data-key={key}]").click()


@pytest.fixture
def desk(
    boss: User,
    town: ContactList,
    signed_in: Callable[..., Page],
    strict_site: LiveServer,
) -> Callable[..., Desk]:
    MessageTemplate.objects.create(name="Reminder", message="Dear {{ name }}, today!")
    noura = Contact.objects.order_by("pk")[1]
    noura.name, noura.attributes = "نورة", {}
    noura.save()

    def sit_down(language: str = "en", **size: int) -> Desk:
        page = signed_in(boss, language)
        page.set_viewport_size({"width": 1280, "height": 900, **size})
        page.goto(strict_site.url + pages.adding("campaign"))
        return Desk(page)

    return sit_down


@pytest.mark.parametrize("language", ["en", "ar"])
def test_composing_as_on_a_good_phone(
    language: str, desk: Callable[..., Desk], faults: list[str]
) -> None:
    at = desk(language)
    at.page.locator("#id_lists input").first.check()
    expect(at.part("audience")).to_contain_text("40")

    at.box.press_sequentially("مرحبا ")
    expect(at.box).to_have_attribute("dir", "rtl")
    at.press("insert-name")
    assert at.box.input_value() == "مرحبا {{ name }}"
    expect(at.box).to_be_focused()
    expect(at.bubble).to_have_text("مرحبا Person 1000")
    expect(at.part("length")).to_contain_text("UCS-2")

    at.press("on")
    expect(at.bubble).to_have_text("مرحبا نورة")
    expect(at.person).to_contain_text("+12125551001")
    expect(at.page.locator("[data-key=on]")).to_be_focused()
    # The same person stays in sight while the text changes.
    at.box.press_sequentially("!")
    expect(at.bubble).to_have_text("مرحبا نورة!")
    at.press("jump-longest")
    expect(at.person).to_contain_text("Person 1000")

    at.box.fill("{{ name }}: hello https://x.com/مرحبا")
    expect(at.box).to_have_attribute("dir", "ltr")
    at.page.set_viewport_size({"width": 390, "height": 844})
    assert at.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert faults == []
    # Last: its own probing styles are what the policy forbids.
    assert violations(at.page) == []


def test_what_makes_it_dear_is_shown_and_mended(
    desk: Callable[..., Desk], faults: list[str]
) -> None:
    at = desk()
    text = "Your order is ready. " * 8 + "It’s “yours”"
    at.box.fill(text)
    expect(at.part("length")).to_contain_text("3 segments")
    at.press("select-1")
    assert at.page.evaluate("getSelection().toString()") == "’"
    expect(at.page.locator(".csms-diff del").first).to_have_text("’")
    at.press("smart")
    assert at.box.input_value().endswith('It\'s "yours"')
    expect(at.part("length")).to_contain_text("2 segments")
    expect(at.part("warnings")).to_be_hidden()
    at.page.locator("[data-tool=undo]").click()
    assert at.box.input_value() == text
    expect(at.part("length")).to_contain_text("3 segments")
    assert faults == []


def test_a_template_fills_the_box_and_can_be_undone(desk: Callable[..., Desk]) -> None:
    at = desk()
    at.box.fill("My own words")
    at.page.locator("#id_template").select_option(label="Reminder")
    at.page.locator("[data-tool=template]").click()
    expect(at.box).to_have_value("Dear {{ name }}, today!")
    at.page.locator("[data-tool=undo]").click()
    expect(at.box).to_have_value("My own words")


def test_by_keyboard_alone(desk: Callable[..., Desk]) -> None:
    at = desk()
    at.page.locator("#id_name").focus()
    keys = at.page.keyboard
    keys.type("Spring")
    tab_to(at.page, "document.activeElement.name === 'lists'")
    keys.press("Space")
    tab_to(at.page, "document.activeElement.dataset.insert === '{{ name }}'")
    keys.press("Enter")
    expect(at.box).to_be_focused()
    keys.type(" hello")
    expect(at.bubble).to_have_text("Person 1000 hello")
    tab_to(at.page, "document.activeElement.dataset.step === '1'")
    keys.press("Enter")
    expect(at.bubble).to_have_text("نورة hello")
    tab_to(at.page, "document.activeElement.matches('.csms-phone')")
    keys.press("ArrowLeft")
    expect(at.bubble).to_have_text("Person 1000 hello")
    tab_to(at.page, "document.activeElement.name === '_continue'")
    keys.press("Enter")
    expect(at.page.locator(".messagelist")).to_be_visible()
    assert Campaign.objects.get().message == "{{ name }} hello"


def tab_to(page: Page, there: str) -> None:
    for _stop in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(there):
            return
    message = f"No way by keyboard to where {there}."
    raise AssertionError(message)


def test_a_server_out_of_reach_is_said_and_asked_again(
    desk: Callable[..., Desk],
) -> None:
    at = desk()
    at.page.route(ASKED, lambda route: route.abort())
    at.box.fill("Hello")
    expect(at.notice).to_contain_text("The site cannot be reached")
    at.page.unroute(ASKED)
    # By itself: nobody types.
    expect(at.part("length")).to_contain_text("155 characters left", timeout=30_000)
    expect(at.notice).to_be_hidden()


def test_never_two_questions_at_once(desk: Callable[..., Desk]) -> None:
    at = desk()
    held: list[Route] = []
    asked: list[str] = []
    at.page.on(
        "request", lambda r: asked.append(r.url) if "compose/" in r.url else None
    )
    at.page.route(ASKED, lambda route: held.append(route), times=1)
    with at.page.expect_request(ASKED):
        at.box.fill("One")
    for text in ("Two", "Three", "Four!"):
        at.box.fill(text)
        # Longer than the rest after which it would ask.
        start = at.page.evaluate("performance.now()")
        at.page.wait_for_function("(t) => performance.now() > t + 450", arg=start)
    assert len(asked) == 1
    held[0].continue_()
    expect(at.part("length")).to_contain_text("155 characters left")
    assert len(asked) == 2


def test_who_was_signed_out_signs_in_elsewhere_and_goes_on(
    desk: Callable[..., Desk], strict_site: LiveServer
) -> None:
    at = desk()
    at.page.locator("#id_name").fill("Spring")
    at.page.context.clear_cookies(name="sessionid")
    at.box.fill("Hello")
    expect(at.notice).to_contain_text("You have been signed out")
    other = at.page.context.new_page()
    other.goto(f"{strict_site.url}/admin/login/")
    other.locator("#id_username").fill("boss")
    other.locator("#id_password").fill(PASSWORD)
    other.locator("[type=submit]").click()
    expect(other.locator("#user-tools")).to_be_visible()
    at.box.fill("Hello again")
    expect(at.notice).to_be_hidden(timeout=30_000)
    at.page.locator("[name=_continue]").click()
    expect(at.page.locator(".messagelist").first).to_be_visible()
    assert Campaign.objects.get().message == "Hello again"


def test_many_lists_are_found_by_typing_and_counted(
    desk: Callable[..., Desk], town: ContactList
) -> None:
    ContactList.objects.bulk_create(ContactList(name=f"List {n}") for n in range(45))
    at = desk()
    at.page.locator(".field-lists .select2-selection").click()
    at.page.keyboard.type("Town")
    at.page.locator(".select2-results__option", has_text="Town").click()
    expect(at.part("audience")).to_contain_text("40 people")


def test_without_javascript_saving_shows_it_all(
    boss: User, town: ContactList, browser: Browser, strict_site: LiveServer
) -> None:
    draft = lifecycle.create(name="Spring", message="Hi {{ name }}", lists=[town])
    MessageTemplate.objects.create(name="Reminder", message="It’s {{ name }}")
    context = browser.new_context(java_script_enabled=False)
    client = Client()
    client.force_login(boss)
    session = client.cookies["sessionid"].value
    cookie: Any = {"name": "sessionid", "value": session, "url": strict_site.url}
    context.add_cookies([cookie])
    page = context.new_page()
    page.goto(strict_site.url + pages.change(draft))
    expect(page.locator("[data-part=audience]")).to_contain_text("40 people")
    expect(page.locator(".csms-bubble").first).to_have_text("Hi Person 1000")
    # Every button that can be seen does something here.
    expect(page.locator(".csms-scripted:visible")).to_have_count(0)
    page.locator("#id_template").select_option(label="Reminder")
    page.locator("[name=_template]").click()
    expect(page.locator(".csms-bubble").first).to_have_text("It’s Person 1000")
    expect(page.locator("[data-part=warnings]")).to_contain_text("at character 3")
    context.close()
