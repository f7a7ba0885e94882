"""The browser fixture: a real page of the live server, on the database of the test."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User


@pytest.mark.django_db(transaction=True)
def test_a_person_logs_in(live_server: Any, page: Any) -> None:
    User.objects.create_superuser("amira", password="a-password")
    page.goto(f"{live_server.url}/admin/")
    page.get_by_label("Username").fill("amira")
    page.get_by_label("Password").fill("a-password")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{live_server.url}/admin/")
    assert "amira" in page.locator("#user-tools").inner_text().lower()


@pytest.mark.django_db(transaction=True)
def test_what_an_earlier_test_wrote_is_gone(live_server: Any, page: Any) -> None:
    page.goto(f"{live_server.url}/admin/login/")
    assert page.get_by_label("Username").is_visible()
    assert not User.objects.exists()
