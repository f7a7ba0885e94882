"""Every permission that a page asks for is in the documents, with what it allows."""

from __future__ import annotations

import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_permission_codename
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import HttpRequest

from csms_campaigns.models import Campaign
from tests.docs.markdown import ROOT, document

pytestmark = pytest.mark.once

PERMISSIONS = document("docs/operating.md").section("Permissions").entries()
PERMISSION = re.compile(
    r"""["'. ](?:csms_campaigns\.)?((?:add|change|delete|view|launch|resolve|export)"""
    r"""_(?:campaign|contact|contactlist|optout|messagetemplate|contactimport|batch"""
    r"""|attempt|sendresult|gatewayaccount))\b"""
)


def permissions() -> dict[str, type[Model]]:
    """Every permission that the app's migrations make: its code name, and its model."""
    return {
        codename: model
        for model in apps.get_app_config("csms_campaigns").get_models()
        for codename in [
            *(get_permission_codename(a, model._meta) for a in USUAL),
            *(codename for codename, _name in model._meta.permissions),
        ]
    }


USUAL = ("add", "change", "delete", "view")
KNOWN = permissions()
SOURCES = [
    path
    for folder in ("admin", "views", "templates", "engine")
    for path in (ROOT / "csms_campaigns" / folder).rglob("*.*")
    if path.suffix in {".py", ".html"}
]


def asked() -> set[str]:
    """The permissions that pages name."""
    return {
        codename
        for path in SOURCES
        for codename in PERMISSION.findall(path.read_text(encoding="utf-8"))
    }


PAGES = {
    model: page
    for model, page in admin.site._registry.items()
    if model._meta.app_label == "csms_campaigns"
}


def may_be_added(model: type[Model]) -> bool:
    request = HttpRequest()
    request.user = User(is_active=True, is_superuser=True)
    return PAGES[model].has_add_permission(request)


def test_every_permission_on_campaigns_has_an_entry() -> None:
    of_campaigns = {name for name, model in KNOWN.items() if model is Campaign}
    assert {f"csms_campaigns.{name}" for name in of_campaigns} <= PERMISSIONS


def test_every_permission_of_the_apps_own_has_an_entry() -> None:
    own = {name for name in KNOWN if name.split("_")[0] not in USUAL}
    assert {"launch_campaign", "resolve_campaign", "export_sendresult"} <= own
    assert {f"csms_campaigns.{name}" for name in own} <= PERMISSIONS


def test_every_permission_that_a_page_asks_for_has_an_entry() -> None:
    found = asked()
    assert (
        {"launch_campaign", "delete_optout", "export_sendresult"} <= found <= {*KNOWN}
    )
    assert {f"csms_campaigns.{name}" for name in found} <= PERMISSIONS


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model.__name__)
def test_every_page_of_the_admin_has_its_permissions(model: type[Model]) -> None:
    wanted = {"view"} | ({"add"} if may_be_added(model) else set())
    names = {get_permission_codename(action, model._meta) for action in wanted}
    assert {f"csms_campaigns.{name}" for name in names} <= PERMISSIONS


def test_no_entry_is_of_a_permission_that_is_gone() -> None:
    assert {entry.removeprefix("csms_campaigns.") for entry in PERMISSIONS} <= {*KNOWN}
