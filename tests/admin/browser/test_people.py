"""Contacts by conditions and the page of one person, in a browser without scripts of ours."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from csms_campaigns.engine import opting_out
from csms_campaigns.models import Batch, Campaign, Contact, ContactList, SendResult
from tests.admin import pages
from tests.admin.browser.axe import violations
from tests.admin.conftest import phone

pytestmark = pytest.mark.once


@pytest.fixture
def person(town: ContactList) -> Contact:
    """Refused in two campaigns, and opted out."""
    found = Contact.objects.get(phone=phone(1000))
    for name in ("Spring", "Summer"):
        campaign = Campaign.objects.create(name=name)
        batch = Batch.objects.create(
            campaign=campaign,
            number=1,
            message=f"Hello Person 1000, this is {name}",
            segments=1,
            size=1,
            failed_count=1,
            status="done",
            finished_at="2026-01-02T10:00Z",
        )
        SendResult.objects.create(
            campaign=campaign,
            batch=batch,
            phone=phone(1000),
            status="failed",
            error_code="INVALID_NUMBER",
            error="No such number",
            updated_at="2026-01-02T10:00Z",
        )
    opting_out.opt_out(phone(1000), source="reply", reason="STOP")
    return found


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("ar", "dark")])
def test_the_pages_have_no_serious_fault_and_fit_a_phone(
    language: str,
    scheme: str,
    boss: User,
    person: Contact,
    signed_in: Callable[..., Page],
    strict_site: LiveServer,
    faults: list[str],
) -> None:
    page = signed_in(boss, language)
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 844})
    contacts = pages.listing("contact")
    found = []
    for address in (
        f"{contacts}?outcome=failed&attribute=city",
        f"{contacts}put/?outcome=failed",
        f"{contacts}invalid/",
        pages.change(person),
        f"{contacts}{person.pk}/erase/",
    ):
        page.goto(strict_site.url + address)
        # Before axe, whose own styles the policy forbids too.
        found += [f"{address}: {fault}" for fault in faults]
        found += [f"{address}: {fault}" for fault in violations(page)]
        wide = page.evaluate("document.documentElement.scrollWidth")
        found += [f"{address}: {wide} wide"] if wide > 390 else []
        faults.clear()
    assert found == []


def test_filter_list_erase(
    boss: User,
    person: Contact,
    signed_in: Callable[..., Page],
    strict_site: LiveServer,
    faults: list[str],
) -> None:
    page = signed_in(boss)
    page.goto(strict_site.url + pages.listing("contact"))
    page.get_by_text("Filter", exact=True).click()
    page.get_by_label("Last text").select_option("failed")
    page.locator("[data-tool=filter]").click()
    assert page.locator("#result_list tbody tr").count() == 1
    page.locator("[data-tool=put]").click()
    page.get_by_label("Or a new list").fill("Refused")
    page.locator("[data-tool=put]").click()
    page.get_by_text("1 contact was put into the list.").wait_for()
    page.get_by_role("link", name="Person 1000").click()
    page.get_by_text("Hello Person 1000, this is Summer").wait_for()
    page.locator("[data-tool=erase]").click()
    page.locator("[data-tool=confirm]").click()
    page.get_by_text("The person is erased").wait_for()
    assert not Contact.objects.filter(pk=person.pk).exists()
    assert faults == []
