"""`csms_doctor --after-restore`: the questions of the command; the engine has tests of its own."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from csms_campaigns.engine import lifecycle, witness
from csms_campaigns.models import Campaign, GatewayAccount, SendResult
from tests import factories
from tests.engine.scenes import UNLIMITED, send

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url")]


class Terminal(io.StringIO):
    """A person at the keyboard, who types these lines."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def types(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def answer(*lines: str) -> None:
        monkeypatch.setattr(sys, "stdin", Terminal("".join(f"{li}\n" for li in lines)))

    return answer


@pytest.fixture
def set_back(configure: Any) -> Campaign:
    """One request is known, four were sent; nine people wait."""
    configure(BATCH_SIZE=3, **UNLIMITED)
    campaign = factories.sending(12)
    send()
    account = GatewayAccount.objects.get()
    witness.tell(account.witness_id, account.cum + 3)
    return campaign


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("csms_doctor", *words, stdout=out)
    return out.getvalue()


def status(campaign: Campaign) -> str:
    campaign.refresh_from_db()
    return campaign.status


def known() -> int:
    return GatewayAccount.objects.get().cum


def test_nothing_is_done_unasked(set_back: Campaign) -> None:
    with pytest.raises(CommandError, match="Say --yes"):
        run("--after-restore")
    with pytest.raises(CommandError, match="Say --yes"):
        run("--after-restore", "--json")
    assert (known(), status(set_back)) == (1, "sending")


def test_who_says_no_changes_nothing(set_back: Campaign, types: Any) -> None:
    types("no")
    with pytest.raises(CommandError, match="Nothing was changed"):
        run("--after-restore")
    assert (known(), status(set_back)) == (1, "sending")


def test_who_says_yes_holds_the_campaign(set_back: Campaign, types: Any) -> None:
    types("y", "")
    said = run("--after-restore")
    assert "3 requests are missing" in said
    assert f"Campaign {set_back.pk} (Spring) is held" in said
    assert (known(), status(set_back)) == (4, "paused")
    assert not SendResult.objects.filter(status="unknown").exists()


def test_who_waits_is_called_unknown_if_asked_for(
    set_back: Campaign, types: Any
) -> None:
    types("yes", "y")
    waiting = SendResult.objects.filter(status="pending").count()
    assert f"{waiting} people are unknown now." in run("--after-restore", "default")
    assert status(set_back) == "finished"
    assert SendResult.objects.filter(status="unknown").count() == waiting


def test_later_and_by_script(set_back: Campaign) -> None:
    said = json.loads(run("--after-restore", "--yes", "--json"))
    [account] = said["accounts"]
    assert (account["alias"], account["missing"]) == ("default", 3)
    assert account["held"] == [set_back.pk]
    waiting = SendResult.objects.filter(status="pending").count()
    pk = str(set_back.pk)
    with pytest.raises(CommandError, match="Say --yes"):
        run("--call-unknown", pk)
    assert json.loads(run("--call-unknown", pk, "--yes", "--json")) == {
        "unknown": waiting
    }


def test_a_campaign_that_was_ready_is_named(set_back: Campaign) -> None:
    other = factories.ready(2)
    said = run("--after-restore", "--yes")
    assert f"Campaign {other.pk} is ready: was it launched since" in said


def test_a_person_may_know_better_than_the_witness(set_back: Campaign) -> None:
    run("--after-restore", "--yes", "--requests", "40")
    assert known() == 41
    assert status(set_back) == "paused"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--after-restore", "nobody"], "no account “nobody”"),
        (["--call-unknown", "7351"], "no campaign 7351"),
    ],
)
def test_what_is_not_there_is_one_sentence(words: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run(*words, "--yes")


def test_a_campaign_that_is_not_held(set_back: Campaign) -> None:
    with pytest.raises(CommandError, match="Pause the campaign first"):
        run("--call-unknown", str(set_back.pk), "--yes", "--json")
    lifecycle.pause(set_back.pk)
    assert "people are unknown" in run("--call-unknown", str(set_back.pk), "--yes")
