"""`csms_campaign`, as a person and a script use it."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from csms_campaigns.engine.taking import Taken
from csms_campaigns.gateway.receipts import NumberOutcome, Receipt
from csms_campaigns.models import Campaign, ContactList, SendResult
from csms_campaigns.states import CampaignStatus
from tests import factories
from tests.engine.scenes import REFUSED, UNLIMITED, campaign_in, send, send_all

pytestmark = pytest.mark.django_db

S = CampaignStatus
STATUS_KEYS = {
    "status",
    "status_reason",
    "total",
    "pending",
    "sent",
    "failed",
    "unknown",
    "skipped",
    "cancelled",
    "batches",
    "remaining_credits",
    "rate_per_minute",
    "eta_seconds",
    "waiting_until",
    "waiting_for",
}
PROMISE_KEYS = {
    "recipients",
    "skipped",
    "batches",
    "segments",
    "estimated_credits",
    "eta_seconds",
}
COLUMNS = (
    "phone,name,status,message_id,error_code,error,skip_reason,segments,updated_at"
)


@pytest.fixture(autouse=True)
def _unlimited(configure: Any, redis_url: str) -> None:
    configure(**UNLIMITED)


def said(*words: object) -> str:
    out = io.StringIO()
    call_command("csms_campaign", *map(str, words), stdout=out)
    return out.getvalue()


def answer(*words: object) -> dict[str, Any]:
    """With --json: one object, on one line."""
    text = said(*words, "--json")
    assert text.count("\n") == 1
    found = json.loads(text)
    assert isinstance(found, dict)
    return found


def refusal(*words: object) -> tuple[str, str]:
    """The sentence and the code; the same sentence with and without --json."""
    out = io.StringIO()
    with pytest.raises(CommandError) as plain:
        call_command("csms_campaign", *map(str, words), stdout=out)
    assert out.getvalue() == ""
    with pytest.raises(CommandError) as error:
        call_command("csms_campaign", *map(str, words), "--json", stdout=out)
    found = json.loads(out.getvalue())
    assert out.getvalue().count("\n") == 1
    assert set(found) == {"error", "code"}
    assert found["error"] == str(error.value) == str(plain.value)
    return found["error"], found["code"]


def status(pk: int) -> str:
    return Campaign.objects.get(pk=pk).status


def create(*more: str) -> dict[str, Any]:
    return answer("create", "--name", "May", "--message", "Hi", "--list", "A", *more)


def test_create_with_an_audience_of_the_site_and_an_excluded_list(
    settings: Any,
) -> None:
    audiences = {"members": "tests.engine.site.members"}
    settings.CSMS_CAMPAIGNS = {**settings.CSMS_CAMPAIGNS, "AUDIENCES": audiences}
    staff = factories.people(2, "Staff")
    words = ["create", "--name", "x", "--message", "Hi", "--audience", "members"]
    found = answer(*words, "--exclude-list", "Staff")
    campaign = Campaign.objects.get(pk=found["id"])
    assert campaign.audiences == ["members"]
    assert list(campaign.exclude_lists.all()) == [staff]
    assert not campaign.lists.exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], "no_list"),
        (["--audience", "gone"], "no_such_audience"),
        (["--exclude-list", "gone"], "no_such_list"),
    ],
)
def test_create_for_nobody_or_for_whom_there_is_not(
    words: list[str], code: str
) -> None:
    refused = ["create", "--name", "x", "--message", "Hi", *words, "--json"]
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("csms_campaign", *refused, stdout=out)
    assert json.loads(out.getvalue())["code"] == code


# Create


def test_create_prints_the_id_and_nothing_else() -> None:
    factories.people(2, "A")
    text = said("create", "--name", "May", "--message", "Hi", "--list", "A")
    campaign = Campaign.objects.get()
    assert text == f"{campaign.pk}\n"
    assert (campaign.name, campaign.message, campaign.status) == ("May", "Hi", S.DRAFT)


def test_create_with_several_lists_and_another_account(configure: Any) -> None:
    configure("spare", API_KEY="another")
    lists = {factories.people(1, "A"), factories.people(1, "B")}
    found = create("--list", "B", "--account", "spare")
    campaign = Campaign.objects.get(pk=found["id"])
    assert set(found) == {"id"}
    assert set(campaign.lists.all()) == lists
    assert campaign.account == "spare"


@pytest.mark.parametrize(
    ("name", "message", "chosen", "account", "code"),
    [
        ("May", "Hi", "Nobody", "default", "no_such_list"),
        ("May", " ", "A", "default", "no_message"),
        (" ", "Hi", "A", "default", "no_name"),
        ("May", "Hi {{ nmae }}", "A", "default", "unknown_placeholder"),
        ("May", "Hi {{ name", "A", "default", "bad_placeholder"),
        ("May", "Hi", "A", "spare", "bad_account"),
    ],
)
def test_what_cannot_be_sent_is_not_created(
    name: str, message: str, chosen: str, account: str, code: str
) -> None:
    factories.people(1, "A")
    words = ["create", "--name", name, "--message", message, "--list", chosen]
    sentence, found = refusal(*words, "--account", account)
    assert found == code
    assert sentence.endswith(".")
    assert not Campaign.objects.exists()


def test_an_unknown_list_is_named_though_another_is_known() -> None:
    factories.people(1, "A")
    words = ["create", "--name", "x", "--message", "Hi", "--list", "A", "--list", "ب"]
    assert refusal(*words) == ("There is no contact list “ب”.", "no_such_list")


# Review


def test_review_prepares_and_promises() -> None:
    factories.opt_out([factories.number(0)])
    campaign = factories.draft(12)
    found = answer("review", campaign.pk)
    assert set(found) >= PROMISE_KEYS
    assert found["recipients"] == 11
    assert found["skipped"] == {"opted_out": 1}
    assert (found["batches"], found["segments"]) == (2, 11)
    assert found["estimated_credits"] == 11
    assert found["eta_seconds"] > 0
    assert status(campaign.pk) == S.READY


def test_review_for_people_says_the_same_in_lines() -> None:
    factories.opt_out([factories.number(0)])
    text = said("review", factories.draft(12).pk)
    assert "recipients: 11\n" in text
    assert "skipped: opted_out 1\n" in text
    assert "remaining_credits: –\n" in text


def test_review_of_an_empty_audience_leaves_a_draft() -> None:
    empty = ContactList.objects.create(name="Empty")
    campaign = factories.draft(lists=[empty])
    sentence, code = refusal("review", campaign.pk)
    assert (sentence, code) == (
        "The chosen lists are empty: add contacts to them first.",
        "not_ready",
    )
    assert status(campaign.pk) == S.DRAFT


# The verbs that change a state

MOVES: dict[str, tuple[CampaignStatus, CampaignStatus]] = {
    "launch": (S.READY, S.SENDING),
    "pause": (S.SENDING, S.PAUSED),
    "resume": (S.PAUSED, S.SENDING),
    "cancel": (S.SENDING, S.CANCELLED),
}


@pytest.mark.parametrize("verb", [*MOVES])
def test_a_verb_moves_the_campaign_and_says_where_it_is(verb: str) -> None:
    source, target = MOVES[verb]
    campaign = campaign_in(source)
    found = answer(verb, campaign.pk)
    assert set(found) == {"status", "status_reason"}
    assert found["status"] == target == status(campaign.pk)


@pytest.mark.parametrize("verb", [*MOVES])
def test_a_verb_for_people(verb: str) -> None:
    source, target = MOVES[verb]
    text = said(verb, campaign_in(source).pk)
    assert text.startswith(f"status: {target}\nstatus_reason: ")


@pytest.mark.parametrize(
    ("verb", "source", "sentence"),
    [
        ("launch", S.DRAFT, "It is a draft: review it first."),
        ("launch", S.SENDING, "It is already being sent."),
        ("pause", S.READY, "It is ready, but not launched."),
        ("resume", S.SENDING, "It is already being sent."),
        ("cancel", S.FINISHED, "It is already finished."),
        ("review", S.PAUSED, "It is paused: resume it instead."),
        ("review", S.CANCELLED, "It was cancelled."),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    verb: str, source: CampaignStatus, sentence: str
) -> None:
    campaign = campaign_in(source)
    assert refusal(verb, campaign.pk) == (sentence, f"is_{source.value}")
    assert status(campaign.pk) == source


@pytest.mark.parametrize(
    "verb", ["review", "launch", "pause", "resume", "cancel", "status", "export"]
)
def test_a_campaign_that_is_not_there(verb: str, tmp_path: Path) -> None:
    more = ["--output", tmp_path / "out.csv"] if verb == "export" else []
    assert refusal(verb, 987, *more) == ("There is no campaign 987.", "no_campaign")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("pk", ["0", str(2**63), str(2**80)])
def test_numbers_that_no_campaign_can_have(pk: str) -> None:
    assert refusal("status", pk)[1] == "no_campaign"


@pytest.mark.parametrize(
    "words",
    [[], ["send"], ["launch"], ["launch", "one"], ["create"], ["export", "1"]],
)
def test_words_that_are_no_command(words: list[str]) -> None:
    with pytest.raises(CommandError):
        said(*words)


@pytest.mark.parametrize("verb", ["launch", "resume"])
def test_lanes_are_woken_after_the_commit(
    verb: str, redis_url: str, django_capture_on_commit_callbacks: Any
) -> None:
    campaign = campaign_in(MOVES[verb][0])
    with redis.Redis.from_url(redis_url) as client:
        with django_capture_on_commit_callbacks(execute=True):
            answer(verb, campaign.pk)
            assert client.llen("celery") == 0
        messages = [m.decode() for m in client.lrange("celery", 0, -1)]
    assert len(messages) == 4
    assert all("csms_campaigns.tasks.lane" in message for message in messages)


# At a time


def scheduled(at: str) -> datetime:
    campaign = factories.ready()
    assert answer("launch", campaign.pk, "--at", at)["status"] == S.SCHEDULED
    campaign.refresh_from_db()
    assert campaign.send_at is not None
    return campaign.send_at


def test_a_time_with_an_offset() -> None:
    wanted = datetime(2099, 12, 31, 6, 0, tzinfo=UTC)
    assert scheduled("2099-12-31T09:00+03:00") == wanted
    assert scheduled("2099-12-31T06:00:00Z") == wanted


@override_settings(TIME_ZONE="Asia/Riyadh")
def test_a_time_without_an_offset_is_the_sites() -> None:
    assert scheduled("2099-12-31T09:00") == datetime(2099, 12, 31, 6, 0, tzinfo=UTC)
    assert scheduled("2099-12-31 09:00") == datetime(2099, 12, 31, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["tomorrow", "31.12.2099 09:00", "2099-13-01T09:00", "09:00", " "]
)
def test_what_is_no_time(text: str) -> None:
    campaign = factories.ready()
    sentence, code = refusal("launch", campaign.pk, "--at", text)
    assert code == "bad_time"
    assert sentence.startswith(f"“{text}” is not a time such as ")
    assert status(campaign.pk) == S.READY


def test_a_time_that_has_passed() -> None:
    campaign = factories.ready()
    past = (timezone.now() - timedelta(minutes=1)).isoformat()
    assert refusal("launch", campaign.pk, "--at", past)[1] == "time_passed"
    assert status(campaign.pk) == S.READY


# Status


@pytest.mark.parametrize("state", S)
def test_status_has_every_key_of_the_contract(state: CampaignStatus) -> None:
    found = answer("status", campaign_in(state).pk)
    assert set(found) >= STATUS_KEYS
    assert found["status"] == state
    names = ("pending", "sent", "failed", "unknown", "skipped", "cancelled")
    assert found["total"] == sum(found[name] for name in names)


def test_status_while_it_is_sent() -> None:
    factories.opt_out([factories.number(0)])
    campaign = campaign_in(S.SENDING, 12)
    send()
    found = answer("status", campaign.pk)
    assert (found["total"], found["sent"], found["pending"]) == (12, 5, 6)
    assert (found["skipped"], found["batches"]) == (1, 2)
    assert found["remaining_credits"] == 1000
    assert found["eta_seconds"] > 0
    assert "sent: 5\n" in said("status", campaign.pk)


def test_status_says_a_reason_in_arabic_letters_as_they_are() -> None:
    campaign = campaign_in(S.PAUSED)
    Campaign.objects.update(status_reason="الرصيد انتهى")
    assert "الرصيد انتهى" in said("status", campaign.pk, "--json")


# Export


def mixed(taken: Taken) -> Receipt:
    first, second = taken.numbers[:2]
    found = {first: NumberOutcome(True, message_id="m-1"), second: REFUSED}
    return Receipt(200, found, 7)


def test_export_writes_one_line_for_each_recipient(tmp_path: Path) -> None:
    factories.opt_out([factories.number(3)])
    campaign = campaign_in(S.SENDING, 4)
    send(mixed)
    path = tmp_path / "out.csv"
    assert answer("export", campaign.pk, "--output", path) == {
        "rows": 4,
        "output": str(path),
    }
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == COLUMNS
    rows = list(csv.DictReader(lines))
    assert [row["status"] for row in rows] == ["sent", "failed", "unknown", "skipped"]
    assert rows[0]["message_id"] == "m-1"
    assert rows[0]["phone"] == factories.number(0)
    assert rows[1]["error_code"] == "invalid_number"
    assert rows[1]["error"] == "No such number"
    assert rows[3]["skip_reason"] == "opted_out"
    assert [row["segments"] for row in rows] == ["1", "1", "1", ""]
    stamp = datetime.fromisoformat(rows[0]["updated_at"])
    assert stamp == SendResult.objects.get(status="sent").updated_at.replace(  # type: ignore[union-attr]
        microsecond=stamp.microsecond
    )


def test_export_of_a_draft_is_only_the_head(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    answer("export", factories.draft().pk, "--output", path)
    assert path.read_text() == COLUMNS + "\n"


def missing_folder(tmp_path: Path) -> Path:
    return tmp_path / "no" / "such" / "folder.csv"


def folder_itself(tmp_path: Path) -> Path:
    return tmp_path


@pytest.mark.parametrize("where", [missing_folder, folder_itself])
def test_export_to_where_nothing_can_be_written(
    tmp_path: Path, where: Callable[[Path], Path]
) -> None:
    campaign = factories.ready()
    sentence, code = refusal("export", campaign.pk, "--output", where(tmp_path))
    assert code == "not_writable"
    assert sentence.startswith(f"{where(tmp_path)} cannot be written: ")
    assert list(tmp_path.iterdir()) == []


# From the first word to the last, and as a process


def test_the_whole_way(tmp_path: Path) -> None:
    factories.people(12, "A")
    pk = create()["id"]
    assert answer("review", pk)["recipients"] == 12
    assert answer("launch", pk)["status"] == "sending"
    assert answer("pause", pk)["status_reason"] == "Paused."
    assert answer("resume", pk)["status"] == "sending"
    assert send_all() == 2
    assert answer("status", pk)["status"] == "finished"
    path = tmp_path / "out.csv"
    assert answer("export", pk, "--output", path)["rows"] == 12


def process(*words: object) -> subprocess.CompletedProcess[str]:
    """A process of its own, on the database of this test."""
    return subprocess.run(
        [sys.executable, "-m", "django", "csms_campaign", *map(str, words)],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "CSMS_TEST_LIVE_DB": str(connection.settings_dict["NAME"]),
        },
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.django_db(transaction=True)
def test_the_exit_status_is_0_only_on_success() -> None:
    campaign = factories.draft()
    good = process("review", campaign.pk, "--json")
    assert (good.returncode, good.stderr) == (0, "")
    assert json.loads(good.stdout)["recipients"] == 3
    bad = process("review", 987, "--json")
    assert bad.returncode == 1
    assert json.loads(bad.stdout)["error"] == "There is no campaign 987."
    assert "CommandError: There is no campaign 987." in bad.stderr
    assert "Traceback" not in bad.stderr
    assert process("launch").returncode == 2
