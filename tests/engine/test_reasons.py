"""A reason is written in the language of nobody, and read in that of whoever reads it."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation

from csms_campaigns.engine import (
    dispatch,
    finishing,
    lifecycle,
    recovery,
    restoring,
)
from csms_campaigns.engine.progress import progress
from csms_campaigns.engine.wording import WORDS, label, spoken, translated
from csms_campaigns.gateway import failures
from csms_campaigns.gateway.errors import AnswerLost, KeyRefused
from csms_campaigns.models import Campaign
from csms_campaigns.models.reasons import Reason, shown, words_of
from csms_campaigns.states import BlockReason
from tests import factories
from tests.engine.scenes import UNLIMITED, send

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _unlimited(configure: Any) -> None:
    configure(**UNLIMITED)


def of(campaign: Campaign) -> tuple[str, str]:
    """In the database, and for an Arab."""
    campaign.refresh_from_db()
    with translation.override("ar"):
        return campaign.status_reason, campaign.reason


def test_what_an_arab_wrote_is_english_in_the_database_and_arabic_for_an_arab() -> None:
    campaign = factories.sending(3)
    with translation.override("ar"):
        lifecycle.pause(campaign.pk, by="ann")
    english, arabic = of(campaign)
    assert english == "Paused by ann." == campaign.reason
    assert "ann" in arabic
    assert arabic != english
    with translation.override("ar"):
        assert progress(campaign).status_reason == arabic


def test_a_pause_by_a_worker_speaks_the_readers_language() -> None:
    campaign = factories.sending(3)
    send(lambda _taken: KeyRefused("Invalid or inactive API key"))
    english, arabic = of(campaign)
    label_ = "The gateway refuses the API key"
    assert english == f"{label_}: Invalid or inactive API key"
    assert arabic.endswith(": Invalid or inactive API key")
    assert label_ not in arabic


def test_the_wires_own_sentence_stands_in_the_reason() -> None:
    campaign = factories.sending(30)
    send(lambda _taken: AnswerLost(failures.SILENCE))
    english, _arabic = of(campaign)
    assert english == f"No answer came to the first request: {failures.SILENCE}"
    values = campaign.status_words["values"]
    assert values["said"] == {"text": failures.SILENCE, "values": {}}


def test_a_reason_of_the_gateway_is_left_alone() -> None:
    assert spoken("Mot de passe 100 %(said)s") == "Mot de passe 100 %(said)s"
    with translation.override("ar"):
        assert translated("Whatever it says") == "Whatever it says"
    reason = Reason(
        "%(reason)s: %(said)s", reason=label(BlockReason.NO_CREDITS), said="5%"
    )
    assert str(reason) == "No credits left: 5%"


def test_words_of_an_older_reason_are_not_shown() -> None:
    """Somebody wrote a reason without words after it."""
    words = words_of(Reason("Paused."))
    assert shown("The text is empty.", words) == "The text is empty."
    assert shown("", words) == ""
    assert shown("As told", {}) == "As told"
    assert words_of("As told") == {}


def test_a_state_without_a_reason_has_no_words() -> None:
    campaign = factories.sending(3)
    lifecycle.pause(campaign.pk)
    lifecycle.resume(campaign.pk)
    assert of(campaign) == ("", "")
    assert campaign.status_words == {}


def test_every_sentence_of_the_wire_can_be_translated() -> None:
    assert failures.SENTENCES <= WORDS
    assert set(dispatch.SLOW.values()) <= WORDS
    assert {finishing.NO_ENTRY, recovery.STALLED, restoring.NOT_KNOWN} <= WORDS


def test_the_hold_after_a_restore_is_said_in_words() -> None:
    campaign = factories.sending(3)
    restoring.after_restore("default", requests=1)
    campaign.refresh_from_db()
    assert campaign.status_words["text"] == restoring.WAITED == campaign.status_reason
