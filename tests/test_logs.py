"""What a log record carries, and what it never holds."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from csms_campaigns import logs
from csms_campaigns.engine import lifecycle, recovery
from csms_campaigns.engine.dispatch import send_next
from csms_campaigns.models import Attempt, Batch
from csms_campaigns.signals import batch_recorded
from tests import factories
from tests.engine.scenes import UNLIMITED

NUMBER = "+12125551234"
OURS = ("csms_campaigns", "csms_campaigns.engine", "csms_campaigns.tasks")


class Kept(logging.Handler):
    """Each record as a JSON formatter writes it: all attributes, and the exception anew."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        said = {name: getattr(record, name) for name in logs.FIELDS}
        text = record.getMessage()
        if record.exc_info:
            text += logging.Formatter().formatException(record.exc_info)
        self.lines.append({**said, "text": text + (record.exc_text or "")})

    @property
    def text(self) -> str:
        return json.dumps(self.lines, ensure_ascii=False)


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler, root = Kept(), logging.getLogger("csms_campaigns")
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def log() -> logging.Logger:
    return logs.logger("csms_campaigns.engine")


# Numbers


@pytest.mark.once
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (NUMBER, "+1212•••1234"),
        ("to +966501234567.", "to +9665•••4567."),
        ("+1 (212) 555-1234 is wrong", "+1212•••1234 is wrong"),
        ("(212) 555-1234", "212•••1234"),
        ("212-555-1234", "212•••1234"),
        ("number 12125551234 refused", "number 1212•••1234 refused"),
        ("+1234567", "+•••4567"),
        ("+٩٦٦٥٠١٢٣٤٥٦٧", "+٩٦٦٥•••٤٥٦٧"),
        ("+12125551234,+13235554567", "+1212•••1234,+1323•••4567"),
        # What is no number stays as it is.
        ("Batch 123456789", "Batch 123456789"),
        ("until 2026-11-23 10:15:00+00:00", "until 2026-11-23 10:15:00+00:00"),
        ("1234567890ab-4567", "1234567890ab-4567"),
        ("127.0.0.1:54321", "127.0.0.1:54321"),
        ("", ""),
    ],
)
def test_numbers_are_masked(text: str, expected: str) -> None:
    assert logs.masked(text) == expected


@pytest.mark.once
def test_numbers_in_arguments_and_objects(log: logging.Logger, kept: Kept) -> None:
    log.warning("%s and %r in batch %s", NUMBER, ValueError(NUMBER), 123456789)
    [line] = kept.lines
    assert (
        line["text"] == "+1212•••1234 and ValueError('+1212•••1234') in batch 123456789"
    )


@pytest.mark.once
def test_numbers_in_a_traceback(log: logging.Logger, kept: Kept) -> None:
    try:
        raise ValueError(NUMBER)
    except ValueError:
        log.exception("It failed")
    [line] = kept.lines
    assert "ValueError: +1212•••1234" in line["text"]
    assert NUMBER not in line["text"]


@pytest.mark.once
def test_a_traceback_without_numbers_is_left_whole(
    log: logging.Logger, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    try:
        raise ValueError("7")  # noqa: EM101
    except ValueError:
        log.exception("It failed")
    assert caplog.records[0].exc_info
    assert "ValueError: 7" in kept.text


@pytest.mark.once
def test_a_per_cent_sign_in_the_gateways_words(log: logging.Logger, kept: Kept) -> None:
    log.warning("said: %s", f"100% of {NUMBER} %s")
    assert kept.lines[0]["text"] == "said: 100% of +1212•••1234 %s"


@pytest.mark.once
def test_numbers_in_full_if_asked_for(
    log: logging.Logger, kept: Kept, settings: Any
) -> None:
    settings.CSMS_CAMPAIGNS = {**settings.CSMS_CAMPAIGNS, "LOG_NUMBERS": True}
    log.warning("to %s", NUMBER)
    assert kept.lines[0]["text"] == f"to {NUMBER}"


@pytest.mark.once
def test_without_settings_it_still_logs(
    log: logging.Logger, kept: Kept, settings: Any
) -> None:
    del settings.CSMS_CAMPAIGNS
    log.warning("to %s", NUMBER)
    assert NUMBER not in kept.text


# Ids


@pytest.mark.once
def test_ids_are_those_of_the_place(log: logging.Logger, kept: Kept) -> None:
    with logs.about(account="a", campaign_id=1):
        with logs.about(batch_id=2):
            log.info("inner")
            log.info("own", extra={"campaign_id": 9})
        log.info("outer")
    log.info("outside")
    found = [[line[name] for name in logs.FIELDS] for line in kept.lines]
    nothing = [None] * 4
    assert found == [
        ["a", 1, 2, None],
        ["a", 9, 2, None],
        ["a", 1, None, None],
        nothing,
    ]


@pytest.mark.once
def test_a_logger_asked_for_twice_has_one_filter() -> None:
    logs.logger("csms_campaigns.engine")
    found = logs.logger("csms_campaigns.engine")
    assert len(found.filters) == 1


@pytest.mark.once
def test_every_logger_of_ours_is_made_here() -> None:
    """A record of another would have no ids."""
    made = [
        n for n in logging.root.manager.loggerDict if n.startswith("csms_campaigns")
    ]
    assert set(OURS) <= set(made)
    for name in made:
        one = logging.root.manager.loggerDict[name]
        if isinstance(one, logging.Logger) and "sandbox" not in name:
            assert logs.logger(name).filters, name


@pytest.mark.django_db(transaction=True)
def test_a_campaign_with_accidents_from_launch_to_end(
    kept: Kept, configure: Any, sandbox: Any, settings: Any
) -> None:
    """Every record names its account, campaign, batch and request; no key, no full number."""
    gateway = sandbox(faults="refuse_number@2,broken_json@3,refuse@4", limits="none")
    configure(BATCH_SIZE=5, TIMEOUT=(1, 2), **UNLIMITED)
    campaign = factories.sending(20)
    for _each in range(4):
        send_next("default")
    lifecycle.resume(campaign.pk)
    while Batch.objects.filter(status="pending").exists():
        send_next("default")
    recorded = [line for line in kept.lines if line["text"].startswith("Batch ")]
    assert len(recorded) == gateway.state()["requests"]
    for line in recorded:
        attempt = Attempt.objects.get(pk=line["attempt_id"])
        assert line["batch_id"] == attempt.batch_id
        assert line["campaign_id"] == campaign.pk
        assert line["account"] == "default"
    states = [li for li in kept.lines if li["text"].startswith("Campaign ")]
    assert {line["campaign_id"] for line in states} == {campaign.pk}
    for state in ("ready", "sending", "paused", "finished"):
        assert f"Campaign {campaign.pk}: {state}" in kept.text
    key = settings.CSMS_CAMPAIGNS["ACCOUNTS"]["default"]["API_KEY"]
    assert key not in kept.text
    for index in range(20):
        assert factories.number(index).lstrip("+") not in kept.text


@pytest.mark.django_db(transaction=True)
def test_a_stalled_batch_is_named(kept: Kept, configure: Any) -> None:
    from csms_campaigns.engine.taking import take
    from csms_campaigns.models import GatewayAccount

    configure(**UNLIMITED)
    campaign = factories.sending(3)
    taken = take("default")
    assert GatewayAccount.objects.exists()
    Batch.objects.update(lease_until=campaign.created_at)
    recovery.sweep()
    [line] = [li for li in kept.lines if "stalled" in li["text"]]
    assert line["attempt_id"] == taken.attempt_id  # type: ignore[union-attr]
    assert (line["account"], line["campaign_id"]) == ("default", campaign.pk)


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_fails_with_a_number_in_its_hands(
    kept: Kept, configure: Any, sandbox: Any
) -> None:
    def fail(**_values: Any) -> None:
        raise ValueError(NUMBER)

    sandbox()
    configure(**UNLIMITED)
    campaign = factories.sending(3)
    batch_recorded.connect(fail)
    try:
        send_next("default")
    finally:
        batch_recorded.disconnect(fail)
    [line] = [li for li in kept.lines if "failed" in li["text"]]
    assert line["campaign_id"] == campaign.pk
    assert line["batch_id"] == Batch.objects.get().pk
    assert NUMBER not in kept.text
    assert "+1212•••1234" in kept.text


@pytest.mark.django_db
def test_a_review_that_fails_names_its_campaign(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that nobody foresaw, with a number in its words."""
    from csms_campaigns.engine import audience
    from csms_campaigns.engine.errors import CampaignError

    campaign = factories.draft(3)

    def fail(*_args: Any) -> None:
        raise LookupError(NUMBER)

    monkeypatch.setattr(audience, "_end", fail)
    with pytest.raises(CampaignError, match="the log of the worker says why"):
        audience.review(campaign.pk)
    [line] = [li for li in kept.lines if "could not be prepared" in li["text"]]
    assert line["campaign_id"] == campaign.pk
    assert "LookupError: +1212•••1234" in line["text"]
    assert NUMBER not in kept.text
