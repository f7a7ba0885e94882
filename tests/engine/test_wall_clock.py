"""A time that is typed in: one moment, none, or two."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.wall_clock import moment_of

BERLIN = ZoneInfo("Europe/Berlin")


def naive(text: str) -> datetime:
    return datetime.fromisoformat(text)


def code(text: str, zone: str = "Europe/Berlin") -> str:
    with pytest.raises(CampaignError) as refused:
        moment_of(naive(text), ZoneInfo(zone))
    assert str(refused.value).endswith("time.")
    return refused.value.code


def test_a_time_of_every_day_is_a_moment() -> None:
    found = moment_of(naive("2026-07-01 09:30"), BERLIN)
    assert found == datetime(2026, 7, 1, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize("clock", ["02:00", "02:30", "02:59:59"])
def test_a_time_that_is_left_out_does_not_exist(clock: str) -> None:
    assert code(f"2026-03-29 {clock}") == "no_such_time"


@pytest.mark.parametrize("clock", ["02:00", "02:30", "02:59:59"])
def test_a_time_that_comes_twice_is_refused(clock: str) -> None:
    assert code(f"2026-10-25 {clock}") == "ambiguous_time"


@pytest.mark.parametrize(
    "text",
    ["2026-03-29 01:59", "2026-03-29 03:00", "2026-10-25 01:59", "2026-10-25 03:00"],
)
def test_the_times_around_them_are_fine(text: str) -> None:
    assert moment_of(naive(text), BERLIN).astimezone(BERLIN).replace(
        tzinfo=None
    ) == naive(text)


def test_the_sentence_names_the_time_and_the_zone() -> None:
    with pytest.raises(CampaignError) as refused:
        moment_of(naive("2026-03-29 02:30"), BERLIN)
    assert str(refused.value).startswith("2026-03-29 02:30 does not exist in Europe/B")


def test_a_day_that_a_zone_never_had() -> None:
    assert code("2011-12-30 12:00", "Pacific/Apia") == "no_such_time"


def test_the_ends_of_time() -> None:
    assert code("9999-12-31 23:59", "America/New_York") == "bad_time"


@given(
    st.datetimes(naive("2020-01-01"), naive("2035-01-01")),
    st.sampled_from(["Asia/Riyadh", "Europe/Berlin", "Australia/Lord_Howe", "UTC"]),
)
def test_what_is_not_refused_reads_the_same_on_that_clock(
    typed: datetime, name: str
) -> None:
    zone = ZoneInfo(name)
    with suppress(CampaignError):
        found = moment_of(typed, zone)
        assert found.astimezone(zone).replace(tzinfo=None) == typed
        return
    assert name in {"Europe/Berlin", "Australia/Lord_Howe"}
