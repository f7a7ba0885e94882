"""The course of a campaign: bounded, by its own clock, and equal to what the batches hold."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from csms_campaigns.engine import accounts
from csms_campaigns.engine import course as courses
from csms_campaigns.engine.course import MOST_POINTS, Course, course
from csms_campaigns.models import Attempt, Batch, Campaign
from csms_campaigns.states import BatchStatus, CampaignStatus

pytestmark = pytest.mark.django_db

BEGAN = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(days=40)


def made(ages: Iterable[float], status: str = "finished") -> Campaign:
    """A batch of ten, of whom one failed, at each age in seconds since the launch."""
    seconds = list(ages)
    campaign = Campaign.objects.create(
        name="Spring",
        status=status,
        started_at=BEGAN,
        finished_at=BEGAN + timedelta(days=30) if status == "finished" else None,
    )
    account = accounts.state("default")
    moments = [BEGAN + timedelta(seconds=age) for age in seconds]
    batches = Batch.objects.bulk_create(
        done(campaign, number, at) for number, at in enumerate(moments, start=1)
    )
    Attempt.objects.bulk_create(
        Attempt(
            account=account,
            batch=batch,
            cum=batch.number,
            stamped_at=batch.finished_at,
            done_at=batch.finished_at,
            outcome="answered",
            remaining_credits=100_000 - batch.number,
        )
        for batch in batches
    )
    ids = dict(Attempt.objects.values_list("batch_id", "pk"))
    for batch in batches:
        batch.attempt_id = ids[batch.pk]
    Batch.objects.bulk_update(batches, ["attempt"], batch_size=500)
    return campaign


def done(campaign: Campaign, number: int, at: datetime) -> Batch:
    return Batch(
        campaign=campaign,
        number=number,
        message="Hello",
        status=BatchStatus.DONE,
        size=10,
        segments=1,
        sent_count=9,
        failed_count=1,
        finished_at=at,
    )


def total(found: Course) -> tuple[int, int]:
    minutes = found.width / 60
    sent = sum(point.sent for point in found.pace) * minutes
    other = sum(point.other for point in found.pace) * minutes
    return round(sent), round(other)


def test_before_the_first_outcome_there_is_nothing_to_draw() -> None:
    assert course(made([])) == Course()


def test_each_minute_holds_what_ended_in_it() -> None:
    found = course(made([5, 59, 60, 185]))
    assert found.width == 60
    assert [(p.at - BEGAN).total_seconds() for p in found.pace] == [0, 60, 120, 180]
    assert [(p.sent, p.other) for p in found.pace] == [(18, 2), (9, 1), (0, 0), (9, 1)]
    assert [(b.at - BEGAN).total_seconds() for b in found.credits] == [5, 59, 60, 185]
    assert [b.credits for b in found.credits] == [99_999, 99_998, 99_997, 99_996]


@pytest.mark.parametrize("hours", [1, 4.9, 24, 24 * 6, 24 * 29])
def test_however_long_it_runs_the_points_are_few_and_add_up(hours: float) -> None:
    count = 700
    found = course(made(hours * 3600 * n / count for n in range(count)))
    assert 50 < len(found.pace) <= MOST_POINTS
    assert 250 < len(found.credits) <= MOST_POINTS
    sent, other = total(found)
    # A rate is rounded.
    assert sent == pytest.approx(9 * count, rel=0.02)
    assert other == pytest.approx(count, rel=0.02)
    assert found.credits[0].credits == 99_999
    assert found.credits[-1].credits == 100_000 - count


def test_of_very_many_requests_the_latest_are_shown(monkeypatch: Any) -> None:
    monkeypatch.setattr(courses, "MOST_BATCHES", 20)
    found = course(made(60 * n for n in range(50)))
    assert found.is_cut
    assert (found.pace[-1].at - BEGAN).total_seconds() == 49 * 60
    assert total(found) == (20 * 9, 20)
    assert found.credits[0].credits == 100_000 - 31


def test_the_minute_under_way_is_no_fall() -> None:
    campaign = made([5, 65], CampaignStatus.SENDING)
    recent = timezone.now() - timedelta(seconds=1)
    Campaign.objects.update(started_at=recent - timedelta(minutes=10))
    Batch.objects.filter(number=1).update(finished_at=recent - timedelta(minutes=5))
    Batch.objects.filter(number=2).update(finished_at=recent)
    campaign.refresh_from_db()
    found = course(campaign)
    assert found.pace[-1].at <= timezone.now() - timedelta(seconds=60)
    assert total(found)[0] in {
        9,
        18,
    }  # At a full minute the second is in the one before.


def test_another_campaign_on_the_account_costs_credits_too() -> None:
    campaign = made([5, 500])
    first = Attempt.objects.get(cum=2)
    Attempt.objects.filter(pk=first.pk).update(cum=9)
    other = Batch.objects.exclude(pk=first.batch_id).get()
    Attempt.objects.create(
        account=first.account,
        batch=other,
        cum=5,
        stamped_at=BEGAN + timedelta(seconds=100),
        remaining_credits=70_000,
    )
    assert [b.credits for b in course(campaign).credits] == [99_999, 70_000, 99_998]


def test_an_answer_without_a_balance_is_left_out() -> None:
    campaign = made([5, 65, 125])
    Attempt.objects.filter(cum=2).update(remaining_credits=None)
    assert [b.credits for b in course(campaign).credits] == [99_999, 99_997]


def test_a_handful_of_queries(django_assert_num_queries: Any) -> None:
    campaign = made([5, 65])
    with django_assert_num_queries(6):
        course(campaign)
