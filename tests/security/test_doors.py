"""Nobody gets in without a right to, and nothing changes by looking."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.db import transaction
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import URLPattern, reverse
from django.utils.timezone import now

from csms_campaigns import urls
from csms_campaigns.models import ContactImport
from csms_campaigns.states import ImportStage
from tests.security.conftest import APP, everything, staff
from tests.security.doors import ACTIONS, DOORS, NOBODY, PUBLIC

# Who may enter is decided in Python, so one database will do.
pytestmark = [pytest.mark.once, pytest.mark.django_db]

DATA = {"post": "yes", "action": "delete_selected", "_selected_action": "1"}
"""Where it is let in, even a bare POST deletes."""
TOGETHER = {"add_contactimport": ("add_contact", "change_contact")}
"""A permission that counts only together with others."""
OF_DJANGO = {"change", "delete", "history"}
"""Those lead back to the list, with a sentence."""


def registered() -> dict[str, ModelAdmin]:
    ours = {m: a for m, a in admin.site._registry.items() if m._meta.app_label == APP}
    return {str(model._meta.model_name): one for model, one in ours.items()}


def addresses(found: ModelAdmin) -> Iterator[str]:
    for pattern in found.get_urls():
        assert isinstance(pattern, URLPattern)
        # The one without a name leads from /5/ to /5/change/.
        if pattern.name is not None:
            yield pattern.name.removeprefix(f"{APP}_{found.opts.model_name}_")


def test_every_address_of_the_admin_is_in_the_table() -> None:
    found = {model: set(addresses(one)) for model, one in registered().items()}
    assert found == {model: set(doors) for model, doors in DOORS.items()}


def test_every_action_of_a_list_is_in_the_table(boss: Any) -> None:
    request = RequestFactory().get("/")
    request.user = boss
    found = {
        model: set(one.get_actions(request)) for model, one in registered().items()
    }
    known = {model: set(actions) for model, actions in ACTIONS.items()}
    assert {model: names for model, names in found.items() if names} == known


def test_an_action_is_shown_to_who_may_do_it_alone(every_permission: set[str]) -> None:
    request = RequestFactory().get("/")
    for model, actions in ACTIONS.items():
        for name, needed in actions.items():
            request.user = staff(f"without-{model}-{name}", every_permission - needed)
            assert name not in registered()[model].get_actions(request)


def test_every_page_outside_of_the_admin_is_in_the_table() -> None:
    assert {pattern.name for pattern in urls.urlpatterns} == set(PUBLIC)


@pytest.fixture
def boss(db: None) -> Any:
    return staff("boss", [], is_superuser=True)


@pytest.fixture
def address(rows: dict[str, Model]) -> Callable[[str, str], str]:
    def find(model: str, page: str) -> str:
        row = DOORS[model][page].row
        args = [] if row is None else [rows[row or model].pk]
        return reverse(f"admin:{APP}_{model}_{page}", args=args)

    return find


def ask(client: Client, url: str, method: str) -> Any:
    return getattr(client, method)(url, DATA if method == "post" else {})


@pytest.mark.parametrize("model", DOORS)
def test_who_may_not_changes_nothing(
    model: str,
    address: Callable[[str, str], str],
    signed_in: Callable[..., Client],
    every_permission: set[str],
) -> None:
    """Strangers, staff without permissions, and staff who may do all but this."""
    before = everything()
    for name, door in DOORS[model].items():
        url = address(model, name)
        for method in ("get", "post"):
            answer = ask(Client(), url, method)
            assert answer.status_code == 302, (name, method)
            assert answer["Location"].startswith("/admin/login/?next="), name
            assert ask(signed_in(), url, method).status_code in {403, 405}, name

            needed = getattr(door, method)
            if needed is not None:
                others = signed_in(*every_permission - needed)
                assert ask(others, url, method).status_code == 403, (name, method)
            if needed == NOBODY:
                boss = signed_in(is_superuser=True)
                assert ask(boss, url, method).status_code == 403, (name, method)
        assert everything() == before, name


@pytest.mark.parametrize("model", DOORS)
def test_looking_changes_nothing(
    model: str, address: Callable[[str, str], str], signed_in: Callable[..., Client]
) -> None:
    """Even of who may do everything: a GET never does it, and a POST needs the token."""
    boss = signed_in(is_superuser=True)
    forged = signed_in(is_superuser=True, enforce_csrf_checks=True)
    before = everything()
    for name, door in DOORS[model].items():
        url = address(model, name)
        answer = ask(boss, url, "get")
        assert (answer.status_code == 405) == (door.get is None), name
        answer = ask(forged, url, "post")
        assert answer.status_code == 403, name
        assert b"CSRF" in answer.content, name
        assert everything() == before, name


@pytest.mark.parametrize("model", DOORS)
def test_who_may_gets_in(
    model: str, address: Callable[[str, str], str], signed_in: Callable[..., Client]
) -> None:
    """Each permission opens what the table says, so no refusal above was for nothing."""
    for name, door in DOORS[model].items():
        url = address(model, name)
        for method in ("get", "post"):
            for one in getattr(door, method) or ():
                beside = (f"view_{model}", *TOGETHER.get(one, ()))
                client = signed_in(one, *beside)
                with transaction.atomic():
                    if name == "delete":
                        # Only an import that has ended may go.
                        ContactImport.objects.update(
                            stage=ImportStage.CANCELLED, finished_at=now()
                        )
                    answer = ask(client, url, method)
                    transaction.set_rollback(True)
                assert answer.status_code in {200, 302, 404}, (name, method, one)


def test_staff_of_another_app_see_no_trace_of_this_one(
    signed_in: Callable[..., Client],
) -> None:
    assert "csms_campaigns" not in signed_in().get("/admin/").content.decode()
    assert signed_in().get("/admin/csms_campaigns/").status_code == 404


@pytest.mark.parametrize("wrong", ["999999", "0", "-1", "abc", "1_00", "9" * 40])
def test_a_row_that_is_not_there_is_not_found(
    wrong: str, signed_in: Callable[..., Client]
) -> None:
    boss = signed_in(is_superuser=True)
    for model, doors in DOORS.items():
        for name, door in doors.items():
            if door.row is None or name in OF_DJANGO:
                continue
            if door.row and not wrong.isdigit():
                continue  # Its address takes nothing but a number.
            url = reverse(f"admin:{APP}_{model}_{name}", args=[wrong])
            answer = ask(boss, url, "post" if door.get is None else "get")
            assert answer.status_code == 404, url
