"""One row of each kind, and staff who may do this and not that."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.db.models import Model
from django.test import Client

from csms_campaigns.contacts_io import jobs
from csms_campaigns.engine import accounts
from csms_campaigns.models import (
    Attempt,
    Campaign,
    ContactSelection,
    MessageTemplate,
    OptOut,
    SendResult,
)
from tests import factories

APP = "csms_campaigns"


def staff(name: str, codenames: Iterable[str], **fields: Any) -> User:
    made = User.objects.create_user(name, is_staff=True, **fields)
    ours = Permission.objects.filter(content_type__app_label=APP)
    made.user_permissions.set(ours.filter(codename__in=list(codenames)))
    return made


@pytest.fixture
def every_permission(db: None) -> set[str]:
    ours = Permission.objects.filter(content_type__app_label=APP)
    return set(ours.values_list("codename", flat=True))


@pytest.fixture
def signed_in() -> Callable[..., Client]:
    """`signed_in("add_campaign", …)`: a client of staff who may do this and nothing else."""
    made: list[User] = []

    def sign_in(*codenames: str, is_superuser: bool = False, **options: Any) -> Client:
        user = staff(f"staff-{len(made)}", codenames, is_superuser=is_superuser)
        made.append(user)
        client = Client(**options)
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def ready(db: None) -> Campaign:
    return factories.ready(3)


@pytest.fixture
def rows(ready: Campaign, tmp_path: Any) -> dict[str, Model]:
    """By name of the model; the campaign is ready to be launched."""
    source = tmp_path / "people.csv"
    source.write_text("phone,name\n+12125550101,Ann\n")
    account = accounts.state("default")
    batch = ready.batches.get()
    with source.open("rb") as file:
        job = jobs.upload(file, name="people.csv", by=None)
    contact = ready.lists.get().contacts.order_by("pk").first()
    assert contact is not None
    result = SendResult.objects.filter(batch=batch).order_by("pk").first()
    attempt = Attempt.objects.create(
        batch=batch, account=account, cum=1, stamped_at=ready.created_at
    )
    found = [
        *(ready, account, batch, job, result, attempt, contact, ready.lists.get()),
        MessageTemplate.objects.create(name="Old", message="Hello"),
        OptOut.objects.create(phone=factories.number(900)),
        ContactSelection.objects.create(contact_list=ready.lists.get()),
    ]
    return {str(row._meta.model_name): row for row in found}


def everything() -> dict[str, list[Any]]:
    """Every column of every row of the app: what a refused request leaves as it is."""
    return {
        model.__name__: list(model._default_manager.order_by("pk").values_list())
        for model in apps.get_app_config(APP).get_models(include_auto_created=True)
    }
