"""What the credits say of unknown recipients, and what a number costs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from csms_campaigns.engine import accounts
from csms_campaigns.engine.evidence import (
    Cost,
    Per,
    Price,
    Unclear,
    cost_of,
    evidence,
    judge,
    learn_cost,
)
from csms_campaigns.engine.finishing import finish
from csms_campaigns.engine.lifecycle import resume
from csms_campaigns.engine.spans import Request, clusters, spans
from csms_campaigns.engine.taking import Taken, take
from csms_campaigns.gateway.errors import AnswerLost
from csms_campaigns.gateway.receipts import NumberOutcome, Receipt
from csms_campaigns.models import Attempt, Batch
from tests import factories
from tests.engine.scenes import UNLIMITED

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
PER_NUMBER = Cost((Price(Per.NUMBER, Fraction(1), 9),), 9)
PER_SEGMENT = Cost((Price(Per.SEGMENT, Fraction(1), 9),), 9)


def request(
    cum: int,
    credits: int | None = None,
    *,
    start: float | None = None,
    seconds: float | None = 0.5,
    size: int = 10,
    sent: int | None = None,
    failed: int = 0,
    segments: int = 1,
    outcome: str = "answered",
) -> Request:
    """Answered in full, one a second, unless told otherwise."""
    at = BEGIN + timedelta(seconds=cum if start is None else start)
    done = None if seconds is None else at + timedelta(seconds=seconds)
    if sent is None:
        sent = size - failed if outcome == "answered" else 0
    return Request(cum, at, done, outcome, credits, size, segments, sent, failed)


def lost(cum: int, **options: Any) -> Request:
    return request(cum, outcome="unknown", **options)


def told(requests: Sequence[Request], cum: int, cost: Cost = PER_NUMBER) -> Any:
    """How many were charged, or why that is unclear."""
    found = judge(cum, spans(requests), cost)
    return found.unclear or found.charged


# Spans


def test_between_two_clusters_nothing_is_in_flight() -> None:
    found = clusters(
        [
            request(1, start=0, seconds=2),
            request(2, start=1, seconds=5),
            request(3, start=4, seconds=1),
            request(4, start=6, seconds=1),
            request(5, start=8, seconds=None),
            request(6, start=99, seconds=1),
        ]
    )
    assert [[r.cum for r in cluster] for cluster in found] == [[1, 2, 3], [4], [5, 6]]


def test_the_lowest_balance_of_a_cluster_held_after_it() -> None:
    requests = [
        request(1, 100),
        request(2, 70, start=10, seconds=3),
        request(3, 90, start=11, seconds=1),
        request(4, 80, start=11, seconds=1),
    ]
    (span,) = spans(requests)
    assert (span.before, span.after, span.numbers) == (100, 70, 30)


@pytest.mark.parametrize("outcome", ["refused", "not_sent"])
def test_what_was_certainly_not_sent_hides_no_balance(outcome: str) -> None:
    requests = [
        request(1, 100),
        request(2, outcome=outcome),
        request(3, 90, start=2.1),
        request(4, outcome=outcome, start=9),
        request(5, 80, start=10),
    ]
    assert [(s.before, s.after, s.unknown) for s in spans(requests)] == [
        (100, 90, 0),
        (90, 80, 0),
    ]


def test_a_lost_answer_leaves_the_balance_open_until_the_next() -> None:
    requests = [request(1, 100), lost(2), request(3, None), request(4, 60)]
    (span,) = spans(requests)
    assert [r.cum for r in span.requests] == [2, 3, 4]
    assert span.unknown == 10


# Judgements


@pytest.mark.parametrize("charged", [0, 4, 10])
def test_how_many_were_charged(charged: int) -> None:
    requests = [request(1, 100), lost(2), request(3, 90 - charged)]
    assert told(requests, 2) == charged


def test_numbers_that_were_left_out_of_an_answer() -> None:
    requests = [request(1, 100), request(2, 92, sent=6, failed=1)]
    assert told(requests, 2) == 2


def test_what_failed_cost_nothing() -> None:
    requests = [request(1, 100), lost(2), request(3, 88, failed=5)]
    assert told(requests, 2) == 7


def test_several_lost_answers_are_judged_together() -> None:
    requests = [request(1, 100), lost(2), lost(3), request(4, 75)]
    assert told(requests, 2) == told(requests, 3) == 15


@pytest.mark.parametrize(
    ("after", "said"), [(70, 10), (85, 5), (100, 0), (84, Unclear.CONTRADICTION)]
)
def test_by_segments(after: int, said: Any) -> None:
    requests = [
        request(1, 130),
        lost(2, segments=3),
        request(3, after, segments=3),
    ]
    assert told(requests, 2, PER_SEGMENT) == said


@pytest.mark.parametrize(("after", "said"), [(60, 20), (90, 0), (75, Unclear.MIXED)])
def test_texts_of_different_length_lost_together(after: int, said: Any) -> None:
    requests = [
        request(1, 100),
        lost(2, segments=1),
        lost(3, segments=2),
        request(4, after),
    ]
    assert told(requests, 2, PER_SEGMENT) == said


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (150, Unclear.TOPPED_UP),
        (95, Unclear.CONTRADICTION),
        (60, Unclear.CONTRADICTION),
    ],
)
def test_figures_that_cannot_be(after: int, why: Unclear) -> None:
    assert told([request(1, 100), lost(2), request(3, after)], 2) == why


def test_without_a_balance_before_or_after() -> None:
    assert told([lost(1), request(2, 90)], 1) == Unclear.NO_BALANCE
    assert told([request(1, 100), lost(2)], 2) == Unclear.NO_BALANCE
    in_flight = [request(1, 100), lost(2, seconds=None), request(3, 90)]
    assert told(in_flight, 2) == Unclear.NO_BALANCE
    assert judge(None, [], PER_NUMBER).unclear == Unclear.NO_REQUEST


@pytest.mark.parametrize(
    "cost",
    [
        Cost(),
        Cost((Price(Per.NUMBER, Fraction(1), 7),), 10),
        Cost((Price(Per.NUMBER, Fraction(0), 10),), 10),
    ],
)
def test_a_cost_that_is_not_known_leaves_it_unclear(cost: Cost) -> None:
    requests = [request(1, 100), lost(2), request(3, 90)]
    assert told(requests, 2, cost) == Unclear.COST_UNKNOWN


def test_a_long_text_where_only_short_ones_are_known() -> None:
    both = Cost(
        (Price(Per.NUMBER, Fraction(1), 9), Price(Per.SEGMENT, Fraction(1), 9)), 9
    )
    short = [request(1, 100), lost(2), request(3, 85)]
    assert told(short, 2, both) == 5
    long = [request(1, 100), lost(2, segments=2), request(3, 80)]
    assert told(long, 2, both) == Unclear.COST_UNKNOWN


# Costs


def history(per_number: int, per_segment: int) -> list[Request]:
    credits, found = 10_000, [request(1, 10_000)]
    for cum, (size, segments) in enumerate([(10, 1), (7, 2), (5, 3), (9, 1)], start=2):
        credits -= size * (per_number + per_segment * segments)
        found.append(request(cum, credits, size=size, segments=segments))
    return found


@pytest.mark.parametrize(
    ("number", "segment", "per", "credits"),
    [(1, 0, Per.NUMBER, 1), (0, 1, Per.SEGMENT, 1), (2, 0, Per.NUMBER, 2)],
)
def test_the_cost_is_learnt(number: int, segment: int, per: Per, credits: int) -> None:
    cost = cost_of(spans(history(number, segment)))
    assert cost.prices == (Price(per, Fraction(credits), 4),)
    assert (cost.spans, cost.is_known) == (4, True)


def test_one_odd_observation_does_not_shake_it() -> None:
    found = list(spans(history(1, 0) + [request(9, 20)]))
    assert cost_of(found).agreeing == 4
    assert cost_of(found).spans == 5
    assert cost_of(found).is_known
    assert not cost_of(found[-2:]).is_known


def test_short_texts_leave_open_what_long_ones_cost() -> None:
    requests = [request(cum, 100 - 10 * cum) for cum in range(1, 5)]
    assert [p.per for p in cost_of(spans(requests)).prices] == [Per.NUMBER, Per.SEGMENT]


def test_no_history_is_no_cost() -> None:
    assert not cost_of([]).is_known
    assert not cost_of(spans([request(1, 100), lost(2), request(3, 80)])).is_known


@given(
    st.lists(
        st.tuples(
            st.integers(1, 20),
            st.booleans(),
            st.floats(0.1, 4),
            st.integers(0, 20),
        ),
        min_size=3,
        max_size=12,
    )
)
def test_an_honest_gateway_is_never_misread(steps: list[tuple[Any, ...]]) -> None:
    """Whatever overlaps and whatever is lost: what is said of the charged is true."""
    credits, requests, charged = 10_000, [request(0, 10_000)], {}
    for cum, (size, is_lost, seconds, arrived) in enumerate(steps, start=1):
        count = min(arrived, size) if is_lost else size
        credits -= count
        charged[cum] = count
        made = lost if is_lost else request
        balance = None if is_lost else credits
        requests.append(made(cum, credits=balance, size=size, seconds=seconds))
    for cum, (_size, is_lost, _seconds, _arrived) in enumerate(steps, start=1):
        if is_lost:
            span = next((s for s in spans(requests) if s.holds(cum)), None)
            said = judge(cum, spans(requests), PER_NUMBER)
            if span is not None and said.charged is not None:
                truth = [charged[r.cum] for r in span.requests if r.unknown]
                assert said.charged == sum(truth)


# From the database


@pytest.fixture
def balance() -> dict[str, int]:
    return {"credits": 1000}


def answered(taken: Taken, balance: dict[str, int]) -> Receipt:
    balance["credits"] -= len(taken.numbers)
    outcomes = {n: NumberOutcome(True, f"id{n}") for n in taken.numbers}
    return Receipt(200, outcomes, balance["credits"])


@pytest.mark.django_db
def test_from_what_was_recorded(configure: Any, balance: dict[str, int]) -> None:
    configure(**UNLIMITED, BATCH_SIZE=10)
    factories.sending(55)
    for index in range(6):
        taken = take("default")
        assert isinstance(taken, Taken)
        if index == 3:
            balance["credits"] -= 6
            finish(taken, AnswerLost("connection reset"))
        else:
            finish(taken, answered(taken, balance))
    attempts = Attempt.objects.order_by("cum")
    assert [a.size for a in attempts][:3] == [5, 10, 10]
    assert [a.sent_count for a in attempts][:4] == [5, 10, 10, 0]
    assert {a.segments for a in attempts} == {1}
    batch = Batch.objects.get(unknown_count__gt=0)
    found = evidence([batch], "default")[batch.pk]
    assert (found.unclear, found.charged, found.unknown) == (None, 6, 10)
    assert (found.fell, found.explained) == (16, 10)
    assert learn_cost(accounts.state("default")).spans == 3


@pytest.mark.django_db
def test_a_page_of_batches_takes_a_few_queries(
    configure: Any, balance: dict[str, int]
) -> None:
    configure(**UNLIMITED, BATCH_SIZE=2)
    campaign = factories.sending(60)
    index = 0
    while isinstance(taken := take("default"), Taken):
        index += 1
        silent = index > 2 and index % 2
        finish(taken, AnswerLost("no") if silent else answered(taken, balance))
        campaign.refresh_from_db()
        if campaign.status == "paused":
            resume(campaign.pk)
    batches = list(Batch.objects.filter(unknown_count__gt=0))
    assert len(batches) > 10
    with CaptureQueriesContext(connection) as queries:
        found = evidence(batches, "default")
    assert len(queries) <= 4
    assert len(found) == len(batches)
    assert {e.charged for e in found.values() if not e.unclear} == {0}
