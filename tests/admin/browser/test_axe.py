"""Our pages under axe-core; and that the check would see a fault if there were one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from csms_campaigns.engine import audience, lifecycle, testing
from csms_campaigns.models import ContactList, MessageTemplate
from tests.admin import pages
from tests.admin.browser.axe import violations

pytestmark = pytest.mark.once

# Everything that can be said about a text is said about this one.
DEAR = "It’s for {{ name }} – " + "a" * 500 + " https://x.com{{ city }}"


def test_the_check_sees_a_fault(page: Page) -> None:
    page.set_content("<html lang=en><title>x</title><main><img src=x.png></main>")
    (fault,) = violations(page)
    assert fault.startswith("image-alt (critical)")


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("ar", "dark")])
def test_no_page_of_ours_has_a_serious_fault(
    language: str,
    scheme: str,
    boss: User,
    town: ContactList,
    signed_in: Callable[..., Page],
    strict_site: LiveServer,
) -> None:
    draft = lifecycle.create(name="Spring", message=DEAR, lists=[town])
    ready = lifecycle.create(name="Summer", message="Hello", lists=[town])
    audience.review(ready.pk)
    sending = lifecycle.create(name="Autumn", message="Hello", lists=[town])
    audience.review(sending.pk)
    lifecycle.launch(sending.pk)
    testing.send_test(ready.pk, ["+12125550101"])
    template = MessageTemplate.objects.create(name="Reminder", message=DEAR)
    page = signed_in(boss, language)
    page.emulate_media(color_scheme=scheme)
    found = []
    for address in (
        pages.adding("campaign"),
        pages.change(draft),
        pages.of(ready, "review"),
        pages.of(ready, "test"),
        pages.of(sending, "hours"),
        pages.of(sending, "progress"),
        "/admin/csms_campaigns/",
        pages.listing("campaign"),
        pages.listing("messagetemplate"),
        pages.change(template),
    ):
        page.goto(strict_site.url + address)
        found += [f"{address}: {line}" for line in violations(page)]
    assert found == []
