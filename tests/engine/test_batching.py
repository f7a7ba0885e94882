"""Who shares a request with whom: decided without a database."""

from __future__ import annotations

import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms_campaigns.engine import batching
from csms_campaigns.engine.batching import CANARY_SIZE, Batcher, Row
from csms_campaigns.engine.people import Person
from csms_campaigns.sms.placeholders import compile_message
from csms_campaigns.sms.segments import analyse

pytestmark = pytest.mark.once


def person(index: int, city: str = "Riyadh", **options: object) -> Person:
    values = {"city": city, "name": f"P{index}"} if city else {}
    return Person(index, f"+1212{1000000 + index}", False, values, **options)  # type: ignore[arg-type]


def assign(people: list[Person], message: str = "Hi", size: int = 100) -> list[Row]:
    return Batcher(compile_message(message), size).assign(people)


def sizes(rows: list[Row]) -> list[int]:
    counted = Counter(row.group.number for row in rows if row.group)
    return [counted[number] for number in sorted(counted)]


@pytest.mark.parametrize(
    ("people", "size", "expected"),
    [
        (1, 100, [1]),
        (5, 100, [5]),
        (6, 100, [5, 1]),
        (105, 100, [5, 100]),
        (206, 100, [5, 100, 100, 1]),
        (7, 3, [3, 3, 1]),
        (4, 1, [1, 1, 1, 1]),
        (12, 5, [5, 5, 2]),
    ],
)
def test_the_first_batch_is_small_and_the_others_are_full(
    people: int, size: int, expected: list[int]
) -> None:
    assert sizes(assign([person(i) for i in range(people)], size=size)) == expected
    assert CANARY_SIZE == 5


def test_people_with_the_same_text_share_a_batch_wherever_they_stand() -> None:
    people = [person(i, ["Riyadh", "Jeddah", "Dammam"][i % 3]) for i in range(90)]
    rows = assign(people, "Hi {{ city }}")
    assert sizes(rows) == [5, 30, 30, 25]
    texts = {row.group.number: row.group.message for row in rows if row.group}
    assert texts == {1: "Hi Riyadh", 2: "Hi Jeddah", 3: "Hi Dammam", 4: "Hi Riyadh"}


def test_a_group_goes_on_in_the_next_slice() -> None:
    batcher = Batcher(compile_message("Hi"), 100)
    first = batcher.assign([person(i) for i in range(50)])
    second = batcher.assign([person(i) for i in range(50, 105)])
    assert sizes(first + second) == [5, 100]
    assert first[-1].group is second[0].group


def test_who_is_left_out_takes_no_place() -> None:
    people = [
        Person(1, "+12125551001", True, {}),
        Person(2, "12125551002", False, {}),
        Person(3, "", False, {}),
        Person(4, "+12125551004", False, {}),
        Person(5, "+12125551005", False, {"city": "Jeddah"}),
    ]
    rows = assign(people, "Hi {{ city }}")
    assert [(row.skip_reason, row.error) for row in rows] == [
        ("opted_out", ""),
        ("invalid_phone", "12125551002"),
        ("invalid_phone", ""),
        ("missing_placeholder", "city"),
        ("", ""),
    ]
    assert [row.group is None for row in rows] == [True, True, True, True, False]
    assert sizes(rows) == [1]


@pytest.mark.parametrize(
    "number",
    ["+0123456789", "+1212", "+1234567890123456", "+1212555100a", " +12125551001"],
)
def test_only_e164_goes_out(number: str) -> None:
    assert assign([Person(1, number, False, {})])[0].skip_reason == "invalid_phone"


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("مرحبا", 1),
        ("م" * 70, 1),
        ("م" * 71, 2),
        ("م" * 135, 3),
        ("a" * 152 + "€" + "a" * 152, 3),
    ],
)
def test_segments_are_those_of_the_final_text(text: str, segments: int) -> None:
    [row] = assign([person(1, text)], "{{ city }}")
    assert row.group is not None
    assert row.group.segments == segments


def test_line_ends_are_one_character_in_text_and_values() -> None:
    [row] = assign([person(1, "a\r\nb\rc")], "x\r\n{{ city }}")
    assert row.group is not None
    assert row.group.message == "x\na\nb\nc"


def test_texts_that_differ_only_in_line_ends_share_a_batch() -> None:
    people = [person(1, "a\r\nb"), person(2, "a\nb")]
    assert sizes(assign(people, "{{ city }}")) == [2]


def test_a_value_that_looks_like_a_placeholder_stays_as_it_is() -> None:
    [row] = assign([person(1, "{{ name }}")], "Hi {{ city }}")
    assert row.group is not None
    assert row.group.message == "Hi {{ name }}"


def test_open_groups_are_bounded_and_nobody_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batching, "MAX_OPEN_GROUPS", 10)
    batcher = Batcher(compile_message("Hi {{ city }}"), 100)
    people = [person(i, f"C{i % 40}") for i in range(400)]
    rows = batcher.assign(people)
    assert len(batcher.open_groups) == 10
    assert sum(sizes(rows)) == 400
    assert batcher.batch_count == 400
    for row, who in zip(rows, people, strict=True):
        assert row.group is not None
        assert row.group.message == f"Hi {who.values['city']}"


cities = st.lists(st.sampled_from(string.ascii_lowercase[:6]), max_size=300)


@given(cities=cities, size=st.integers(1, 40), cut=st.integers(0, 300))
def test_whatever_comes_the_batches_are_whole(
    cities: list[str], size: int, cut: int
) -> None:
    people = [person(i, city) for i, city in enumerate(cities)]
    batcher = Batcher(compile_message("Hi {{ city }}"), size)
    rows = batcher.assign(people[:cut]) + batcher.assign(people[cut:])
    groups = {row.group.number: row.group for row in rows if row.group}
    assert sorted(groups) == list(range(1, batcher.batch_count + 1))
    assert [row.phone for row in rows] == [one.phone for one in people]
    for row, one in zip(rows, people, strict=True):
        assert row.group is not None
        assert row.group.message == f"Hi {one.values['city']}"
    counted = Counter(row.group.number for row in rows if row.group)
    for number, group in groups.items():
        bound = min(size, CANARY_SIZE) if number == 1 else size
        assert group.size == counted[number] <= group.capacity == bound
        assert group.segments == analyse(group.message).segments
    # As few requests as there can be: one batch that is not full for each text.
    loose = Counter(g.message for g in groups.values() if g.size < g.capacity)
    assert not loose or max(loose.values()) == 1
