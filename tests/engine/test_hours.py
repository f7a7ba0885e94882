"""Quiet hours by the clock on the wall: against a walk over every minute, and by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms_campaigns.engine.hours import (
    EVERY_DAY,
    Hours,
    Opening,
    UnknownZone,
    hours_of,
    is_open,
    opening,
    openings,
    zone_named,
)

MINUTE = timedelta(minutes=1)
DAYTIME = Hours(time(9), time(21))
NIGHT = Hours(time(22), time(2))
RIYADH = ZoneInfo("Asia/Riyadh")
BERLIN = ZoneInfo("Europe/Berlin")
FORWARD = datetime(2026, 3, 29, 1, tzinfo=UTC)
"""When Berlin's clock goes from 2:00 to 3:00."""
BACK = datetime(2026, 10, 25, 1, tzinfo=UTC)
"""When it goes from 3:00 to 2:00."""

ZONES = [
    *("UTC", "Asia/Riyadh", "Asia/Kathmandu", "Europe/Berlin", "America/New_York"),
    # Half an hour of summer time; a change at midnight; two changes around Ramadan.
    *("Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca"),
    *("Pacific/Kiritimati", "Pacific/Pago_Pago", "America/St_Johns"),
]


def local(zone: tzinfo, *parts: int, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=zone, fold=fold).astimezone(UTC)  # type: ignore[arg-type]


# As a person would read the clock, minute by minute


def minutes_of_a_day(hours: Hours) -> set[tuple[int, int, int]]:
    """(weekday, hour, minute) of every minute of a week in which the window is open."""
    found: set[tuple[int, int, int]] = set()
    for weekday in hours.days:
        at = datetime.combine(date(2026, 1, 5 + weekday), hours.since)
        for _minute in range(24 * 60):
            found.add((at.weekday(), at.hour, at.minute))
            at += MINUTE
            if at.time() == hours.until:
                break
    return found


def slowly(hours: Hours, zone: tzinfo, moment: datetime, minutes: int) -> list[Opening]:
    """The openings in so many minutes from a full minute on, found by looking at each."""
    shown = minutes_of_a_day(hours)
    found, began = [], None
    for number in range(minutes + 1):
        at = moment + number * MINUTE
        wall = at.astimezone(zone)
        lit = (wall.weekday(), wall.hour, wall.minute) in shown
        if lit and began is None:
            began = at
        if not lit and began is not None:
            found.append(Opening(began, at))
            began = None
    return found


def between(first: date, last: date) -> st.SearchStrategy[datetime]:
    """Full minutes."""
    start = datetime.combine(first, time(0), UTC)
    most = (last - first) // MINUTE
    return st.integers(0, most).map(lambda minutes: start + minutes * MINUTE)


clocks = st.times().map(lambda t: t.replace(second=0, microsecond=0))
some_hours = st.builds(
    Hours,
    clocks,
    clocks,
    st.frozensets(st.integers(0, 6), min_size=1),
).filter(lambda found: not found.is_always)
zones = st.sampled_from(ZONES).map(ZoneInfo)
days = st.one_of(
    between(date(2024, 1, 1), date(2028, 1, 1)),
    # Most of what is hard is around these.
    st.sampled_from([FORWARD, BACK]),
    between(date(2026, 3, 27), date(2026, 4, 6)),
    between(date(2026, 10, 23), date(2026, 11, 3)),
)


@given(hours=some_hours, zone=zones, moment=days)
@settings(max_examples=80, deadline=None)
def test_openings_are_those_of_a_walk_over_every_minute(
    hours: Hours, zone: ZoneInfo, moment: datetime
) -> None:
    minutes = 6 * 24 * 60
    expected = slowly(hours, zone, moment, minutes)
    found = []
    for one in openings(hours, zone, moment):
        if one.closes > moment + minutes * MINUTE:
            break
        found.append(Opening(max(one.opens, moment), one.closes))
    assert found == expected


@given(hours=some_hours, zone=zones, moment=days, extra=st.integers(0, 59))
@settings(max_examples=300, deadline=None)
def test_it_is_open_exactly_in_its_openings(
    hours: Hours, zone: ZoneInfo, moment: datetime, extra: int
) -> None:
    moment += timedelta(seconds=extra)
    found = opening(hours, zone, moment)
    assert found.closes > moment
    assert is_open(hours, zone, moment) == (found.opens <= moment)
    assert is_open(hours, zone, max(found.opens, moment))
    assert is_open(hours, zone, found.closes - timedelta(microseconds=1))
    assert not is_open(hours, zone, found.closes)


@given(hours=some_hours, zone=zones, moment=days)
@settings(max_examples=100, deadline=None)
def test_openings_are_in_order_and_never_touch(
    hours: Hours, zone: ZoneInfo, moment: datetime
) -> None:
    found = list(islice(openings(hours, zone, moment), 8))
    assert all(one.opens < one.closes for one in found)
    assert all(one.closes < later.opens for one, later in pairwise(found))


@given(
    hours=some_hours,
    zone=zones,
    moment=days,
    margin=st.integers(0, 7200).map(lambda s: timedelta(seconds=s)),
)
@settings(max_examples=150, deadline=None)
def test_what_begins_before_the_margin_is_over_in_the_hours(
    hours: Hours, zone: ZoneInfo, moment: datetime, margin: timedelta
) -> None:
    found = opening(hours, zone, moment, margin)
    assert moment < found.closes
    assert found.opens < found.closes
    begins = max(found.opens, moment)
    assert is_open(hours, zone, begins)
    (whole,) = islice(openings(hours, zone, begins), 1)
    room = whole.closes - found.closes
    assert room == min(margin, (whole.closes - whole.opens) / 2)


# By hand


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        ((8, 59), False),
        ((9, 0), True),
        ((20, 59), True),
        ((21, 0), False),
        ((0, 0), False),
    ],
)
def test_the_first_minute_is_in_and_the_last_is_out(
    clock: tuple[int, int], expected: bool
) -> None:
    assert is_open(DAYTIME, RIYADH, local(RIYADH, 2026, 5, 4, *clock)) is expected


def test_quiet_hours_of_tonight_end_tomorrow() -> None:
    evening = local(RIYADH, 2026, 5, 4, 21, 30)
    found = opening(DAYTIME, RIYADH, evening)
    assert found == Opening(local(RIYADH, 2026, 5, 5, 9), local(RIYADH, 2026, 5, 5, 21))


def test_over_midnight_the_day_is_that_of_the_evening() -> None:
    friday = Hours(time(22), time(2), frozenset({4}))
    late = local(RIYADH, 2026, 5, 9, 1)  # a Saturday
    assert is_open(friday, RIYADH, late)
    assert not is_open(friday, RIYADH, late - timedelta(days=1))
    assert opening(friday, RIYADH, late).opens == local(RIYADH, 2026, 5, 8, 22)


def test_the_week_of_an_office_from_sunday_to_thursday() -> None:
    office = Hours(time(9), time(18), frozenset({6, 0, 1, 2, 3}))
    thursday_evening = local(RIYADH, 2026, 5, 7, 18)
    assert opening(office, RIYADH, thursday_evening).opens == local(
        RIYADH, 2026, 5, 10, 9
    )


def test_whole_days_that_touch_are_one_opening() -> None:
    week = Hours(days=frozenset({0, 1, 2, 3, 4}))
    tuesday = local(RIYADH, 2026, 5, 5, 12)
    assert opening(week, RIYADH, tuesday) == Opening(
        local(RIYADH, 2026, 5, 4), local(RIYADH, 2026, 5, 9)
    )


def test_a_window_that_the_clock_jumps_into_opens_at_the_jump() -> None:
    hours = Hours(time(2, 30), time(4))
    assert opening(hours, BERLIN, FORWARD - timedelta(hours=2)) == Opening(
        FORWARD, local(BERLIN, 2026, 3, 29, 4)
    )


def test_a_window_that_the_clock_jumps_over_is_left_out_that_day() -> None:
    hours = Hours(time(2, 10), time(2, 50))
    found = opening(hours, BERLIN, FORWARD - timedelta(minutes=1))
    assert found.opens == local(BERLIN, 2026, 3, 30, 2, 10)


def test_a_window_that_the_clock_shows_twice_is_open_twice() -> None:
    hours = Hours(time(2, 10), time(2, 50))
    first, second = islice(openings(hours, BERLIN, BACK - timedelta(hours=2)), 2)
    assert first.opens == local(BERLIN, 2026, 10, 25, 2, 10)
    assert second.opens == local(BERLIN, 2026, 10, 25, 2, 10, fold=1)
    assert second.opens - first.opens == timedelta(hours=1)


def test_over_the_change_a_window_is_an_hour_longer_or_shorter() -> None:
    def length(moment: datetime) -> timedelta:
        found = opening(NIGHT, BERLIN, moment - timedelta(hours=6))
        return found.closes - found.opens

    usual = timedelta(hours=4)
    until_four = Hours(time(22), time(4))
    assert length(FORWARD) == length(BACK) == usual
    for change, expected in [(FORWARD, 5), (BACK, 7)]:
        found = opening(until_four, BERLIN, change)
        assert found.closes - found.opens == timedelta(hours=expected)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ((None, None, ""), None),
        ((None, None, "0123456"), None),
        ((time(0), time(0), ""), None),
        ((time(9), time(9), ""), None),
        ((time(9), None, ""), Hours(time(9), time(0))),
        ((None, time(18), ""), Hours(time(0), time(18))),
        ((None, None, "45"), Hours(days=frozenset({4, 5}))),
        ((time(9), time(21), "6"), Hours(time(9), time(21), frozenset({6}))),
    ],
)
def test_columns_that_are_empty_mean_the_whole_of_it(
    columns: tuple[time | None, time | None, str], expected: Hours | None
) -> None:
    assert hours_of(*columns) == expected


def test_lengths() -> None:
    assert DAYTIME.length == timedelta(hours=12)
    assert NIGHT.length == timedelta(hours=4)
    assert Hours(time(9), time(0)).length == timedelta(hours=15)
    assert Hours(time(9), time(9)).length == timedelta(days=1)
    assert Hours(days=EVERY_DAY).is_always
    assert not Hours(time(9), time(9), frozenset({1})).is_always


@pytest.mark.parametrize("name", ["", "Mars/Phobos", "../etc/passwd", "a\0b"])
def test_a_zone_that_is_none(name: str) -> None:
    with pytest.raises(UnknownZone):
        zone_named(name)
