from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from csms_campaigns.engine import audience, finishing, follow_ups, lifecycle, resolving
from csms_campaigns.engine.erasing import Erased, erase
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.ledger import family_ledger, ledger
from csms_campaigns.engine.taking import Taken, take
from csms_campaigns.gateway.errors import AnswerLost, Refused, Unavailable
from csms_campaigns.gateway.receipts import NumberOutcome, Receipt
from csms_campaigns.models import (
    Attempt,
    Batch,
    Campaign,
    Contact,
    GatewayAccount,
    OptOut,
    SendResult,
)
from csms_campaigns.states import (
    BatchStatus,
    CampaignStatus,
    Resolution,
    SendStatus,
    SkipReason,
)
from tests import factories
from tests.engine import scenes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def unlimited(configure: Callable[..., None]) -> None:
    configure(**scenes.UNLIMITED)


def nobody_is_told_of(phone: str, *words: str) -> None:
    """Nowhere in the tables of the app."""
    for model in (Contact, SendResult, Batch):
        for row in model.objects.values_list():
            for value in map(str, row):
                assert phone not in value, (model, row)
                assert not any(word in value for word in words), (model, row)


def test_whoever_was_texted_is_a_number_in_the_ledger_only() -> None:
    campaign = factories.sending(3, "Hello {{ name }}")
    scenes.send_all()
    done = erase(factories.number(1))
    assert done == Erased(contact=True, texts=1, left_out=0, opt_out_kept=False)
    nobody_is_told_of(factories.number(1), "Person 1")
    row = SendResult.objects.get(contact=None)
    assert (row.status, row.phone) == (SendStatus.SENT, f"#{row.pk}")
    assert Contact.objects.count() == 2
    assert ledger(campaign).adds_up
    assert Batch.objects.exclude(message="").count() == 2


def test_numbers_in_what_the_gateway_said_of_a_whole_request_go() -> None:
    factories.sending(3, "Hello {{ name }}")
    scenes.send_all()
    said = f"The number {factories.number(1)} (or (212) 010-0019) is wrong, code 7."
    Attempt.objects.update(error=said)
    Batch.objects.update(error=said)
    erase(factories.number(1))
    hidden = "The number ••• (or •••) is wrong, code 7."
    for model in (Attempt, Batch):
        told = sorted(model.objects.values_list("error", flat=True))
        assert told == sorted([hidden, said, said])


def test_numbers_in_the_reason_of_a_pause_go() -> None:
    factories.sending(3)
    said = f"Nothing for {factories.number(1)} today."
    scenes.send(lambda _taken: Refused(said))
    campaign = Campaign.objects.get()
    assert factories.number(1) in campaign.reason
    erase(factories.number(1))
    campaign.refresh_from_db()
    expected = "The gateway refused a request: Nothing for ••• today."
    assert (campaign.status_reason, campaign.reason) == (expected, expected)
    assert factories.number(1) not in str(campaign.status_words)


def test_a_campaign_that_ends_forgets_why_it_was_paused() -> None:
    """All of its numbers were refused: it is paused, and finished at once."""
    campaign = factories.sending(5)
    words = NumberOutcome(False, error=f"No {factories.number(1)}")
    scenes.send(lambda taken: Receipt(200, dict.fromkeys(taken.numbers, words)))
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.FINISHED
    assert (campaign.status_reason, campaign.status_words) == ("", {})


def test_a_text_that_others_got_too_stays() -> None:
    factories.sending(3, "Hello")
    scenes.send_all()
    erase(factories.number(1))
    assert set(Batch.objects.values_list("message", flat=True)) == {"Hello"}


def test_a_filled_in_text_goes_with_the_last_who_got_it() -> None:
    factories.people(2, city="Paris")
    factories.sending(lists=[factories.people(0)], message="Hello {{ city }}")
    scenes.send_all()
    erase(factories.number(0))
    assert Batch.objects.get().message == "Hello Paris"
    erase(factories.number(1))
    assert Batch.objects.get().message == ""


@pytest.mark.parametrize(
    "status",
    [
        CampaignStatus.READY,
        CampaignStatus.SCHEDULED,
        CampaignStatus.SENDING,
        CampaignStatus.PAUSED,
    ],
)
def test_whoever_waits_is_left_out(status: CampaignStatus) -> None:
    campaign = scenes.campaign_in(status, 3)
    assert erase(factories.number(1)).left_out == 1
    row = SendResult.objects.get(contact=None)
    assert (row.status, row.skip_reason) == (SendStatus.SKIPPED, SkipReason.ERASED)
    assert ledger(campaign).adds_up
    nobody_is_told_of(factories.number(1))


def test_a_running_campaign_goes_on_without_them() -> None:
    campaign = factories.sending(3, "Hello {{ name }}")
    erase(factories.number(1))
    texted: list[str] = []
    while isinstance(taken := take("default"), Taken):
        texted += taken.numbers
        finishing.finish(taken, scenes.accepted(taken))
    campaign.refresh_from_db()
    assert sorted(texted) == [factories.number(0), factories.number(2)]
    assert campaign.status == CampaignStatus.FINISHED
    assert ledger(campaign).adds_up
    assert ledger(campaign).counted == {"sent": 2, "skipped": 1}


def test_the_answer_to_a_request_in_flight_is_recorded_without_words() -> None:
    campaign = factories.sending(3)
    taken = take("default")
    assert isinstance(taken, Taken)
    erase(factories.number(1))
    finishing.finish(taken, scenes.accepted(taken))
    nobody_is_told_of(factories.number(1))
    assert SendResult.objects.get(contact=None).status == SendStatus.SENT
    assert ledger(campaign).counted == {"sent": 3}
    assert ledger(campaign).adds_up


def test_a_request_that_comes_back_unsent_leaves_them_out() -> None:
    campaign = factories.sending(3)
    taken = take("default")
    assert isinstance(taken, Taken)
    erase(factories.number(1))
    finishing.finish(taken, Unavailable("Not now"))
    texted: list[str] = []
    Batch.objects.update(not_before=None)
    GatewayAccount.objects.update(blocked_until=None, blocked_reason="")
    while isinstance(again := take("default"), Taken):
        texted += again.numbers
        finishing.finish(again, scenes.accepted(again))
    assert sorted(texted) == [factories.number(0), factories.number(2)]
    row = SendResult.objects.get(contact=None)
    assert (row.status, row.skip_reason) == (SendStatus.SKIPPED, SkipReason.ERASED)
    assert ledger(campaign).adds_up


def test_an_erased_person_is_in_no_follow_up() -> None:
    campaign = factories.sending(2)
    scenes.send_all(scenes.refused)
    erase(factories.number(0))
    again = follow_ups.retry_failed(campaign.pk, all_causes=True)
    assert list(again.results.values_list("phone", flat=True)) == [factories.number(1)]
    assert family_ledger(campaign).adds_up


def test_an_erased_person_in_a_follow_up_is_left_out_of_it() -> None:
    campaign = factories.sending(2)
    scenes.send_all(scenes.refused)
    again = follow_ups.retry_failed(campaign.pk, all_causes=True)
    lifecycle.launch(again.pk)
    done = erase(factories.number(0))
    assert (done.texts, done.left_out) == (2, 1)
    scenes.send_all()
    assert family_ledger(campaign).adds_up
    nobody_is_told_of(factories.number(0))


def test_a_preparation_that_may_have_read_them_begins_anew() -> None:
    campaign = factories.draft(3)
    token = audience.begin(campaign.pk)
    erase(factories.number(1))
    audience.prepare(campaign.pk, token)
    assert not SendResult.objects.exists()
    audience.prepare_once(campaign.pk, "")
    campaign.refresh_from_db()
    assert campaign.status == CampaignStatus.READY
    assert SendResult.objects.count() == 2
    nobody_is_told_of(factories.number(1))


def test_a_cancelled_campaign_stays_cancelled() -> None:
    campaign = scenes.campaign_in(CampaignStatus.CANCELLED)
    assert erase(factories.number(1)).left_out == 0
    assert ledger(campaign).counted == {"cancelled": 3}
    assert ledger(campaign).adds_up
    assert set(Batch.objects.values_list("status", flat=True)) == {
        BatchStatus.CANCELLED
    }


def test_those_left_out_at_the_review_are_found_too() -> None:
    chosen = factories.people(2)
    factories.opt_out([factories.number(0)])
    campaign = factories.ready(lists=[chosen])
    done = erase(factories.number(0))
    assert (done.texts, done.opt_out_kept) == (1, True)
    nobody_is_told_of(factories.number(0))
    assert ledger(campaign).adds_up


@pytest.mark.parametrize("keep", [True, False])
def test_an_opt_out_stays_as_a_number_alone_or_goes(keep: bool) -> None:
    user = User.objects.create(username="staff")
    OptOut.objects.create(
        phone=factories.number(0), reason="Asked Sara", created_by=user, source="admin"
    )
    assert erase(factories.number(0), keep_opt_out=keep).opt_out_kept is keep
    found = list(OptOut.objects.values_list("reason", "created_by", "source"))
    assert found == ([("", None, "admin")] if keep else [])


def test_the_history_of_the_admin_forgets_the_name() -> None:
    factories.people(1)
    contact = Contact.objects.get()
    other = Contact.objects.create(phone="+12125550199", name="Other")
    user = User.objects.create(username="staff")
    for one in (contact, other):
        LogEntry.objects.create(
            user=user,
            content_type=ContentType.objects.get_for_model(Contact),
            object_id=str(one.pk),
            object_repr=str(one),
            action_flag=CHANGE,
        )
    erase(str(contact.phone))
    assert sorted(LogEntry.objects.values_list("object_repr", flat=True)) == [
        "Erased person",
        "Other +12125550199",
    ]


def test_a_second_time_there_is_nothing_left() -> None:
    factories.sending(2)
    scenes.send_all()
    erase(factories.number(0))
    assert erase(factories.number(0)) == Erased(False, 0, 0, False)


def test_decisions_about_unknown_ones_still_count() -> None:

    campaign = factories.sending(2)
    scenes.send(lambda _taken: AnswerLost("Silence"))
    erase(factories.number(0))
    assert resolving.resolve(campaign.pk, Resolution.SENT) == 2
    assert ledger(campaign).adds_up


def test_only_unknown_ones_with_a_number_are_sent_again() -> None:

    campaign = factories.sending(1)
    scenes.send(lambda _taken: AnswerLost("Silence"))
    erase(factories.number(0))
    with pytest.raises(CampaignError):
        follow_ups.resend_unknown(campaign.pk)


def test_how_many_queries_it_takes(django_assert_max_num_queries: Any) -> None:
    everybody = factories.people(3)
    for _each in range(3):
        factories.sending(lists=[everybody], message="Hello {{ name }}")
        scenes.send_all()
    ContentType.objects.clear_cache()  # One query, unless another test has asked before.
    with django_assert_max_num_queries(37):
        assert erase(factories.number(1)).texts == 3


@pytest.mark.django_db(transaction=True)
def test_erasing_while_a_campaign_is_sent(configure: Callable[..., None]) -> None:
    """Each is texted or left out, never both, and nobody is lost."""
    configure(**scenes.UNLIMITED, BATCH_SIZE=2)
    campaign = factories.sending(24, "Hello {{ name }}")
    texted: list[str] = []

    def send() -> None:
        try:
            while isinstance(taken := take("default"), Taken):
                texted.extend(taken.numbers)
                finishing.finish(taken, scenes.accepted(taken))
        finally:
            connection.close()

    worker = Thread(target=send)
    worker.start()
    for index in range(0, 24, 2):
        erase(factories.number(index))
    worker.join(60)
    found = ledger(campaign)
    assert found.adds_up
    assert found.counted["sent"] == len(texted) == len(set(texted))
    assert found.counted.get("skipped", 0) == 24 - len(texted)
    left = SendResult.objects.filter(phone__startswith="+")
    assert left.count() == Contact.objects.count() == 12
