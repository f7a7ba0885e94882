"""Recipients of campaigns that ended long ago go; what was counted stays true."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from csms_campaigns import conf, tasks
from csms_campaigns.contacts_io.exporting import rows as exported
from csms_campaigns.engine import follow_ups, retention
from csms_campaigns.engine.database import now
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.ledger import family_ledger, ledger
from csms_campaigns.engine.retention import Kept, keep
from csms_campaigns.engine.sums import sums
from csms_campaigns.models import Attempt, Batch, Campaign, Contact, OptOut, SendResult
from tests import factories
from tests.engine.families import finished, saying
from tests.engine.scenes import UNLIMITED, send_all

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _unlimited(configure: Any) -> None:
    configure(**UNLIMITED)


def age(campaign: Campaign, days: int) -> Campaign:
    Campaign.objects.filter(pk=campaign.pk).update(
        finished_at=now() - timedelta(days=days)
    )
    campaign.refresh_from_db()
    return campaign


@pytest.fixture
def old() -> Campaign:
    # One text for all, of which nobody can tell that it is not somebody's own.
    everybody = factories.people(6, city="Paris")
    campaign = factories.sending(6, "Hello {{ city }}", lists=[everybody])
    send_all(saying(failed=[1], silent=[2]))
    campaign.refresh_from_db()
    assert campaign.status == "finished"
    return age(campaign, 100)


def results(campaign: Campaign) -> list[SendResult]:
    return list(SendResult.objects.filter(campaign=campaign).order_by("pk"))


def test_who_was_texted_is_nobody_any_more(old: Campaign) -> None:
    before = ledger(old)
    statuses = [row.status for row in results(old)]
    done = keep(anonymise_after=90, delete_after=None)
    assert done == Kept(anonymised_campaigns=1, anonymised_recipients=6)
    old.refresh_from_db()
    assert old.anonymised_at is not None
    assert [row.status for row in results(old)] == statuses
    for row in results(old):
        assert row.phone == f"#{row.pk}"
        assert (row.contact_id, row.name, row.message_id, row.error) == (
            None,
            *[""] * 3,
        )
    assert not Batch.objects.exclude(message="").exists()
    assert ledger(old) == before
    assert ledger(old).adds_up


def test_rows_go_and_the_counts_stay(old: Campaign) -> None:
    before, requests = sums(old), Attempt.objects.count()
    done = keep(anonymise_after=None, delete_after=90)
    assert done == Kept(deleted_campaigns=1, deleted_recipients=6)
    old.refresh_from_db()
    assert old.results_deleted_at is not None
    assert results(old) == []
    assert sums(old) == before
    assert ledger(old).adds_up
    assert family_ledger(old).adds_up
    assert Attempt.objects.count() == requests
    assert "".join(exported(old)).count("\n") == 1


@pytest.mark.parametrize("way", ["anonymise_after", "delete_after"])
def test_no_number_is_left_in_what_the_gateway_said(old: Campaign, way: str) -> None:
    said = f"No route to {factories.number(1)}."
    Attempt.objects.update(error=said)
    Batch.objects.update(error=said)
    keep(**{"anonymise_after": None, "delete_after": None, way: 90})
    for model in (Attempt, Batch):
        told = set(model.objects.values_list("error", flat=True))
        assert told == {"No route to •••."}


def test_people_and_opt_outs_stay(old: Campaign) -> None:
    factories.opt_out([factories.number(3)])
    keep(anonymise_after=1, delete_after=1)
    assert Contact.objects.count() == 6
    assert OptOut.objects.count() == 1


@pytest.mark.parametrize(("days", "count"), [(89, 0), (91, 1)])
def test_only_what_ended_long_enough_ago(days: int, count: int) -> None:
    campaign = age(finished(2), days)
    done = keep(anonymise_after=90, delete_after=None)
    assert done.anonymised_campaigns == count
    campaign.refresh_from_db()
    assert (campaign.anonymised_at is not None) == bool(count)


def test_what_is_being_sent_is_never_touched() -> None:
    campaign = factories.sending(3)
    Campaign.objects.update(created_at=now() - timedelta(days=900))
    assert keep(anonymise_after=1, delete_after=1) == Kept()
    assert all(row.phone for row in results(campaign))


def test_a_campaign_waits_for_its_follow_up(old: Campaign) -> None:
    follow_up = follow_ups.retry_failed(old.pk)
    assert keep(anonymise_after=90, delete_after=90) == Kept()
    Campaign.objects.filter(pk=follow_up.pk).update(
        status="cancelled", finished_at=now() - timedelta(days=95)
    )
    assert keep(anonymise_after=None, delete_after=90).deleted_campaigns == 2


def test_nobody_is_texted_again_without_a_number(old: Campaign) -> None:
    keep(anonymise_after=90, delete_after=None)
    with pytest.raises(CampaignError, match="were removed"):
        follow_ups.retry_failed(old.pk)


def test_deleting_comes_before_anonymising(old: Campaign) -> None:
    done = keep(anonymise_after=30, delete_after=90)
    assert done == Kept(deleted_campaigns=1, deleted_recipients=6)


def test_anonymised_ones_are_deleted_later(old: Campaign) -> None:
    keep(anonymise_after=30, delete_after=None)
    assert keep(anonymise_after=30, delete_after=90).deleted_recipients == 6
    assert keep(anonymise_after=30, delete_after=90) == Kept()


@pytest.mark.parametrize("how", ["anonymise_after", "delete_after"])
def test_one_that_was_broken_off_is_finished_by_the_next(
    old: Campaign, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(retention, "SLICE", 2)
    days: dict[str, Any] = {"anonymise_after": None, "delete_after": None, how: 90}
    answers = iter([False, False, False, True])
    keep(**days, should_stop=lambda: next(answers))
    left = SendResult.objects.filter(campaign=old, phone__startswith="+").count()
    assert left > 0
    old.refresh_from_db()
    assert ledger(old).adds_up
    keep(**days)
    assert not SendResult.objects.filter(phone__startswith="+").exists()
    old.refresh_from_db()
    assert ledger(old).adds_up
    assert keep(**days) == Kept()


def test_a_dry_run_counts_and_changes_nothing(old: Campaign) -> None:
    before = [row.phone for row in results(old)]
    done = keep(anonymise_after=90, delete_after=None, dry_run=True)
    assert done.anonymised_recipients == 6
    assert done.dry_run
    assert [row.phone for row in results(old)] == before
    old.refresh_from_db()
    assert old.anonymised_at is None


def command(*words: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("csms_retention", *words, "--json", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_the_command_takes_days_or_the_settings(old: Campaign, settings: Any) -> None:
    assert command("--dry-run")["anonymised_campaigns"] == 0
    settings.CSMS_CAMPAIGNS = {
        **settings.CSMS_CAMPAIGNS,
        "RETENTION": {"ANONYMISE_AFTER": 90},
    }
    assert command("--dry-run")["anonymised_campaigns"] == 1
    assert command("--dry-run", "--delete", "90")["deleted_recipients"] == 6
    assert command("--anonymise", "101")["anonymised_campaigns"] == 0
    assert command()["anonymised_recipients"] == 6


@pytest.mark.parametrize("days", ["0", "-1", "x", "99999", "٣"])
def test_a_number_of_days_that_is_none_is_refused(days: str) -> None:
    with pytest.raises(CommandError, match="number of days"):
        call_command("csms_retention", f"--delete={days}")


def test_the_task_does_what_the_settings_say(old: Campaign, settings: Any) -> None:
    tasks.retain()
    assert len(results(old)) == 6
    settings.CSMS_CAMPAIGNS = {
        **settings.CSMS_CAMPAIGNS,
        "RETENTION": {"DELETE_AFTER": 90},
    }
    tasks.retain()
    assert results(old) == []


@pytest.mark.parametrize(
    "value", [[], 90, {"DELETE": 3}, {"DELETE_AFTER": 0}, {"ANONYMISE_AFTER": "90"}]
)
def test_a_wrong_setting_is_told(settings: Any, value: Any) -> None:
    settings.CSMS_CAMPAIGNS = {**settings.CSMS_CAMPAIGNS, "RETENTION": value}
    assert any("RETENTION" in problem for problem in conf.problems())
