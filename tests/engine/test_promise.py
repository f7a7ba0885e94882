"""What is promised is what is there, and what is promised of the time can be kept."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from csms_campaigns import conf
from csms_campaigns.conf import Account, Window
from csms_campaigns.engine import accounts, audience, forecast
from csms_campaigns.engine.forecast import ages, seconds_until_sent
from csms_campaigns.engine.promise import promise
from csms_campaigns.models import Attempt, Batch, Contact, GatewayAccount, SendResult
from csms_campaigns.states import CampaignStatus
from tests import factories
from tests.engine.crowds import crowd
from tests.engine.scenes import UNLIMITED, campaign_in, send

USUAL = conf.Account("default", "key")
HELD = 3.1
"""Seconds until a request has surely arrived, with the margin: see `limits`."""


def account(*windows: tuple[int, float], gap: float = 0.0, lanes: int = 4) -> Account:
    made = tuple(sorted(Window(seconds, limit) for limit, seconds in windows))
    return Account("a", "k", rate_limits=made, min_gap=gap, concurrency=lanes)


# The promise


@pytest.mark.django_db
def test_the_promise_is_the_sum_of_what_is_there(configure: Any) -> None:
    configure(BATCH_SIZE=20)
    chosen = factories.people(60, city="Riyadh")
    factories.people(40, city="ج" * 80)
    factories.opt_out([factories.number(0), factories.number(99)])
    Contact.objects.filter(phone=factories.number(1)).update(attributes={})
    campaign = factories.draft(message="{{ city }}", lists=[chosen])
    promised = audience.review(campaign.pk)
    sizes = Batch.objects.values_list("size", "segments")
    assert promised.recipients == SendResult.objects.filter(status="pending").count()
    assert promised.recipients == sum(size for size, _segments in sizes) == 97
    assert promised.skipped == {"opted_out": 2, "missing_placeholder": 1}
    assert promised.batches == Batch.objects.count() == 6
    assert promised.segments == sum(size * segments for size, segments in sizes)
    assert promised.estimated_credits == promised.segments == 58 + 2 * 39
    assert promised.as_dict()["recipients"] == 97


@pytest.mark.django_db
def test_the_balance_is_the_one_that_was_said_last(configure: Any) -> None:
    configure(**UNLIMITED)
    assert promise(factories.ready()).remaining_credits is None
    campaign_in(CampaignStatus.FINISHED)
    assert promise(campaign_in(CampaignStatus.READY)).remaining_credits == 1000


@pytest.mark.django_db
def test_a_promise_costs_the_same_at_any_size(configure: Any) -> None:
    def queries(count: int) -> int:
        campaign = factories.ready(lists=[crowd(count, name=str(count))])
        with CaptureQueriesContext(connection) as captured:
            promise(campaign)
        Contact.objects.all().delete()
        return len(captured)

    configure(BATCH_SIZE=2)
    assert queries(10) == queries(900)


# When it will be over


def test_nothing_to_send_takes_no_time() -> None:
    assert seconds_until_sent(USUAL, 0) == 0
    assert seconds_until_sent(USUAL, -3) == 0


def test_one_request_takes_the_time_of_its_answer() -> None:
    assert seconds_until_sent(USUAL, 1, answer=0.7) == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("requests", "seconds"),
    [
        (100, 99 * 0.3),
        (101, 60.6),
        (5001, 3603.1),
    ],
)
def test_the_documented_limits(requests: int, seconds: float) -> None:
    """100 a minute, 5,000 an hour: the first of the next window waits for the first of this."""
    found = seconds_until_sent(USUAL, requests, answer=0.5)
    assert found == pytest.approx(seconds + 0.5, abs=0.01)


def test_a_million_people_take_not_quite_two_hours() -> None:
    """10,000 requests: two hours by the hour's limit, the second at the minute's pace."""
    assert seconds_until_sent(USUAL, 10_000) == pytest.approx(6602, abs=5)


def test_few_lanes_and_slow_answers_set_the_pace() -> None:
    slow = account(lanes=2)
    assert seconds_until_sent(slow, 11, answer=4.0) == pytest.approx(10 * 2 + 4)


def test_a_used_up_window_is_waited_for() -> None:
    past = [50.0] * 100
    found = seconds_until_sent(USUAL, 1, past, answer=0.5)
    assert found == pytest.approx(60.6 - 50 + 0.5)


def test_beyond_the_steps_the_pace_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = seconds_until_sent(USUAL, 4000)
    monkeypatch.setattr(forecast, "MAX_STEPS", 1000)
    assert seconds_until_sent(USUAL, 4000) == pytest.approx(exact, rel=0.1)


windows = st.lists(
    st.tuples(st.integers(1, 30), st.floats(0.5, 500)),
    max_size=3,
    unique_by=lambda w: w[1],
)
histories = st.lists(st.floats(0, 600), max_size=60).map(
    lambda found: sorted(found, reverse=True)
)
options = st.builds(
    lambda found, gap, lanes: account(*found, gap=gap, lanes=lanes),
    windows,
    st.floats(0, 5),
    st.integers(1, 8),
)
answers = st.floats(0.01, 20)


def slowly(made: Account, requests: int, past: Sequence[float], answer: float) -> float:
    """The rules as a person would read them: at each moment, look at every window whole."""
    stamps = [-age for age in past]
    gap = max(made.min_gap, answer / made.concurrency)
    for _each in range(requests):
        free = [0.0, *(stamps[-1:] and [stamps[-1] + gap])]
        for index, window in enumerate(made.rate_limits):
            kept = window.seconds + (min(answer, 3.0) + 0.1 if index == 0 else HELD)
            leave = sorted(stamp + kept for stamp in stamps)
            # So many must have left that there is room for one.
            must = len(leave) - window.limit + 1
            free += leave[must - 1 : must] if must > 0 else []
        stamps.append(max(free))
    return stamps[-1] + answer


@given(made=options, requests=st.integers(1, 80), past=histories, answer=answers)
@settings(max_examples=300, deadline=None)
def test_the_forecast_is_that_of_a_slow_simulation(
    made: Account, requests: int, past: list[float], answer: float
) -> None:
    found = seconds_until_sent(made, requests, past, answer)
    assert found == pytest.approx(slowly(made, requests, past, answer), abs=1e-6)


@given(made=options, past=histories, answer=answers)
@settings(deadline=None)
def test_more_requests_never_take_less_time(
    made: Account, past: list[float], answer: float
) -> None:
    found = [seconds_until_sent(made, n, past, answer) for n in range(1, 40)]
    assert all(less <= more for less, more in itertools.pairwise(found))


@given(made=options, requests=st.integers(1, 200), past=histories, answer=answers)
@settings(deadline=None)
def test_it_is_never_sooner_than_the_windows_allow(
    made: Account, requests: int, past: list[float], answer: float
) -> None:
    found = seconds_until_sent(made, requests, past, answer)
    for window in made.rate_limits:
        full = (requests - 1) // window.limit
        assert found >= full * window.seconds
        young = sum(1 for age in past if age < window.seconds)
        if young >= window.limit:
            assert found >= window.seconds - past[-window.limit]


@given(made=options, requests=st.integers(1, 60), past=histories, answer=answers)
@settings(deadline=None)
def test_a_history_never_makes_it_faster(
    made: Account, requests: int, past: list[float], answer: float
) -> None:
    fresh = seconds_until_sent(made, requests, (), answer)
    assert seconds_until_sent(made, requests, past, answer) >= fresh - 1e-9


# The history


def sent_before(seconds: Sequence[float]) -> GatewayAccount:
    """The account has sent requests so many seconds ago, the oldest first."""
    campaign = factories.draft()
    batch = Batch.objects.create(campaign=campaign, number=1, message="x", segments=1)
    made = accounts.state("default")
    now = timezone.now()
    Attempt.objects.bulk_create(
        Attempt(
            account=made, batch=batch, cum=cum, stamped_at=now - timedelta(seconds=age)
        )
        for cum, age in enumerate(seconds, start=1)
    )
    GatewayAccount.objects.update(cum=len(seconds))
    return accounts.state("default")


@pytest.mark.django_db
def test_ages_are_those_of_the_latest_requests_oldest_first() -> None:
    made = sent_before([90, 60, 30, 5])
    found = ages(made, account((3, 60)))
    assert found == sorted(found, reverse=True)
    # Their distances, whatever this test takes itself.
    assert [found[0] - found[1], found[1] - found[2]] == pytest.approx([30, 25])
    assert ages(made, account()) == []
    assert len(ages(made, account((2, 60), (9, 600)))) == 4


@pytest.mark.django_db
def test_the_promise_counts_what_was_sent_before(configure: Any) -> None:
    configure(RATE_LIMITS=[(2, 100)], MIN_GAP=0)
    assert promise(factories.ready()).eta_seconds < 1
    sent_before([10, 10])
    found = promise(factories.ready(lists=[factories.people(3, "Three")])).eta_seconds
    assert 30 < found <= 91.2


@pytest.mark.django_db
def test_a_request_of_the_engine_is_in_the_history(configure: Any) -> None:
    configure(MIN_GAP=0)
    campaign_in(CampaignStatus.SENDING, 12)
    send()
    found = ages(accounts.state("default"), USUAL)
    assert len(found) == 1
    assert 0 <= found[0] < 60
