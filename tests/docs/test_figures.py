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


def test_what_a_key_allows() -> None:
    options = conf._read("default", {"API_KEY": "k"})
    rows = document("docs/scaling.md").section("What a key allows").rows()[1:]
    said = [[int(cell.replace(",", "")) for cell in row[1:]] for row in rows]
    limits = [window.limit for window in options.rate_limits]
    assert said == [[n, n * options.batch_size, n] for n in limits]


def test_what_ten_keys_need() -> None:
    options = conf._read("default", {"API_KEY": "k"})
    minute, _hour, day = options.rate_limits
    said = document("docs/scaling.md").section("What ten keys need").rows()[1:]
    for row, each in zip(said[:4], (1, options.batch_size, 2, 35), strict=True):
        for keys, cell in zip((1, 10), row[1:], strict=True):
            quick, steady = (
                float(x.strip(")").replace(",", "")) for x in cell.split(" (")
            )
            assert quick == pytest.approx(
                keys * each * minute.limit / minute.seconds, rel=0.02
            )
            assert steady == pytest.approx(
                keys * each * day.limit / day.seconds, rel=0.04
            )
    lanes = said[4]
    assert [int(cell) for cell in lanes[1:]] == [
        options.concurrency,
        options.concurrency * 10,
    ]


def test_how_many_lanes_are_enough() -> None:
    options = conf._read("default", {"API_KEY": "k"})
    a_second = options.rate_limits[0].limit / options.rate_limits[0].seconds
    for many, said in ((options.concurrency, "2.4 s"), (16, "9.6 s")):
        assert said == f"{many / a_second:.1f} s"
        assert said in words("scaling")
