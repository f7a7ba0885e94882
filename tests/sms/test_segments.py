from __future__ import annotations

import pickle
import unicodedata
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from csms_campaigns.sms.segments import (
    BASIC,
    EXTENSION,
    MAX_CULPRITS,
    MAX_POSITIONS,
    Culprit,
    analyse,
    normalise_line_ends,
)

# 3GPP TS 23.038 section 6.2.1, column by column as the specification prints it, by the
# names of the characters: a second copy that shares no typing with the first.
COLUMN_0 = """COMMERCIAL AT|POUND SIGN|DOLLAR SIGN|YEN SIGN|LATIN SMALL LETTER E WITH GRAVE|
LATIN SMALL LETTER E WITH ACUTE|LATIN SMALL LETTER U WITH GRAVE|
LATIN SMALL LETTER I WITH GRAVE|LATIN SMALL LETTER O WITH GRAVE|
LATIN CAPITAL LETTER C WITH CEDILLA|LATIN CAPITAL LETTER O WITH STROKE|
LATIN SMALL LETTER O WITH STROKE|LATIN CAPITAL LETTER A WITH RING ABOVE|
LATIN SMALL LETTER A WITH RING ABOVE"""
COLUMN_1 = """GREEK CAPITAL LETTER DELTA|LOW LINE|GREEK CAPITAL LETTER PHI|
GREEK CAPITAL LETTER GAMMA|GREEK CAPITAL LETTER LAMDA|GREEK CAPITAL LETTER OMEGA|
GREEK CAPITAL LETTER PI|GREEK CAPITAL LETTER PSI|GREEK CAPITAL LETTER SIGMA|
GREEK CAPITAL LETTER THETA|GREEK CAPITAL LETTER XI|LATIN CAPITAL LETTER AE|
LATIN SMALL LETTER AE|LATIN SMALL LETTER SHARP S|LATIN CAPITAL LETTER E WITH ACUTE"""
NATIONAL = """INVERTED EXCLAMATION MARK|LATIN CAPITAL LETTER A WITH DIAERESIS|
LATIN CAPITAL LETTER O WITH DIAERESIS|LATIN CAPITAL LETTER N WITH TILDE|
LATIN CAPITAL LETTER U WITH DIAERESIS|SECTION SIGN|INVERTED QUESTION MARK|
LATIN SMALL LETTER A WITH DIAERESIS|LATIN SMALL LETTER O WITH DIAERESIS|
LATIN SMALL LETTER N WITH TILDE|LATIN SMALL LETTER U WITH DIAERESIS|
LATIN SMALL LETTER A WITH GRAVE|CURRENCY SIGN"""
EXTENDED = """CIRCUMFLEX ACCENT|LEFT CURLY BRACKET|RIGHT CURLY BRACKET|REVERSE SOLIDUS|
LEFT SQUARE BRACKET|TILDE|RIGHT SQUARE BRACKET|VERTICAL LINE|EURO SIGN"""


def by_name(*tables: str) -> set[str]:
    names = "|".join(tables).replace("\n", "").split("|")
    return {unicodedata.lookup(name) for name in names}


ASCII_IN_BASIC = {chr(code) for code in range(0x20, 0x7F)} - set("$@^{}\\[~]|`_")
SPEC_BASIC = by_name(COLUMN_0, COLUMN_1, NATIONAL) | ASCII_IN_BASIC | set("\n\r")
SPEC_EXTENSION = by_name(EXTENDED) | {"\f"}


def pack(text: str) -> tuple[str, int, int, int, int]:
    """Slow and plain: put one character after the other into segments."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if all(char in SPEC_BASIC | SPEC_EXTENSION for char in text):
        encoding, single, room = "GSM-7", 160, 153
        widths = [2 if char in SPEC_EXTENSION else 1 for char in text]
    else:
        encoding, single, room = "UCS-2", 70, 67
        widths = [len(char.encode("utf-16-le")) // 2 for char in text]
    if sum(widths) <= single:
        room = single
    segments: list[int] = []
    for width in widths:
        if not segments or segments[-1] + width > room:
            segments.append(0)
        segments[-1] += width
    left = room - segments[-1] if segments else room
    return encoding, sum(widths), len(segments), room, left


def measured(text: str) -> tuple[str, int, int, int, int]:
    found = analyse(text)
    return (
        found.encoding,
        found.units,
        found.segments,
        found.per_segment,
        found.left,
    )


def test_the_tables_are_those_of_the_specification():
    assert set(BASIC) == SPEC_BASIC
    assert set(EXTENSION) == SPEC_EXTENSION
    # 128 places, one of which is the escape to the extension table.
    assert len(BASIC) == len(set(BASIC)) == 127
    assert len(EXTENSION) == len(set(EXTENSION)) == 10


@pytest.mark.parametrize("char", sorted(SPEC_BASIC - {"\r"}))
def test_each_character_of_the_basic_table_costs_one_septet(char):
    assert measured(char) == ("GSM-7", 1, 1, 160, 159)


@pytest.mark.parametrize("char", sorted(SPEC_EXTENSION))
def test_each_character_of_the_extension_table_costs_two_septets(char):
    assert measured(char) == ("GSM-7", 2, 1, 160, 158)


@pytest.mark.parametrize("char", sorted(SPEC_EXTENSION))
def test_the_same_characters_cost_one_unit_in_ucs_2(char):
    assert measured("م" + char) == ("UCS-2", 2, 1, 70, 68)


@pytest.mark.parametrize(
    "char", ["ç", "`", "\t", "\x1b", "“", "’", "–", "…", "\u00a0", "\u200f", "م", "٣"]
)
def test_what_gsm_7_lacks_forces_ucs_2(char):
    assert measured("a" + char) == ("UCS-2", 2, 1, 70, 68)


@pytest.mark.parametrize(
    ("text", "units", "segments", "per_segment", "left"),
    [
        ("", 0, 0, 160, 160),
        ("a" * 160, 160, 1, 160, 0),
        ("a" * 161, 161, 2, 153, 145),
        ("a" * 306, 306, 2, 153, 0),
        ("a" * 307, 307, 3, 153, 152),
        ("a" * 158 + "€", 160, 1, 160, 0),
        ("a" * 159 + "€", 161, 2, 153, 145),
        # The pair of the euro sign would straddle: the quotient says 2.
        ("a" * 152 + "€" + "a" * 152, 306, 3, 153, 152),
        ("a" * 151 + "€" + "a" * 153, 306, 2, 153, 0),
        # Each pushed pair pushes the next: 76 pairs fit a segment, not 76.5.
        ("€" * 80, 160, 1, 160, 0),
        ("€" * 152, 304, 2, 153, 1),
        ("€" * 153, 306, 3, 153, 151),
    ],
)
def test_gsm_7(text, units, segments, per_segment, left):
    assert measured(text) == ("GSM-7", units, segments, per_segment, left)


@pytest.mark.parametrize(
    ("text", "units", "segments", "per_segment", "left"),
    [
        ("م" * 70, 70, 1, 70, 0),
        ("م" * 71, 71, 2, 67, 63),
        ("م" * 134, 134, 2, 67, 0),
        ("م" * 135, 135, 3, 67, 66),
        ("ç" + "a" * 70, 71, 2, 67, 63),
        ("😀", 2, 1, 70, 68),
        ("😀" * 35, 70, 1, 70, 0),
        ("😀" * 36, 72, 2, 67, 61),
        # A surrogate pair never straddles: the quotient says 2.
        ("م" * 66 + "😀" + "م" * 66, 134, 3, 67, 66),
        ("م" * 65 + "😀" + "م" * 67, 134, 2, 67, 0),
        ("😀" * 67, 134, 3, 67, 65),
    ],
)
def test_ucs_2(text, units, segments, per_segment, left):
    assert measured(text) == ("UCS-2", units, segments, per_segment, left)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a\r\nb", "a\nb"),
        ("a\rb", "a\nb"),
        ("a\n\r\n\rb\r", "a\n\n\nb\n"),
        ("\r\r\n", "\n\n"),
        ("plain", "plain"),
    ],
)
def test_line_ends_are_normalised_before_counting(raw, expected):
    assert normalise_line_ends(raw) == expected
    assert analyse(raw) == analyse(expected)
    assert analyse(raw).units == len(expected)


def test_a_browsers_line_ends_are_not_paid_for_twice():
    assert analyse("ab\r\n" * 53).segments == analyse("ab\n" * 53).segments == 1


def test_culprits_are_the_characters_that_force_ucs_2():
    culprits = analyse("It’s “ready”, it’s €5").culprits
    assert culprits == (
        Culprit("’", 2, (2, 16)),
        Culprit("“", 1, (5,)),
        Culprit("”", 1, (11,)),
    )
    assert culprits[0].name == "RIGHT SINGLE QUOTATION MARK"


def test_culprits_that_cannot_be_seen_have_a_name():
    names = [culprit.name for culprit in analyse("a\u00a0b\u200bc\x01").culprits]
    assert names == ["NO-BREAK SPACE", "ZERO WIDTH SPACE", "U+0001"]


def test_a_gsm_7_text_has_no_culprits():
    assert analyse("Hello {world} €").culprits == ()
    assert analyse("").culprits == ()


def test_culprits_are_bounded_but_their_count_is_complete():
    many = "".join(chr(0x0621 + index) for index in range(25)) + "ي" * 500
    culprits = analyse(many).culprits
    assert len(culprits) == MAX_CULPRITS
    (culprit,) = analyse("م" * 500).culprits
    assert culprit.count == 500
    assert culprit.positions == tuple(range(MAX_POSITIONS))


def test_positions_are_those_of_the_text_with_normalised_line_ends():
    assert analyse("a\r\nم").culprits == (Culprit("م", 1, (2,)),)


def test_an_analysis_is_a_value():
    analysis = analyse("Hello")
    assert analysis == analyse("Hello")
    assert hash(analysis) == hash(analyse("Hello"))
    assert pickle.loads(pickle.dumps(analysis)) == analysis  # noqa: S301 (our own)
    assert "Hello" not in repr(analysis)
    with pytest.raises(FrozenInstanceError):
        analysis.units = 1  # type: ignore[misc]


GSM_TEXT = st.text(st.sampled_from(BASIC + EXTENSION * 5), max_size=700)
ANY_TEXT = st.text(st.sampled_from("abمن\n\r€{😀🕌ç’" + BASIC), max_size=320)
BORDER = st.builds(
    lambda head, pair, tail: "a" * head + pair + "a" * tail,
    st.integers(140, 165),
    st.sampled_from(["€", "😀", "€€", "م😀😀"]),
    st.integers(140, 165),
)
UCS_BORDER = st.builds(
    lambda head, pair, tail: "م" * head + pair + "م" * tail,
    st.integers(60, 72),
    st.sampled_from(["€", "😀", "😀😀😀"]),
    st.integers(60, 72),
)


@given(GSM_TEXT | ANY_TEXT | BORDER | UCS_BORDER | st.text(max_size=100))
@example("a" * 152 + "€" + "a" * 152)
@example("")
def test_it_agrees_with_packing_character_by_character(text):
    assert measured(text) == pack(text)


@given(GSM_TEXT | ANY_TEXT | UCS_BORDER)
def test_a_text_has_culprits_exactly_if_it_needs_ucs_2(text):
    analysis = analyse(text)
    assert bool(analysis.culprits) == (analysis.encoding == "UCS-2")
    for culprit in analysis.culprits:
        for position in culprit.positions:
            assert normalise_line_ends(text)[position] == culprit.char


@given(ANY_TEXT, ANY_TEXT)
def test_a_longer_text_never_costs_less(head, tail):
    assert analyse(head + tail).segments >= analyse(head).segments
