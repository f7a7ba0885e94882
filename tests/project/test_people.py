"""The demo's contacts: as many as promised, in both languages, none of them twice."""

from __future__ import annotations

from collections import Counter
from math import ceil
from pathlib import Path

import pytest

from csms_campaigns.sms.numbers import normalise
from csms_campaigns.sms.segments import analyse
from project.demo import people, prepare

pytestmark = pytest.mark.once

MAGIC = {"0001", "0002", "0003", "0004", "0005", "0006", "0007"}


def test_there_are_two_thousand_different_people() -> None:
    phones = [phone for phone, _name, _city in people.rows()]
    assert len(phones) == len(set(phones)) == 2000


def test_every_number_is_valid_as_it_stands() -> None:
    assert all(normalise(p, "US") == p for p, _name, _city in people.rows())


def test_only_the_meant_numbers_are_magic() -> None:
    endings = Counter(p[-4:] for p, _n, _c in people.rows() if p[-4:] in MAGIC)
    assert endings == {"0001": 4, "0006": 3, "0003": 1}


def test_the_lost_answer_meets_a_small_city() -> None:
    towns = [town for town in people.TOWNS if "0003" in town.magic]
    assert [town.people for town in towns] == [38]


def test_a_reader_sees_twenty_to_thirty_requests() -> None:
    requests = sum(ceil(town.people / 100) for town in people.TOWNS if town.city)
    assert 20 <= requests <= 30


def test_names_and_cities_are_english_and_arabic() -> None:
    texts = [f"{name} {city}" for _phone, name, city in people.rows()]
    arabic = sum("\u0600" <= text[0] <= "\u06ff" for text in texts)
    assert 500 < arabic < 1500


def test_those_who_opted_out_are_contacts() -> None:
    phones = {phone for phone, _name, _city in people.rows()}
    assert set(people.OPTED_OUT) <= phones
    assert len(people.OPTED_OUT) == 12


def test_the_text_is_one_segment_in_every_city() -> None:
    for town in people.TOWNS:
        text = prepare.TEXT.replace("{{ city }}", town.city)
        assert analyse(text).segments == 1


def test_the_file_has_a_header_and_a_row_for_each(tmp_path: Path) -> None:
    people.write(tmp_path / "contacts.csv")
    lines = (tmp_path / "contacts.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "phone,name,city"
    assert len(lines) == 2001
