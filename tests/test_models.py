"""What the database itself refuses, whoever writes to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, models, transaction
from django.db.models import ProtectedError
from django.db.models.signals import (
    ModelSignal,
    post_delete,
    post_init,
    post_save,
    pre_delete,
    pre_init,
    pre_save,
)
from django.utils import timezone

from csms_campaigns.engine import accounts
from csms_campaigns.models import (
    Attempt,
    Batch,
    Campaign,
    Contact,
    ContactList,
    GatewayAccount,
    Lane,
    OptOut,
    SendResult,
)
from csms_campaigns.states import CampaignStatus
from tests import factories
from tests.engine.scenes import UNLIMITED, campaign_in, send

pytestmark = pytest.mark.django_db

NOW = timezone.now()
PHONE = "+12125551234"


@pytest.fixture
def scene() -> dict[str, Any]:
    """One row of each model, for others to refer to."""
    campaign = Campaign.objects.create(name="x")
    account = accounts.state("default")
    batch = Batch.objects.create(campaign=campaign, number=1, message="x", segments=1)
    attempt = Attempt.objects.create(
        account=account, batch=batch, cum=1, stamped_at=NOW
    )
    result = SendResult.objects.create(campaign=campaign, phone=PHONE)
    return {
        "campaign": campaign,
        "account": account,
        "batch": batch,
        "attempt": attempt,
        "result": result,
    }


def campaign(_scene: dict[str, Any], **fields: Any) -> models.Model:
    return Campaign.objects.create(**{"name": "y", **fields})


def batch(scene: dict[str, Any], **fields: Any) -> models.Model:
    if fields.pop("in_flight", False):
        fields |= {"lease_until": NOW, "attempt": scene["attempt"]}
    usual = {"campaign": scene["campaign"], "number": 2, "message": "", "segments": 1}
    return Batch.objects.create(**{**usual, **fields})


def attempt(scene: dict[str, Any], **fields: Any) -> models.Model:
    usual = {"account": scene["account"], "batch": scene["batch"], "stamped_at": NOW}
    return Attempt.objects.create(**{**usual, **fields})


def result(scene: dict[str, Any], **fields: Any) -> models.Model:
    if fields.pop("again", False):
        fields["retry_of"] = scene["result"]
    usual = {"campaign": scene["campaign"], "phone": "+12125559999"}
    return SendResult.objects.create(**{**usual, **fields})


def lane(scene: dict[str, Any], **fields: Any) -> models.Model:
    return Lane.objects.create(account=scene["account"], until=NOW, **fields)


def contact(_scene: dict[str, Any], **fields: Any) -> models.Model:
    return Contact.objects.create(**fields)


def opt_out(_scene: dict[str, Any], **fields: Any) -> models.Model:
    return OptOut.objects.create(**fields)


def contact_list(_scene: dict[str, Any], **fields: Any) -> models.Model:
    return ContactList.objects.create(**fields)


def gateway_account(_scene: dict[str, Any], **fields: Any) -> models.Model:
    return GatewayAccount.objects.create(**fields)


Make = Callable[..., models.Model]
COUNTS = ("sent_count", "failed_count", "unknown_count", "skipped_count")
REFUSED: list[tuple[str, Make, list[dict[str, Any]]]] = [
    ("csms_campaign_status_known", campaign, [{"status": "sent"}]),
    ("csms_campaign_status_known", campaign, [{"status": ""}]),
    ("csms_campaign_finished_has_time", campaign, [{"status": "finished"}]),
    ("csms_campaign_scheduled_has_time", campaign, [{"status": "scheduled"}]),
    ("csms_batch_status_known", batch, [{"status": "failed"}]),
    ("csms_batch_sending_has_lease", batch, [{"status": "sending"}]),
    (
        "csms_batch_sending_has_lease",
        batch,
        [{"status": "sending", "lease_until": NOW}],
    ),
    *[("csms_batch_counts_fit", batch, [{"size": 1, name: 2}]) for name in COUNTS],
    ("csms_batch_counts_fit", batch, [{"size": 3, **dict.fromkeys(COUNTS, 1)}]),
    ("csms_batch_done_adds_up", batch, [{"status": "done", "size": 1}]),
    ("csms_batch_done_adds_up", batch, [{"status": "unknown", "size": 1}]),
    (
        "csms_batch_done_adds_up",
        batch,
        [{"status": "done", "size": 5, **dict.fromkeys(COUNTS, 1)}],
    ),
    ("csms_attempt_cum_once", attempt, [{"cum": 1}]),
    ("csms_lane_once", lane, [{"number": 1}, {"number": 1}]),
    ("csms_result_phone_once", result, [{"phone": PHONE}]),
    (
        "csms_result_retried_once",
        result,
        [{"again": True}, {"again": True, "phone": "+12125558888"}],
    ),
    ("csms_result_status_known", result, [{"status": "delivered"}]),
    ("csms_result_skipped_has_reason", result, [{"status": "skipped"}]),
    (
        "csms_result_skipped_has_reason",
        result,
        [{"status": "skipped", "skip_reason": "too_late"}],
    ),
    (
        "csms_result_skipped_has_reason",
        result,
        [{"status": "sent", "skip_reason": "opted_out"}],
    ),
    *[
        ("csms_result_no_phone_is_skipped", result, [{"phone": None, "status": status}])
        for status in ("pending", "sent", "failed", "unknown", "cancelled")
    ],
    ("contact_phone", contact, [{"phone": PHONE}, {"phone": PHONE}]),
    ("optout_phone", opt_out, [{"phone": PHONE}, {"phone": PHONE}]),
    ("contactlist_name", contact_list, [{"name": "A"}, {"name": "A"}]),
    ("gatewayaccount_alias", gateway_account, [{"alias": "default"}]),
]
ALLOWED: list[tuple[Make, list[dict[str, Any]]]] = [
    (campaign, [{"status": "finished", "finished_at": NOW}]),
    (campaign, [{"status": "scheduled", "send_at": NOW}]),
    (batch, [{"status": "sending", "in_flight": True}]),
    (batch, [{"status": "pending", "size": 9, "skipped_count": 2}]),
    (batch, [{"status": "done", "size": 4, **dict.fromkeys(COUNTS, 1)}]),
    (batch, [{"status": "unknown", "size": 3, "unknown_count": 3}]),
    (batch, [{"status": "cancelled", "size": 3}]),
    (attempt, [{"cum": 2}, {"cum": 4}]),
    (lane, [{"number": 1}, {"number": 2}]),
    (result, [{"again": True}]),
    (result, [{"phone": "+12125557777"}, {"phone": "+12125558888"}]),
    (result, [{"status": "skipped", "skip_reason": "opted_out"}]),
    (
        result,
        [{"phone": None, "status": "skipped", "skip_reason": "invalid_phone"}] * 2,
    ),
    (opt_out, [{"phone": PHONE}]),
]


def names_its_constraint(error: IntegrityError, name: str) -> bool:
    """SQLite names the columns of a unique constraint, PostgreSQL the constraint."""
    if name in str(error):
        return True
    columns = {
        "csms_attempt_cum_once": "attempt.account_id, csms_campaigns_attempt.cum",
        "csms_lane_once": "lane.account_id, csms_campaigns_lane.number",
        "csms_result_phone_once": "sendresult.phone, csms_campaigns_sendresult.campaign",
        "csms_result_retried_once": "sendresult.retry_of_id",
    }
    return columns.get(name, name.replace("_", ".")) in str(error)


@pytest.mark.parametrize(("name", "make", "fields"), REFUSED)
def test_the_database_refuses(
    scene: dict[str, Any], name: str, make: Make, fields: list[dict[str, Any]]
) -> None:
    *before, last = fields
    for one in before:
        make(scene, **one)
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        make(scene, **last)
    assert names_its_constraint(error.value, name), error.value


@pytest.mark.parametrize(("make", "fields"), ALLOWED)
def test_the_database_allows(
    scene: dict[str, Any], make: Make, fields: list[dict[str, Any]]
) -> None:
    made = [make(scene, **dict(one)) for one in fields]
    assert len({one.pk for one in made}) == len(fields)


def test_every_constraint_is_tried() -> None:
    tried = {name for name, _make, _fields in REFUSED}
    ours = [Campaign, Batch, Attempt, SendResult, Lane]
    assert {c.name for m in ours for c in m._meta.constraints} <= tried


def test_one_number_may_be_in_two_campaigns_and_used_by_two_accounts(
    scene: dict[str, Any],
) -> None:
    other = Campaign.objects.create(name="other")
    SendResult.objects.create(campaign=other, phone=PHONE)
    spare = accounts.state("spare")
    Attempt.objects.create(account=spare, batch=scene["batch"], cum=1, stamped_at=NOW)
    assert SendResult.objects.filter(phone=PHONE).count() == 2


# What may go, and what it takes with it


def test_a_campaign_that_sent_something_cannot_be_deleted(configure: Any) -> None:
    configure(**UNLIMITED)
    made = campaign_in(CampaignStatus.SENDING)
    send()
    for row in (made, Batch.objects.get(), GatewayAccount.objects.get()):
        with pytest.raises(ProtectedError):
            row.delete()
    assert Attempt.objects.count() == 1


def test_results_outlive_their_contacts() -> None:
    factories.ready(3)
    Contact.objects.all().delete()
    assert SendResult.objects.exclude(phone=None).count() == 3


def test_an_opt_out_outlives_its_contact() -> None:
    factories.people(1)
    factories.opt_out([factories.number(0)])
    Contact.objects.all().delete()
    assert OptOut.objects.count() == 1


def test_a_deleted_list_leaves_its_campaigns() -> None:
    made = factories.ready(3)
    ContactList.objects.all().delete()
    made.refresh_from_db()
    assert made.lists.count() == 0
    assert SendResult.objects.count() == 3


SIGNALS: list[ModelSignal] = [
    pre_init,
    post_init,
    pre_save,
    post_save,
    pre_delete,
    post_delete,
]


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("model", [SendResult, Batch])
def test_nobody_listens_to_rows_that_are_written_by_thousands(
    signal: ModelSignal, model: type[models.Model]
) -> None:
    """`bulk_create` and plain SQL would not call it, and a delete would read every row."""
    assert not signal.has_listeners(model)


# How they show themselves


def test_names_for_people() -> None:
    assert str(Campaign(name="May")) == "May"
    assert str(ContactList(name="VIP")) == "VIP"
    assert str(Contact(phone=PHONE)) == PHONE
    assert str(Contact(phone=PHONE, name="Ann")) == f"Ann {PHONE}"
    assert str(OptOut(phone=PHONE)) == PHONE
    assert str(Batch(campaign_id=3, number=4)) == "3/4"
    assert str(Attempt(account_id=3, cum=4)) == "3#4"
    assert str(Lane(account_id=3, number=4)) == "3/4"
    assert str(GatewayAccount(alias="default")) == "default"
    assert str(SendResult(phone=PHONE)) == PHONE
