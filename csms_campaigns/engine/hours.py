"""Hours in which texts may leave, by the clock on the wall of a time zone. Pure functions.

A window over midnight belongs to the day on which it begins. Where the clock is put forward, a
window may open late or be left out that day; where it is put back, what it shows twice is open
twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from itertools import count
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

DAY: Final = timedelta(days=1)
SECOND: Final = timedelta(seconds=1)
EVERY_DAY: Final = frozenset(range(7))
MIDNIGHT: Final = time(0)


class UnknownZone(Exception):
    """This machine has no time zone of that name."""


class Opening(NamedTuple):
    opens: datetime
    closes: datetime


@dataclass(frozen=True)
class Hours:
    """From `since` until `until` on `days` (Monday is 0); the same time twice: a whole day."""

    since: time = MIDNIGHT
    until: time = MIDNIGHT
    days: frozenset[int] = EVERY_DAY

    @property
    def length(self) -> timedelta:
        return (_since_midnight(self.until) - _since_midnight(self.since)) % DAY or DAY

    @property
    def is_always(self) -> bool:
        return self.days == EVERY_DAY and self.length == DAY


def _since_midnight(clock: time) -> timedelta:
    return timedelta(
        hours=clock.hour,
        minutes=clock.minute,
        seconds=clock.second,
        microseconds=clock.microsecond,
    )


def hours_of(since: time | None, until: time | None, days: str) -> Hours | None:
    """From the columns of a campaign: None where it may be sent at any time."""
    chosen = frozenset(int(day) for day in days) or EVERY_DAY
    found = Hours(since or MIDNIGHT, until or MIDNIGHT, chosen)
    return None if found.is_always else found


def zone_named(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise UnknownZone(name) from error


def is_open(hours: Hours, zone: tzinfo, moment: datetime) -> bool:
    local = moment.astimezone(zone)
    clock, today = local.time(), local.weekday()
    if hours.since < hours.until:
        return today in hours.days and hours.since <= clock < hours.until
    from_today = today in hours.days and clock >= hours.since
    return from_today or ((today - 1) % 7 in hours.days and clock < hours.until)


def opening(
    hours: Hours, zone: tzinfo, moment: datetime, margin: timedelta = timedelta()
) -> Opening:
    """The present one or the next; in UTC.

    It ends `margin` before the hours do, so that what begins in it is over in time; in hours
    that are shorter than twice the margin, at their half.
    """
    for found in openings(hours, zone, moment):
        last = found.closes - min(margin, (found.closes - found.opens) / 2)
        if last > moment:
            return Opening(found.opens, last)
    raise AssertionError  # They never end.


def openings(hours: Hours, zone: tzinfo, moment: datetime) -> Iterator[Opening]:
    """Those that are not over at `moment`, without end. Of whole days that touch, one is made;
    it is not looked for more than two days back."""
    moment = moment.astimezone(UTC)
    current = None
    # From two days before: an opening of today may have begun yesterday.
    for piece in _pieces(hours, zone, moment - 2 * DAY):
        if current and piece.opens <= current.closes:
            current = Opening(current.opens, piece.closes)
            continue
        if current and current.closes > moment:
            yield current
        current = piece


def _pieces(hours: Hours, zone: tzinfo, start: datetime) -> Iterator[Opening]:
    """Openings, cut at midnights of UTC and where the zone puts its clock."""
    for number in count():
        day = start + number * DAY
        for begin, end, offset in _spans(zone, day, day + DAY):
            yield from _between(hours, begin, end, offset)


def _spans(
    zone: tzinfo, begin: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """Within a day, spans in which the clock runs evenly; no zone puts it twice in a day."""
    before, after = _offset(zone, begin), _offset(zone, end)
    if before == after:
        yield begin, end, before
        return
    change = _change(zone, begin, end)
    yield begin, change, before
    yield change, end, after


def _change(zone: tzinfo, begin: datetime, end: datetime) -> datetime:
    """The first moment with the later offset, to the second."""
    begin, end = begin.replace(microsecond=0), end.replace(microsecond=0)
    before = _offset(zone, begin)
    while end - begin > SECOND:
        middle = begin + (end - begin) // 2
        middle = middle.replace(microsecond=0)
        if _offset(zone, middle) == before:
            begin = middle
        else:
            end = middle
    return end


def _between(
    hours: Hours, begin: datetime, end: datetime, offset: timedelta
) -> Iterator[Opening]:
    day = (begin + offset).date() - DAY
    while day <= (end + offset).date():
        if day.weekday() in hours.days:
            opens = datetime.combine(day, hours.since, UTC) - offset
            closes = min(opens + hours.length, end)
            if max(opens, begin) < closes:
                yield Opening(max(opens, begin), closes)
        day += DAY


def _offset(zone: tzinfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()
