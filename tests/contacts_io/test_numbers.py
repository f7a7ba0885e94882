"""Lists of numbers as they come: with a header or without, in any column, pasted."""

from __future__ import annotations

import io

import pytest

from csms_campaigns.contacts_io.errors import ImportFailed
from csms_campaigns.contacts_io.numbers import numbers_in, numbers_of

ONE, TWO = "+12125550101", "+12125550102"


def read(text: str, encoding: str = "utf-8") -> list[tuple[int, str]]:
    return list(numbers_in(io.BytesIO(text.encode(encoding))))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1256"])
def test_numbers_alone(encoding: str) -> None:
    assert read(f"{ONE}\n\n{TWO}\n", encoding) == [(1, ONE), (3, TWO)]


def test_a_single_number() -> None:
    assert read(ONE) == [(1, ONE)]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_with_a_header(separator: str) -> None:
    lines = [["name", "Phone Number", "date"], ["Ada", ONE, "x"], ["Ben", TWO, "y"]]
    text = "\r\n".join(separator.join(line) for line in lines)
    assert read(text) == [(2, ONE), (3, TWO)]


def test_a_table_without_a_header() -> None:
    assert read(f"Ada,{ONE},x\nBen,{TWO},y\n") == [(1, ONE), (2, TWO)]


def test_a_row_that_is_too_short_holds_no_number() -> None:
    assert read(f"Ada,{ONE}\nBen\n") == [(1, ONE), (2, "")]


@pytest.mark.parametrize("text", ["", " \n\n", "\0\1\2", "name,city\nAda,Oslo\n"])
def test_what_holds_no_numbers_is_refused(text: str) -> None:
    with pytest.raises(ImportFailed):
        read(text)


def test_pasted() -> None:
    text = f" {ONE}\r\n\n{TWO}, 212 555 0103;\t050 123 4567 ، +966501234567 "
    assert list(numbers_of(text)) == [
        (1, ONE),
        (3, TWO),
        (3, "212 555 0103"),
        (3, "050 123 4567"),
        (3, "+966501234567"),
    ]
