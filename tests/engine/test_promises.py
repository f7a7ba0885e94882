"""The promises as invariants, under any order of what people, workers and the gateway do.

The engine is real, on a real database; the world around it (the gateway, the clock, workers
that die or sleep) is drawn by hypothesis. In the end the world calms down, and every campaign
must end by itself.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from csms_campaigns.engine import (
    audience,
    database,
    follow_ups,
    lifecycle,
    resolving,
    testing,
    ticking,
)
from csms_campaigns.engine import clock as watch
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.finishing import finish
from csms_campaigns.engine.ledger import family_ledgers
from csms_campaigns.engine.taking import Taken, take
from csms_campaigns.gateway import errors
from csms_campaigns.gateway.receipts import NumberOutcome, Receipt
from csms_campaigns.models import (
    Attempt,
    Batch,
    Campaign,
    Contact,
    ContactList,
    GatewayAccount,
    Heartbeat,
    Lane,
    OptOut,
    SendResult,
)
from csms_campaigns.states import (
    ENDED,
    BatchStatus,
    CampaignStatus,
    Resolution,
    SendStatus,
)
from tests import factories

PEOPLE = 30
LIMIT, SECONDS = 6, 10
REFUSALS = [
    errors.KeyRefused("no key"),
    errors.CreditsExhausted("no credits"),
    errors.RateLimited("slow down", retry_after=3.0),
    errors.Unavailable("maintenance", retry_after=2.0),
    errors.TooManyNumbers("too many numbers"),
    errors.NumberRefused("a number is wrong"),
    errors.Refused("no"),
    errors.Unreachable("refused"),
    errors.PermitExpired("late"),
]


class Clock:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    @classmethod
    def read(cls) -> datetime:
        return cls.now


@dataclass
class Flight:
    """A request on its way: claimed by a worker that has not yet written its answer."""

    taken: Taken
    delivered: bool = False
    stopped_at: float = 0.0


def was_sent_before(taken: Taken) -> bool:
    """One of its recipients repeats somebody who is known to have been reached."""
    sources = list(taken.recipients.values())
    while sources:
        found = SendResult.objects.filter(pk__in=sources)
        if found.filter(status=SendStatus.SENT).exists():
            return True
        repeated = found.filter(retry_of__isnull=False)
        sources = list(repeated.values_list("retry_of", flat=True))
    return False


class World(RuleBasedStateMachine):
    flights = Bundle("flights")

    def __init__(self) -> None:
        super().__init__()
        for model in (Attempt, SendResult, Batch, Campaign, OptOut, Contact, Lane):
            model.objects.all().delete()
        for model in (ContactList, GatewayAccount, Heartbeat):
            model.objects.all().delete()
        self.everybody = factories.people(PEOPLE)
        self.delivered: Counter[tuple[int, str]] = Counter()
        self.in_flight: list[Flight] = []
        self.opted_out: set[str] = set()

    # People

    @rule(count=st.integers(1, PEOPLE))
    def launch(self, count: int) -> None:
        chosen = ContactList.objects.create(name=f"L{ContactList.objects.count()}")
        chosen.contacts.set(Contact.objects.order_by("pk")[:count])
        try:
            campaign = lifecycle.create(name="C", message="Hello", lists=[chosen])
            audience.review(campaign.pk)
        except CampaignError as error:
            assert error.code == "not_ready"  # noqa: PT017 all of them opted out
            return
        lifecycle.launch(campaign.pk)

    @rule(index=st.integers(0, PEOPLE - 1))
    def opt_out(self, index: int) -> None:
        number = factories.number(index)
        if number not in self.opted_out:
            self.opted_out.add(number)
            OptOut.objects.create(phone=number)

    @rule(verb=st.sampled_from(["pause", "resume", "cancel"]), pick=st.randoms())
    def press(self, verb: str, pick: object) -> None:
        ids = list(Campaign.objects.values_list("pk", flat=True))
        if not ids:
            return
        try:
            getattr(lifecycle, verb)(pick.choice(ids))  # type: ignore[attr-defined]
        except CampaignError as error:
            assert error.code.startswith("is_")  # noqa: PT017

    @rule(
        resolution=st.sampled_from(["sent", "failed"]),
        pick=st.randoms(),
        only_one=st.booleans(),
    )
    def decide(self, resolution: str, pick: object, only_one: bool) -> None:
        unknown = SendResult.objects.filter(status="unknown", resolution="")
        ids = list(unknown.values_list("pk", "campaign"))
        if not ids:
            return
        result_id, campaign_id = pick.choice(ids)  # type: ignore[attr-defined]
        chosen = [result_id] if only_one else None
        done = resolving.resolve(campaign_id, Resolution(resolution), results=chosen)
        assert done > 0

    @rule(kind=st.sampled_from(["failed", "unknown"]), pick=st.randoms())
    def text_again(self, kind: str, pick: object) -> None:
        """A person asks for it: whoever is in a launched follow-up may be reached once more."""
        ids = list(Campaign.objects.values_list("pk", flat=True))
        if not ids:
            return
        begin = {
            "failed": lambda pk: follow_ups.retry_failed(pk, all_causes=True),
            "unknown": follow_ups.resend_unknown,
        }[kind]
        try:
            begin(pick.choice(ids))  # type: ignore[attr-defined]
        except CampaignError as error:
            assert error.code in {"nobody", "is_test"}  # noqa: PT017

    @rule(index=st.integers(0, PEOPLE - 2), pick=st.randoms())
    def send_a_test(self, index: int, pick: object) -> None:
        ids = list(Campaign.objects.values_list("pk", flat=True))
        if not ids:
            return
        numbers = [factories.number(index), factories.number(index + 1)]
        try:
            testing.send_test(pick.choice(ids), numbers)  # type: ignore[attr-defined]
        except CampaignError as error:
            assert error.code.startswith(("is_", "opted_out"))  # noqa: PT017

    @rule(
        verb=st.sampled_from(["launch", "launch", "cancel", "delete"]),
        pick=st.randoms(),
    )
    def press_on_a_follow_up(self, verb: str, pick: object) -> None:
        waiting = Campaign.objects.filter(parent__isnull=False, started_at=None)
        ids = list(waiting.values_list("pk", flat=True))
        if not ids:
            return
        try:
            getattr(lifecycle, verb)(pick.choice(ids))  # type: ignore[attr-defined]
        except CampaignError as error:
            assert error.code.startswith(("is_", "was_"))  # noqa: PT017

    # Workers

    @rule(target=flights)
    def take(self) -> Flight | None:
        taken = take("default")
        if not isinstance(taken, Taken):
            return None
        assert not self.opted_out & set(taken.numbers), "texted after an opt-out"
        assert not was_sent_before(taken), "texted again after a late answer"
        flight = Flight(taken)
        self.in_flight.append(flight)
        return flight

    @rule(flight=flights)
    def deliver(self, flight: Flight | None) -> None:
        """The gateway texts the numbers of a request whose answer is still to come."""
        if flight in self.in_flight and flight and not flight.delivered:
            self._deliver(flight, flight.taken.numbers)

    def _deliver(self, flight: Flight, numbers: list[str]) -> None:
        flight.delivered = True
        self.delivered.update((flight.taken.campaign_id, n) for n in numbers)

    @rule(flight=consumes(flights), missing=st.integers(0, 3), failed=st.integers(0, 3))
    def answer(self, flight: Flight | None, missing: int, failed: int) -> None:
        """Processed: some numbers fail, some are missing from the results."""
        if flight is None:
            return
        numbers = flight.taken.numbers
        bad = [] if flight.delivered else numbers[:failed]
        good = [n for n in numbers if n not in bad]
        if not flight.delivered:
            self._deliver(flight, good)
        told = good[missing:]
        outcomes = {n: NumberOutcome(True, f"id-{n}") for n in told}
        outcomes |= {n: NumberOutcome(False, code="BAD", error="bad") for n in bad}
        self._land(flight, Receipt(200, outcomes, 1000))

    @rule(count=st.integers(1, 12))
    def work(self, count: int) -> None:
        """A lane that has a good time: take, send, finish, as often as it may."""
        for _batch in range(count):
            self.answer(self.take(), 0, 0)

    @rule(flight=consumes(flights), paid=st.integers(0, 5))
    def run_out_of_credits(self, flight: Flight | None, paid: int) -> None:
        if flight is None or flight.delivered:
            return self._crash(flight)
        numbers = flight.taken.numbers
        self._deliver(flight, numbers[:paid])
        outcomes = {n: NumberOutcome(True, "id") for n in numbers[:paid]}
        outcomes |= {
            n: NumberOutcome(False, code="INSUFFICIENT_CREDITS") for n in numbers[paid:]
        }
        return self._land(flight, Receipt(200, outcomes, 0))

    @rule(flight=consumes(flights), error=st.sampled_from(REFUSALS))
    def refuse(self, flight: Flight | None, error: errors.GatewayError) -> None:
        if flight is None or flight.delivered:
            return self._crash(flight)
        return self._land(flight, error)

    @rule(flight=consumes(flights))
    def lose(self, flight: Flight | None) -> None:
        if flight:
            self._land(flight, errors.AnswerLost("reset"))

    @rule(flight=consumes(flights))
    def crash(self, flight: Flight | None) -> None:
        self._crash(flight)

    def _crash(self, flight: Flight | None) -> None:
        if flight:
            self.in_flight.remove(flight)

    def _land(self, flight: Flight, answer: Receipt | errors.GatewayError) -> None:
        self.in_flight.remove(flight)
        finish(flight.taken, answer)

    # Time

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0, 20.0, 90.0]))
    def wait(self, seconds: float) -> None:
        Clock.now += timedelta(seconds=seconds)

    @rule()
    def tick(self) -> None:
        ticking.tick(lambda alias, count: True, lambda pk: True)

    # The promises

    @invariant()
    def nobody_twice(self) -> None:
        assert [key for key, times in self.delivered.items() if times > 1] == []

    @invariant()
    def everybody_is_accounted_for(self) -> None:
        """In each campaign, and once in each family."""
        for found in family_ledgers():
            assert found.adds_up, found

    @invariant()
    def nobody_is_in_two_follow_ups(self) -> None:
        linked = SendResult.objects.filter(retry_of__isnull=False)
        sources = list(linked.values_list("retry_of", flat=True))
        assert len(sources) == len(set(sources))
        again = SendResult.objects.filter(resolution="resend")
        assert set(again.values_list("pk", flat=True)) <= set(sources)

    @invariant()
    def what_is_said_is_true(self) -> None:
        flying = {r for f in self.in_flight for r in f.taken.recipients.values()}
        for result in SendResult.objects.exclude(phone=None):
            arrived = (result.campaign_id, result.phone) in self.delivered
            if result.status == SendStatus.SENT:
                assert arrived
            elif result.status in {SendStatus.FAILED, SendStatus.SKIPPED}:
                assert not arrived
            elif arrived and result.pk not in flying:
                batch = Batch.objects.get(pk=result.batch_id)
                assert (
                    result.status == SendStatus.UNKNOWN
                    or batch.status == BatchStatus.SENDING
                )

    @invariant()
    def no_window_is_too_full(self) -> None:
        stamps = list(
            Attempt.objects.order_by("cum").values_list("stamped_at", flat=True)
        )
        for first, later in zip(stamps, stamps[LIMIT:], strict=False):
            assert (later - first).total_seconds() >= SECONDS

    @precondition(lambda self: not self.in_flight)
    @invariant()
    def an_ended_campaign_has_nobody_waiting(self) -> None:
        ended = Campaign.objects.filter(status=CampaignStatus.FINISHED)
        waiting = SendResult.objects.filter(
            campaign__in=ended, status=SendStatus.PENDING
        )
        assert not waiting.exists()

    def teardown(self) -> None:
        """The storm is over: every person resumes, every request is answered."""
        self.in_flight.clear()
        for _round in range(2000):
            if not Campaign.objects.exclude(status__in=ENDED | {"draft"}).exists():
                break
            self._calm_round()
        left = Campaign.objects.exclude(status__in=ENDED | {"draft"})
        assert not left.exists(), list(left.values())
        self.nobody_twice()
        self.everybody_is_accounted_for()
        self.what_is_said_is_true()

    def _calm_round(self) -> None:
        Clock.now += timedelta(seconds=30)
        self.tick()
        for pk in Campaign.objects.filter(status="paused").values_list("pk", flat=True):
            lifecycle.resume(pk)
        for pk in Campaign.objects.filter(status="ready").values_list("pk", flat=True):
            lifecycle.launch(pk)
        taken = take("default")
        if isinstance(taken, Taken):
            flight = Flight(taken)
            self.in_flight.append(flight)
            self.answer(flight, 0, 0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_clock", Clock.read)
    # Else it would seem to have jumped, against the clock of this machine.
    monkeypatch.setattr(watch, "steady", lambda: Clock.now.timestamp())


@pytest.mark.django_db
@pytest.mark.usefixtures("clock")
def test_the_promises_hold_whatever_happens(configure: object) -> None:
    configure(  # type: ignore[operator]
        RATE_LIMITS=[(LIMIT, SECONDS), (60, 600)], MIN_GAP=0, BATCH_SIZE=3
    )
    run_state_machine_as_test(
        World,
        settings=settings(
            max_examples=15,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
