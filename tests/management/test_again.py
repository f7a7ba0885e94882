"""Follow-ups, decisions and ledgers on the command line."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from csms_campaigns.models import Batch, Campaign, SendResult
from csms_campaigns.states import Resolution
from tests import factories
from tests.engine.families import decision, finished, places, result, run
from tests.engine.scenes import UNLIMITED

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _unlimited(configure: Any) -> None:
    configure(**UNLIMITED, BATCH_SIZE=5)


def said(*words: object) -> str:
    out = io.StringIO()
    call_command("csms_campaign", *map(str, words), stdout=out)
    return out.getvalue().strip()


def answer(*words: object) -> Any:
    return json.loads(said(*words, "--json"))


def refused(*words: object) -> Any:
    out = io.StringIO()
    with pytest.raises(CommandError) as found:
        call_command("csms_campaign", *map(str, words), "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert told.get("error", str(found.value)) == str(found.value)
    return told


def test_retry_failed_prints_the_follow_ups_id() -> None:
    parent = finished(20, failed=[1, 6], invalid=[7])
    follow_up = Campaign.objects.get(pk=said("retry-failed", parent.pk))
    assert places(follow_up) == [1, 6]
    assert refused("retry-failed", parent.pk)["code"] == "nobody"


def test_who_asked_is_kept() -> None:
    ann = User.objects.create_user("ann")
    parent = finished(20, failed=[1], silent=[0])
    follow_up = Campaign.objects.get(
        pk=said("retry-failed", parent.pk, "--user", "ann")
    )
    assert follow_up.created_by == ann
    said("resolve-unknown", parent.pk, "--as", "failed", "--user", "ann")
    assert set(
        SendResult.objects.exclude(resolution="").values_list("resolved_by", flat=True)
    ) == {ann.pk}
    sending = factories.sending(lists=[factories.people(5, "More")])
    said("pause", sending.pk, "--user", "ann")
    assert answer("status", sending.pk)["status_reason"] == "Paused by ann."
    said("cancel", sending.pk, "--user", "ann")
    assert answer("status", sending.pk)["status_reason"] == "Cancelled by ann."
    assert refused("cancel", sending.pk, "--user", "bob")["code"] == "no_such_user"


def test_permanent_causes_if_asked() -> None:
    parent = finished(20, failed=[1, 6], invalid=[7, 8])
    factories.opt_out([factories.number(8)])
    found = answer("retry-failed", parent.pk, "--all-causes")
    assert found == {"id": found["id"], "recipients": 3, "skipped": {"opted_out": 1}}
    assert places(Campaign.objects.get(pk=found["id"])) == [1, 6, 7, 8]


def test_one_cause() -> None:
    parent = finished(20, failed=[1, 6], invalid=[7])
    follow_up = said("retry-failed", parent.pk, "--cause", "INVALID_NUMBER")
    assert places(Campaign.objects.get(pk=follow_up)) == [7]


@pytest.mark.parametrize("decided", ["sent", "failed"])
def test_a_decision_prints_how_many(decided: str) -> None:
    parent = finished(20, silent=[1, 6, 12])
    number = Batch.objects.get(pk=result(parent, 6).batch_id).number
    first = answer("resolve-unknown", parent.pk, "--as", decided, "--batch", number)
    assert first == {"count": 1}
    assert said("resolve-unknown", parent.pk, "--as", decided) == "2"
    assert said("resolve-unknown", parent.pk, "--as", decided) == "0"
    assert {decision(parent, i) for i in (1, 6, 12)} == {decided}
    assert answer("status", parent.pk)[f"treated_as_{decided}"] == 3


def test_send_again_prints_the_follow_ups_id() -> None:
    parent = finished(20, silent=[1, 6])
    follow_up = Campaign.objects.get(
        pk=said("resolve-unknown", parent.pk, "--as", "resend")
    )
    assert places(follow_up) == [1, 6]
    assert decision(parent, 1) == Resolution.RESEND
    assert answer("status", parent.pk)["sent_again"] == 2
    assert refused("resolve-unknown", parent.pk, "--as", "resend")["code"] == "nobody"


def test_a_batch_that_is_not_there() -> None:
    parent = finished(5, silent=[1])
    found = refused("resolve-unknown", parent.pk, "--as", "sent", "--batch", 99)
    assert found["code"] == "no_batch"
    assert decision(parent, 1) == ""


@pytest.mark.parametrize("verb", ["retry-failed", "resolve-unknown", "ledger"])
def test_a_campaign_that_is_not_there(verb: str) -> None:
    words = ["--as", "sent"] if verb == "resolve-unknown" else []
    assert refused(verb, 4711, *words)["code"] == "no_campaign"


# Ledgers


def family() -> Campaign:
    parent = finished(20, failed=[1, 6], silent=[7])
    run(Campaign.objects.get(pk=said("retry-failed", parent.pk)))
    return parent


def test_the_ledger_of_a_family() -> None:
    parent = family()
    members = list(Campaign.objects.order_by("pk").values_list("pk", flat=True))
    expected = {
        "wrong": [],
        "strays": 0,
        "campaigns": members,
        "audience": 20,
        "sent": 19,
        "failed": 0,
        "unknown": 1,
        "skipped": 0,
        "cancelled": 0,
        "pending": 0,
    }
    assert answer("ledger", parent.pk) == expected
    assert answer("ledger", members[1]) == expected


def test_all_ledgers() -> None:
    family()
    finished(5)
    factories.draft(5)
    found = answer("ledger", "--all")
    assert found == {"families": 3, "campaigns": 4, "wrong": []}
    assert "families: 3" in said("ledger", "--all")


MISTAKES = {
    "a recipient is gone": lambda: SendResult.objects.filter(status="failed")[
        0
    ].delete(),
    "a count": lambda: Batch.objects.filter(number=1, size=5).update(
        sent_count=3, failed_count=2
    ),
    "a decision that no batch knows": lambda: SendResult.objects.filter(
        status="unknown"
    ).update(resolution="sent"),
    "a link that is gone": lambda: SendResult.objects.filter(
        retry_of__isnull=False
    ).update(retry_of=None),
    "a link to nowhere": lambda: SendResult.objects.filter(
        pk=SendResult.objects.filter(retry_of__isnull=False)[0].pk
    ).update(retry_of=10**9),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_wrong_ledger_is_named_and_the_status_is_1(mistake: Any) -> None:
    family()
    finished(5)
    mistake()
    out = io.StringIO()
    with pytest.raises(CommandError, match="does not add up"):
        call_command("csms_campaign", "ledger", "--all", "--json", stdout=out)
    assert json.loads(out.getvalue())["wrong"]


def test_rows_that_retention_deleted_are_judged_by_the_batches() -> None:
    parent = family()
    Campaign.objects.update(results_deleted_at=parent.finished_at)
    SendResult.objects.all().delete()
    assert answer("ledger", "--all")["wrong"] == []
    Campaign.objects.filter(pk=parent.pk).update(audience_count=21)
    assert refused("ledger", "--all")["wrong"] == [parent.pk]


def test_one_of_two_is_needed() -> None:
    with pytest.raises(CommandError, match="required"):
        said("ledger")
