from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms_campaigns.sms.segments import BASIC, EXTENSION, analyse, is_gsm
from csms_campaigns.sms.smart_encoding import (
    REPLACEMENTS,
    Change,
    Replacement,
    changes,
    instead,
    replacements,
    simplified,
    smart_encoding,
)

LONG = "Your order is ready at our shop. " * 4
ARABIC = "مرحبًا بك في متجرنا، طلبك جاهز للاستلام… نراك قريبًا – شكرًا لك على ثقتك "


@pytest.mark.parametrize(
    ("typed", "encoded"),
    [
        ("“ready”", '"ready"'),
        ("it’s ‘on’", "it's 'on'"),
        ("«now»", '"now"'),
        ("9–5 — daily − or ‑ so", "9-5 - daily - or - so"),
        ("wait…", "wait..."),
        ("10\u00a0000\u202fSAR\u2009!", "10 000 SAR !"),
        ("ze\u200bro\ufeff wi\u200fdth\u00ad", "zero width"),
        ("a\tb", "a b"),
        ("one\u2028two\u0085three", "one\ntwo\nthree"),
        ("` ´", "' '"),
        ("ＳＡＬＥ！", "SALE!"),
        ("cafe\u0301", "café"),
        ("man\u0303ana", "mañana"),
        ("\u2126 \u2206 \u212b", "Ω Δ Å"),
    ],
)
def test_typographic_characters_become_gsm_7(typed, encoded):
    assert smart_encoding(LONG + typed) == LONG + encoded
    assert analyse(LONG + encoded).encoding == "GSM-7"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello",
        LONG,
        # No segment is saved: one stays one.
        "It’s ready",
        "“" * 30,
        # Still UCS-2 afterwards: nothing is gained.
        LONG + "“ready” 😀",
        LONG + "“façade”",
        LONG + "papá…",
        "👨\u200d👩\u200d👧 " * 20,
        # Three full stops for each ellipsis would cost what GSM-7 saves.
        "…" * 70,
    ],
)
def test_a_text_that_would_not_cost_less_stays_as_it_is(text):
    assert smart_encoding(text) == text
    assert replacements(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        ARABIC,
        ARABIC * 3,
        LONG + "“" + ARABIC,
        "\u200f" * 80 + "م",
        "می\u200cخواهم – " * 20,
        LONG + "؟",
        LONG + "٣",
    ],
)
def test_arabic_text_is_never_altered(text):
    assert smart_encoding(text) == text
    assert replacements(text) == ()


def test_the_replacements_are_listed_for_a_diff():
    text = LONG + "“It’s”\u00a0it’s…"
    start = len(LONG)
    assert replacements(text) == (
        Replacement("“", '"', (start,)),
        Replacement("’", "'", (start + 3, start + 9)),
        Replacement("”", '"', (start + 5,)),
        Replacement("\u00a0", " ", (start + 6,)),
        Replacement("…", "...", (start + 11,)),
    )
    assert replacements(text)[3].name == "NO-BREAK SPACE"


def test_a_joined_accent_is_listed_with_both_its_characters():
    (replacement,) = replacements(LONG + "cafe\u0301")
    assert (replacement.char, replacement.replacement) == ("e\u0301", "é")
    assert replacement.name == "LATIN SMALL LETTER E + COMBINING ACUTE ACCENT"


def test_the_table_only_leads_into_gsm_7_and_touches_nothing_that_is_in_it():
    gsm = set(BASIC + EXTENSION)
    assert set("".join(REPLACEMENTS.values())) <= gsm
    assert not gsm & set(REPLACEMENTS)


def test_a_shortened_text_keeps_its_placeholders():
    text = "Dear {{ name|default:“friend” }}, " + LONG
    assert '{{ name|default:"friend" }}' in smart_encoding(text)


TYPED = st.text(
    st.sampled_from("abc é\n\r€" + "".join(REPLACEMENTS) + "e\u0301مç😀"), max_size=200
)
MOSTLY_PLAIN = st.builds(lambda tail: LONG * 2 + tail, TYPED)


@given(TYPED | MOSTLY_PLAIN)
def test_it_lowers_the_cost_or_changes_nothing(text):
    encoded = smart_encoding(text)
    if encoded != text:
        assert analyse(encoded).segments < analyse(text).segments
        assert analyse(encoded).encoding == "GSM-7"
    assert smart_encoding(encoded) == encoded


@given(TYPED | MOSTLY_PLAIN)
def test_the_listed_replacements_make_the_encoded_text(text):
    plain = analyse(text).text
    changes = {
        position: change
        for change in replacements(text)
        for position in change.positions
    }
    pieces, position = [], 0
    while position < len(plain):
        change = changes.get(position)
        pieces.append(change.replacement if change else plain[position])
        position += len(change.char) if change else 1
    expected = "".join(pieces) if changes else text
    assert smart_encoding(text) == expected


@pytest.mark.parametrize(
    ("char", "written"),
    [
        ("’", "'"),
        ("…", "..."),
        ("\u00a0", " "),
        ("\u200f", ""),
        ("ç", "c"),
        ("á", "a"),
        ("ł", "l"),
        ("½", "1/2"),
        ("™", "TM"),
        ("²", "2"),
        ("ﬁ", "fi"),
        ("→", "->"),
        ("م", None),
        ("ﻡ", None),
        ("٣", None),
        ("ш", None),
        ("😀", None),
        ("漢", None),
    ],
)
def test_what_a_person_may_write_instead(char: str, written: str | None) -> None:
    assert instead(char) == written


@given(st.characters(exclude_categories=["Cs"]))
def test_what_is_written_instead_is_gsm_7(char: str) -> None:
    written = instead(char)
    assert written is None or (written != char and is_gsm(written))


def test_a_diff_of_the_text_in_the_box() -> None:
    assert changes("It’s {{ na–me }} – ok") == (
        Change("It", "It"),
        Change("’", "'"),
        Change("s ", "s "),
        Change("{{ na–me }}", "{{ na–me }}"),
        Change(" ", " "),
        Change("–", "-"),
        Change(" ok", " ok"),
    )


@pytest.mark.parametrize("text", [ARABIC, "It’s 😀", "“façade”", ""])
def test_a_text_that_stays_ucs_2_is_not_simplified(text: str) -> None:
    assert simplified(text) == text


def test_whole_scripts_of_braces_stay_as_they_are() -> None:
    text = "{{ name|default:“friend” }} – {{ naïve }}"
    assert simplified(text) == "{{ name|default:“friend” }} - {{ naïve }}"


@given(TYPED | MOSTLY_PLAIN)
def test_a_diff_holds_both_texts(text: str) -> None:
    found = changes(text)
    assert "".join(change.old for change in found) == analyse(text).text
    assert "".join(change.new for change in found) == simplified(text)
    if simplified(text) != analyse(text).text:
        assert is_gsm(simplified(text))
