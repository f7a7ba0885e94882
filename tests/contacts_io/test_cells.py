"""What comes in is clean, what goes out is no formula."""

from __future__ import annotations

import pytest

from csms_campaigns.contacts_io.cells import clean, lengthened, safe, safe_phone


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("  Ann  ", "Ann"),
        ("Ann\nLee", "Ann Lee"),
        ("Ann\r\n\tLee", "Ann Lee"),
        ("\x00Ann\x07", "Ann"),
        ("\ufeffAnn", "Ann"),
        ("\xa0Ann\u2003", "Ann"),
        ("أحمد\u200cرضا", "أحمد\u200cرضا"),
        ("two  spaces", "two  spaces"),
        ("\n", ""),
    ],
)
def test_control_characters_become_a_space(raw: str, cleaned: str) -> None:
    assert clean(raw) == cleaned


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋"])
def test_a_formula_gets_an_apostrophe(sign: str) -> None:
    assert safe(f"{sign}1+1") == f"'{sign}1+1"
    assert safe(f"  {sign}1+1") == f"'  {sign}1+1"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ann;=1+1", "Ann;'=1+1"),
        ("Ann; \xa0=1+1;-2", "Ann; \xa0'=1+1;'-2"),
        ('a";@x', "a\";'@x"),
        ("a\n=1\r\n＋1\t=2", "a\n'=1\r\n'＋1\t'=2"),
        ("=1;=2", "'=1;'=2"),
    ],
)
def test_nor_is_one_what_follows_a_separator_of_other_countries(
    text: str, shown: str
) -> None:
    assert safe(text) == shown


@pytest.mark.parametrize(
    "text", ["", "Ann", "1=1", "أحمد", "a@b.c", " ", "a; b", "a;b=c", "a, -1"]
)
def test_other_text_stays(text: str) -> None:
    assert safe(text) == text


def test_a_phone_keeps_its_plus() -> None:
    assert safe_phone("+12125551234") == "+12125551234"
    assert safe_phone("") == ""


@pytest.mark.parametrize("text", ["+1-2", "+1 2", "=1", "+cmd|' /C calc'!A0", "-12"])
def test_what_only_resembles_a_phone_is_made_safe(text: str) -> None:
    assert safe_phone(text) == f"'{text}"


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("9.66512345678E+11", "966512345678"),
        (" 9,66512345678e11 ", "966512345678"),
        ("9.665123456780E+11", "966512345678"),
        ("9.66512E+11", "9.66512E+11"),
        ("9E+11", "9E+11"),
        ("9.665123456785E+11", "9.665123456785E+11"),
        ("+12125550101", "+12125550101"),
        ("", ""),
    ],
)
def test_a_shortened_number_is_lengthened_if_no_digit_is_lost(
    text: str, digits: str
) -> None:
    assert lengthened(text) == digits
