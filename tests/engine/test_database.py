"""SQL of our own reads and writes what the ORM would, and a lane that has just sent asks once."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from csms_campaigns.engine import cutting
from csms_campaigns.engine.database import (
    atomic,
    execute,
    fetch,
    fetch_one,
    insert,
    lock_account,
    now,
)
from csms_campaigns.engine.taking import NOTHING, Taken, Wait, take
from csms_campaigns.models import (
    Attempt,
    Batch,
    Campaign,
    GatewayAccount,
    OptOut,
    SendResult,
)
from tests import factories
from tests.engine.scenes import send

pytestmark = pytest.mark.django_db

MODELS: dict[str, type[models.Model]] = {
    "account": GatewayAccount,
    "attempt": Attempt,
    "batch": Batch,
    "campaign": Campaign,
    "result": SendResult,
}


@pytest.fixture
def rows_of_all() -> None:
    """With moments, a mark of time zones, JSON and numbers in them."""
    factories.sending(30)
    send()
    lately = now() - timedelta(seconds=1)
    GatewayAccount.objects.update(
        blocked_until=lately, clock={"shift": 0.5, "machines": {"a": [1.0, 2.0, 0.0]}}
    )
    Batch.objects.update(not_before=lately)
    Campaign.objects.update(send_from=time(8), send_until=time(7, 59), audiences=["a"])


@pytest.mark.usefixtures("rows_of_all")
@pytest.mark.parametrize("name", MODELS)
def test_a_row_is_what_the_orm_makes_of_it(name: str) -> None:
    model = MODELS[name]
    for expected in model._default_manager.order_by("pk")[:3]:
        sql = "SELECT {%s.columns} FROM {%s} WHERE id = %%(pk)s {for_update}"
        with atomic():
            found = fetch_one(model, sql % (name, name), pk=expected.pk)
        assert found is not None
        for field in model._meta.concrete_fields:
            ours = getattr(found, field.attname)
            assert ours == getattr(expected, field.attname), field.name
            assert type(ours) is type(getattr(expected, field.attname)), field.name
        assert not found._state.adding
        assert found._state.db == expected._state.db


@pytest.mark.usefixtures("rows_of_all")
def test_where_there_is_no_row_there_is_nothing() -> None:
    sql = "SELECT {batch.columns} FROM {batch} WHERE id = %(pk)s"
    assert fetch_one(Batch, sql, pk=0) is None
    with atomic(), pytest.raises(GatewayAccount.DoesNotExist):
        lock_account("nobody")


@pytest.mark.usefixtures("rows_of_all")
def test_a_written_moment_is_the_orms() -> None:
    moment = now()
    sql = "UPDATE {account} SET stamped_at = %(now)s WHERE alias = %(alias)s"
    assert execute(sql, now=moment, alias="default") == 1
    assert GatewayAccount.objects.get(stamped_at=moment).stamped_at == moment
    assert execute(sql, now=moment, alias="nobody") == 0


def test_the_id_of_a_new_row_is_told() -> None:
    sql = (
        "INSERT INTO {opt_out} (phone, created_at, reason, source)"
        " VALUES (%(phone)s, %(now)s, '', 'api')"
    )
    first, second = (insert(sql, phone=f"+1212000000{n}", now=now()) for n in (1, 2))
    assert first != second
    assert OptOut.objects.get(pk=second).phone == "+12120000002"
    assert fetch("SELECT id FROM {opt_out} ORDER BY id") == [(first,), (second,)]


# What a lane asks after a batch


def queries(after: Taken | None) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert isinstance(take("default", after), Taken)
    return len(captured)


def test_who_has_just_sent_looks_once(configure: Any) -> None:
    configure(BATCH_SIZE=5, MIN_GAP=0)
    factories.sending(40)
    send()
    without = queries(None)
    assert queries(send()) < without


def test_after_the_last_batch_there_is_nothing(configure: Any) -> None:
    configure(MIN_GAP=0)
    factories.sending(3)
    assert take("default", send()) == NOTHING


def test_nobody_waits_for_a_limit_with_nothing_to_send(configure: Any) -> None:
    configure(RATE_LIMITS=[(2, 3600)], MIN_GAP=0, BATCH_SIZE=5)
    factories.sending(10)
    send()
    last = send()
    assert take("default", last) == NOTHING
    factories.sending(5)
    assert isinstance(take("default", last), Wait)


def test_who_opts_out_while_others_are_left_out_is_left_out_too(
    configure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(MIN_GAP=0)
    campaign = factories.sending(4)
    phones = list(SendResult.objects.order_by("pk").values_list("phone", flat=True))
    factories.opt_out(phones[:1])
    real = cutting.skip_opted_out

    def skip(batch: Batch) -> None:
        real(batch)
        if not OptOut.objects.filter(phone=phones[1]).exists():
            factories.opt_out(phones[1:2])

    monkeypatch.setattr(cutting, "skip_opted_out", skip)
    taken = take("default")
    assert isinstance(taken, Taken)
    assert taken.numbers == phones[2:]
    batch = campaign.batches.get()
    assert batch.skipped_count == 2
