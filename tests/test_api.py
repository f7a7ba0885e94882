"""The API for code: the same engine, the same wake-ups; and the examples of its page."""

from __future__ import annotations

import ast
import inspect
import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from csms_campaigns import api, signals
from csms_campaigns.engine.dispatch import send_next
from csms_campaigns.engine.taking import Taken
from csms_campaigns.models import Campaign, ContactList, OptOut, SendResult
from project.demo.processes import free_port
from tests import factories
from tests.docs.markdown import document
from tests.engine.scenes import UNLIMITED, heard

PAGE = document("docs/api.md")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def gateway(sandbox: Any, configure: Any) -> Any:
    configure(**UNLIMITED)
    return sandbox(limits="none")


@pytest.fixture
def woken(redis_url: str) -> Iterator[Callable[[], list[str]]]:
    """`woken()`: the tasks that were put on the queue since the last call."""
    with redis.Redis.from_url(redis_url) as client:

        def names() -> list[str]:
            found = [m.decode() for m in client.lrange("celery", 0, -1)]
            client.delete("celery")
            kinds = ("lane", "prepare", "tick")
            return [k for m in found for k in kinds if f"tasks.{k}" in m]

        yield names


def work() -> None:
    """What a woken worker does."""
    while isinstance(send_next("default"), Taken):
        pass


def made(**options: Any) -> Campaign:
    factories.people(3, "Friends")
    usual = {"name": "Spring", "message": "Hello", "lists": ["Friends"]}
    return api.create(**{**usual, **options})


def test_from_draft_to_outcome(gateway: Any, woken: Any) -> None:
    campaign = made()
    assert campaign.status == "draft"
    assert api.review(campaign).recipients == 3
    assert woken() == []
    api.launch(campaign.pk)
    assert woken() == ["lane"] * 4
    work()
    found = api.status(campaign)
    assert (found.status, found.sent, found.total) == ("finished", 3, 3)
    assert gateway.state()["delivered"] == 3


def test_a_worker_prepares(woken: Any) -> None:
    campaign = made()
    api.prepare(campaign)
    assert woken() == ["prepare"]
    assert api.status(campaign).status == "preparing"


def test_nobody_is_woken_before_the_commit(woken: Any) -> None:
    campaign = made()
    api.review(campaign)
    with transaction.atomic():
        api.launch(campaign)
        assert woken() == []
    assert woken() == ["lane"] * 4
    with transaction.atomic():
        api.pause(campaign)
        api.resume(campaign)
        transaction.set_rollback(True)
    assert woken() == []
    assert api.status(campaign).status == "sending"


def test_without_a_broker_it_works_all_the_same(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from celery import current_app

    away = f"redis://127.0.0.1:{free_port()}/0"
    monkeypatch.setitem(current_app.conf, "broker_write_url", away)
    campaign = made()
    api.review(campaign)
    api.launch(campaign)
    assert api.status(campaign).status == "sending"


def test_pause_resume_cancel_and_who_did_it(woken: Any) -> None:
    ada = User.objects.create_user("ada")
    campaign = made(by=ada)
    api.review(campaign)
    api.launch(campaign, by=ada)
    api.pause(campaign, by=ada)
    assert "ada" in api.status(campaign).status_reason
    woken()
    api.resume(campaign, by=ada)
    assert woken() == ["lane"] * 4
    api.cancel(campaign, by=ada)
    found = api.status(campaign)
    assert (found.status, found.cancelled) == ("cancelled", 3)
    campaign.refresh_from_db()
    assert campaign.created_by == campaign.launched_by == ada


def test_a_schedule_wakes_nobody(woken: Any) -> None:
    campaign = made()
    api.review(campaign)
    api.launch(campaign, at=timezone.now() + timedelta(hours=1))
    assert woken() == []
    assert api.status(campaign).status == "scheduled"
    api.unschedule(campaign)
    assert api.status(campaign).status == "ready"


def test_a_test_send(gateway: Any, woken: Any) -> None:
    campaign = made(message="Hello {{ name }}")
    api.send_test(campaign, ["+12125550142"])
    assert "lane" in woken()
    work()
    [delivered] = gateway.deliveries
    assert delivered["phone"] == "+12125550142"


def test_numbers_of_a_test_are_read_as_people_write_them(woken: Any) -> None:
    campaign = made()
    api.opt_out("(212) 555-0143")
    test = api.send_test(campaign, ["212-555-0142"])
    assert list(test.results.values_list("phone", flat=True)) == ["+12125550142"]
    with pytest.raises(api.CampaignError) as refused:
        api.send_test(campaign, ["1 212 555 0143"])
    assert refused.value.code == "opted_out"
    with pytest.raises(api.InvalidNumber):
        api.send_test(campaign, ["12"])


def test_who_failed_goes_again(sandbox: Any, configure: Any, woken: Any) -> None:
    configure(**UNLIMITED)
    gateway = sandbox(limits="none", faults="fail@1")
    campaign = made()
    api.review(campaign)
    api.launch(campaign)
    work()
    assert api.status(campaign).failed
    gateway.control(faults="")
    follow_up = api.retry_failed(campaign, all_causes=True)
    api.launch(follow_up)
    work()
    found = api.status(follow_up)
    assert found.sent == api.status(campaign).failed == found.total


def test_who_is_unknown_is_decided_about(sandbox: Any, configure: Any) -> None:
    configure(**UNLIMITED)
    sandbox(limits="none", faults="lost@1")
    campaign = made()
    api.review(campaign)
    api.launch(campaign)
    work()
    with heard(signals.unknown_resolved) as said:
        assert api.resolve_unknown(campaign, "sent") == 3
        assert api.resolve_unknown(campaign, "failed") == 0
    assert said[0]["count"] == 3
    with pytest.raises(ValueError, match="maybe"):
        api.resolve_unknown(campaign, "maybe")


def test_who_is_unknown_goes_again_if_told(sandbox: Any, configure: Any) -> None:
    configure(**UNLIMITED)
    sandbox(limits="none", faults="lost@1")
    campaign = made()
    api.review(campaign)
    api.launch(campaign)
    work()
    follow_up = api.resend_unknown(campaign)
    api.launch(follow_up)
    work()
    assert api.status(follow_up).sent == 3


# Refusals


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: api.launch(7351), "no_campaign"),
        (lambda: api.status(7351), "no_campaign"),
        (lambda: api.launch(made()), "is_draft"),
        (lambda: api.resume(made()), "is_draft"),
        (lambda: made(lists=["Nobody"]), "no_such_list"),
        (lambda: made(exclude_lists=["Nobody"]), "no_such_list"),
        (lambda: made(name=""), "no_name"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(call: Any, code: str) -> None:
    with pytest.raises(api.CampaignError) as refused:
        call()
    assert refused.value.code == code
    assert str(refused.value).endswith(".")


def test_lists_by_name_and_as_rows() -> None:
    friends = factories.people(2, "Friends")
    factories.people(2, "Others")
    factories.people(1, "Rivals")
    campaign = api.create(
        name="Spring",
        message="Hello",
        lists=[friends, "Others"],
        exclude_lists=["Rivals"],
    )
    assert {one.name for one in campaign.lists.all()} == {"Friends", "Others"}
    assert {one.name for one in campaign.exclude_lists.all()} == {"Rivals"}
    assert ContactList.objects.count() == 3


# Opt-outs


def test_an_opt_out_holds_in_a_campaign_that_runs(gateway: Any) -> None:
    campaign = made()
    api.review(campaign)
    api.launch(campaign)
    assert api.opt_out(factories.number(1), reason="STOP", source="inbound")
    work()
    found = api.status(campaign)
    assert (found.sent, found.skipped) == (2, 1)
    [left_out] = SendResult.objects.filter(status="skipped")
    assert (left_out.phone, left_out.skip_reason) == (
        factories.number(1),
        "opted_out",
    )


def test_a_second_opt_out_changes_nothing() -> None:
    assert api.opt_out("(212) 555-0142", source="first")
    assert not api.opt_out("+1 212 555 0142", source="second")
    found = OptOut.objects.get()
    assert (found.phone, found.source) == ("+12125550142", "first")
    assert api.is_opted_out("٠٠١٢١٢٥٥٥٠١٤٢")
    assert not api.is_opted_out("+12125550143")


def test_numbers_are_of_the_region_that_is_given() -> None:
    api.opt_out("050 123 4567", region="SA")
    assert api.is_opted_out("+966501234567")
    with pytest.raises(api.InvalidNumber):
        api.opt_out("call me")


# The page


def calls() -> set[str]:
    """The functions that the table names."""
    return {e.split("(")[0] for e in PAGE.section("A campaign").entries() if "(" in e}


def test_every_function_has_an_entry() -> None:
    public = {n for n in api.__all__ if inspect.isfunction(getattr(api, n))}
    assert calls() == public


def test_every_signal_has_an_entry() -> None:
    known = {
        name for name, one in vars(signals).items() if isinstance(one, signals.Signal)
    }
    entries = PAGE.section("Signals").entries()
    assert known <= entries
    for name in known:
        [row] = [r for r in PAGE.section("Signals").rows() if f"`{name}`" == r[0]]
        assert "`campaign_id`" in row[1]


def test_the_examples_run_as_they_stand(
    gateway: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """One after the other, as a reader types them, with a worker that works in between."""
    gateway.control(faults="")
    factories.people(3, "Friends")
    names: dict[str, Any] = {}
    blocks = [b.text for b in PAGE.blocks() if b.language == "python"]
    assert len(blocks) >= 8
    for text in blocks:
        ast.parse(text)
        exec(text, names)  # noqa: S102 our own document
        work()
    said = capsys.readouterr().out
    assert said.startswith("3 3 3\nfinished 3 0 0 of 3\n")
    assert "is_finished" in said
    assert "1 0 0" in said
    signals.campaign_status_changed.send(
        None, campaign_id=7, status="paused", reason="x"
    )
    assert "Campaign 7 is paused: x" in capsys.readouterr().out
    signals.campaign_status_changed.disconnect(names["tell_the_team"])


def test_an_import_from_code() -> None:
    report = api.import_contacts(io.BytesIO(b"phone\n+12125550142\nbad\n"))
    assert (report.created, report.invalid) == (1, 1)
    with pytest.raises(api.ImportFailed):
        api.import_contacts(io.BytesIO(b""))
