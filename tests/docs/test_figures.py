"""Figures that the documents repeat are those of the code."""

from __future__ import annotations

import pytest

from csms_campaigns import conf, tasks
from csms_campaigns.engine import (
    accounts,
    audience,
    batching,
    consequences,
    lanes,
    limits,
    pausing,
    people,
    splitting,
    taking,
    ticking,
    writing,
)
from tests.docs.markdown import document

pytestmark = pytest.mark.once

DESIGN = document("docs/design.md")
USED = DESIGN.section("How much of the limits is used")
LIMITER = DESIGN.section("The limiter")


def words(name: str) -> str:
    """The text on one line, so that a line's end is no difference."""
    return " ".join(document(f"docs/{name}.md").text.split())


@pytest.mark.parametrize("row", USED.rows()[1:], ids=lambda row: row[0])
def test_the_share_of_the_minute_that_is_used(row: list[str]) -> None:
    answer, said = float(row[0]), float(row[1].removesuffix(" %"))
    kept = 60 + limits.MARGIN + min(answer, limits.ARRIVAL)
    assert round(100 * 60 / kept, 1) == said


@pytest.mark.parametrize(
    ("seconds", "said", "digits"), [(3600, "99.91 %", 2), (86400, "99.996 %", 3)]
)
def test_the_share_of_longer_windows_that_is_used(
    seconds: int, said: str, digits: int
) -> None:
    kept = seconds + limits.MARGIN + limits.ARRIVAL
    assert f"{100 * seconds / kept:.{digits}f} %" == said
    assert said in USED.text


def test_the_constants_of_the_proof() -> None:
    assert (limits.GATE, limits.ARRIVAL, limits.MARGIN) == (2.5, 3.0, 0.1)
    for figure in ("2.5 s", "+ 3) + *W* + 0.1", "3.1 + *W*", "0.5 s"):
        assert figure in LIMITER.text


@pytest.mark.parametrize(
    ("said", "value", "name"),
    [
        ("works for {} seconds", lanes.SLICE, "design"),
        ("both timeouts + {} s from the claim", taking.LEASE_MARGIN, "design"),
        ("in slices of {:,}", people.SLICE, "design"),
        ("At most {:,} texts are kept open", batching.MAX_OPEN_GROUPS, "design"),
        ("may be refused {} times", splitting.MAX_EXTRA_REQUESTS, "design"),
        ("{} requests more than promised", splitting.MAX_EXTRA_REQUESTS, "operating"),
        ("{} numbers in a row", pausing.REJECTED_UNTIL_PAUSE, "operating"),
        ("blocks for {} seconds, then", accounts.SILENCE_REST, "operating"),
        ("blocks for {} seconds |", consequences.SLOW_DATABASE_REST, "operating"),
        ("({} s if no worker had begun)", audience.HANDOVER, "operating"),
    ],
)
def test_a_figure_in_digits(said: str, value: float, name: str) -> None:
    assert said.format(int(value)) in words(name)


@pytest.mark.parametrize(
    ("said", "value", "expected"),
    [
        ("every ten seconds", ticking.PERIOD, 10),
        ("expire after a day", tasks.EXPIRES, 86_400),
        ("holds five people at most", batching.CANARY_SIZE, 5),
        ("after ten in a row", accounts.FAILURES_UNTIL_PAUSE, 10),
        ("after three in a row the account rests", accounts.UNANSWERED_UNTIL_PROBE, 3),
        ("after six its campaigns pause", accounts.UNANSWERED_UNTIL_PAUSE, 6),
        (
            "after three in a row the account rests for 30 s",
            consequences.EXPIRIES_UNTIL_BLOCK,
            3,
        ),
        ("1, 2, 4 … 60 s", accounts.LONGEST_BACKOFF, 60),
        ("Up to a second, each lane", lanes.SHORT, 1),
        ("Up to a minute, one lane", lanes.LONG, 60),
    ],
)
def test_a_figure_in_words(said: str, value: float, expected: float) -> None:
    assert said in words("design")
    assert value == expected


def test_the_lease_that_operators_are_told() -> None:
    options = conf._read("default", {"API_KEY": "k"})
    lease = limits.GATE + options.longest_request + taking.LEASE_MARGIN
    assert lease == 75
    assert "75 s by default" in words("operating")
    assert "its lease ends after a minute" in words("operating")
    assert writing.LEASE == 60
