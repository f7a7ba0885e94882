"""What a request names must belong to what its address names."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from csms_campaigns.engine import lifecycle, testing
from csms_campaigns.models import (
    Batch,
    Campaign,
    Contact,
    ContactImport,
    OptOut,
    SendResult,
)
from csms_campaigns.states import BatchStatus, SendStatus
from tests import factories
from tests.contacts_io.sheets import package
from tests.security.conftest import everything
from tests.security.doors import DOORS

OF_DJANGO = {"change", "delete", "history"}
pytestmark = [pytest.mark.once, pytest.mark.django_db]


def unknown(number: int) -> Campaign:
    """A campaign of which nobody knows whether its people were texted."""
    made = factories.ready(3, message=f"Hello {number}")
    lifecycle.launch(made.pk)
    batches = Batch.objects.filter(campaign=made)
    SendResult.objects.filter(batch__in=batches).update(status=SendStatus.UNKNOWN)
    batches.update(
        status=BatchStatus.UNKNOWN, unknown_count=F("size"), finished_at=made.created_at
    )
    Campaign.objects.filter(pk=made.pk).update(
        status="finished", started_at=made.created_at, finished_at=made.created_at
    )
    made.refresh_from_db()
    return made


@pytest.mark.parametrize("decision", ["sent", "failed", "resend"])
@pytest.mark.parametrize("confirmed", ["0", "3", None])
def test_batches_of_another_campaign_are_not_decided_about(
    decision: str, confirmed: str | None, admin_client: Client
) -> None:
    mine, other = unknown(1), unknown(2)
    theirs = list(other.batches.values_list("pk", flat=True))
    url = reverse("admin:csms_campaigns_campaign_unknown", args=[mine.pk])
    data: dict[str, Any] = {"decision": decision, "batch": theirs}
    before = everything()
    if confirmed is not None:
        data["confirmed"] = confirmed
    answer = admin_client.post(url, data)
    assert answer.status_code in {200, 302}
    assert everything() == before


def test_a_test_send_is_no_campaign_to_press_buttons_of(admin_client: Client) -> None:
    campaign = factories.ready()
    test = testing.send_test(campaign.pk, [factories.number(700)])
    for name, door in DOORS["campaign"].items():
        if (
            not door.row
            and door.row is not None
            and name not in {"change", "delete", "history"}
        ):
            url = reverse(f"admin:csms_campaigns_campaign_{name}", args=[test.pk])
            ask = admin_client.post if door.get is None else admin_client.get
            assert ask(url).status_code == 404, name


# What is uploaded


def bomb() -> bytes:
    """40 KB that unpack to 40 MB, in which no row ever comes."""
    return package(f"<row/>{' ' * (40 << 20)}")


def nested() -> bytes:
    """No workbook at all, but an archive with ten thousand and one files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(10_001):
            archive.writestr(f"xl/{number}", "")
    return out.getvalue()


UPLOADS = {
    "a bomb": ("people.xlsx", bomb),
    "ten thousand files": ("people.xlsx", nested),
    "a line without an end": ("people.csv", lambda: b"phone," + b"x" * (3 << 20)),
    "a quote without an end": ("people.csv", lambda: b'phone\n"' + b"x\n" * 3_000),
    "noughts": ("people.csv", lambda: b"\0" * 100_000),
}


@pytest.mark.parametrize("kind", UPLOADS)
@pytest.mark.parametrize("where", ["contactimport_add", "optout_upload"])
def test_a_file_that_is_made_to_hurt_is_refused_in_a_sentence(
    kind: str, where: str, admin_client: Client
) -> None:
    name, make = UPLOADS[kind]
    url = reverse(f"admin:csms_campaigns_{where}")
    answer = admin_client.post(url, {"file": SimpleUploadedFile(name, make())})
    assert answer.status_code == 200
    [said] = answer.context["form"].errors["file"]
    assert said.endswith(".")
    assert escape(said) in answer.content.decode()
    assert not ContactImport.objects.exists()
    assert not OptOut.objects.exists()
    assert not Contact.objects.exists()
