"""A site under a strict Content-Security-Policy, and a browser that reports every fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from playwright.sync_api import BrowserContext, ConsoleMessage, Page
from pytest_django.live_server_helper import LiveServer

from csms_campaigns.models import ContactList
from tests.admin.conftest import make_people

CSP = "project.middleware.content_security_policy"


@pytest.fixture(scope="session")
def strict_site(django_db_setup: None) -> Iterator[LiveServer]:
    """One server for the session; its middleware is read when it starts."""
    from django.conf import settings

    with override_settings(MIDDLEWARE=[CSP, *settings.MIDDLEWARE]):
        server = LiveServer("127.0.0.1")
    yield server
    server.stop()


@pytest.fixture
def faults(context: BrowserContext, strict_site: LiveServer) -> list[str]:
    """Console errors, script errors and requests to another host; empty in a good test."""
    found: list[str] = []
    home = urlsplit(strict_site.url).netloc

    def on_request(request: Any) -> None:
        if urlsplit(request.url).netloc not in {home, ""}:
            found.append(f"foreign: {request.url}")

    def on_console(line: ConsoleMessage) -> None:
        # The icon of the site is no page of ours.
        if line.type == "error" and "favicon" not in line.location["url"]:
            found.append(line.text)

    def on_page(page: Page) -> None:
        page.on("pageerror", lambda error: found.append(f"script: {error}"))
        page.on("console", on_console)

    context.on("request", on_request)
    context.on("page", on_page)
    return found


@pytest.fixture
def signed_in(
    context: BrowserContext, strict_site: LiveServer, faults: list[str]
) -> Callable[..., Page]:
    """`signed_in(user, language="ar")` gives a page of the admin."""

    def sign_in(user: User, language: str = "en") -> Page:
        client = Client()
        client.force_login(user)
        cookies = {"sessionid": client.cookies["sessionid"].value}
        cookies["django_language"] = language
        context.add_cookies(
            [
                {"name": n, "value": v, "url": strict_site.url}
                for n, v in cookies.items()
            ]
        )
        return context.new_page()

    return sign_in


@pytest.fixture
def town(transactional_db: None) -> ContactList:
    """Forty people in two cities."""
    contact_list = ContactList.objects.create(name="Town")
    make_people(40, contact_list, city="Paris")
    return contact_list
