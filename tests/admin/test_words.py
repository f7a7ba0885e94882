from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import timezone, translation

from csms_campaigns.admin import words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "less than a minute"),
        (59.9, "less than a minute"),
        (60, "1 minute"),
        (61, "2 minutes"),
        (3600, "1 hour"),
        (5400, "1 hour and 30 minutes"),
        (86_399, "1 day"),
        (90_000, "1 day and 1 hour"),
        (200_000, "2 days and 7 hours"),
    ],
)
def test_a_duration_is_rounded_up_to_minutes(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize("language", ["en", "ar"])
def test_large_numbers_are_grouped_in_every_language(language: str) -> None:
    with translation.override(language):
        assert words.number(1_234_567) == "1,234,567"


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, "0%"),
        (0, 10, "0%"),
        (1, 1_000_000, "0.1%"),
        (2, 1000, "0.2%"),
        (1, 2, "50%"),
        (999_999, 1_000_000, "99.9%"),
        (10, 10, "100%"),
    ],
)
def test_a_share_never_rounds_to_none_or_to_all(
    part: int, whole: int, text: str
) -> None:
    assert words.percent(part, whole) == text


def test_a_moment_names_the_day_unless_it_is_today() -> None:
    now = timezone.now()
    assert words.moment(now) in words.moment(now)
    assert "2001" in words.moment(datetime(2001, 2, 3, 12, tzinfo=UTC))
    assert str(now.year) not in words.moment(now)
    assert words.moment(None) == ""


def test_an_ending_says_how_long_and_until_when() -> None:
    text = words.ending(120, datetime(2001, 2, 3, 12, tzinfo=UTC))
    assert text.startswith("about 2 minutes, until ")
    assert "2001" in text
    assert words.ending(3).startswith("less than a minute, until ")


def test_a_number_is_isolated_from_the_direction_of_the_text() -> None:
    assert words.isolated("<+1>") == '<bdi dir="ltr">&lt;+1&gt;</bdi>'


def test_a_whole_number_has_no_point() -> None:
    assert [words.number(n) for n in (15.0, 1.0, 2.5, 1200.0)] == [
        "15",
        "1",
        "2.5",
        "1,200",
    ]


@pytest.mark.parametrize("language", ["en", "ar"])
def test_sizes_of_files_have_the_separators_of_all_other_numbers(language: str) -> None:
    with translation.override(language):
        sizes = [words.file_size(n) for n in (0, 5000, 1536 * 1024, 1200 * 2**20)]
    assert [size.split()[0] for size in sizes] == ["0", "4.9", "1.5", "1,200"]
