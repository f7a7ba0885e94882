"""What opts a person out when they reply it, and what does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms_campaigns.sms.stop_words import STOP_WORDS, is_stop

STOPS = [
    *(
        "STOP",
        "stop",
        "Stop.",
        " stop! ",
        "STOP\n",
        "«stop»",
        "“Stop”",
        "ＳＴＯＰ",
        "stop 🛑",
    ),
    *(
        "StopAll",
        "Stop all",
        "UNSUBSCRIBE",
        "end",
        "Quit",
        "cancel",
        "Opt-out",
        "optout",
    ),
    *("Stop texting me", "please STOP", "Remove me", "\u200fSTOP\u200f"),
    *("إلغاء", "الغاء", "إلغاء!", "إِلْغَاءٌ", "الغـــاء", "ألغاء", "إلغاء الاشتراك"),
    *(
        "إيقاف",
        "ايقاف",
        "إيقاف الرسائل",
        "توقف",
        "توقّف",
        "قف",
        "قِفْ.",
        "أوقف",
        "اوقف الرسايل",
    ),
    *("أوقفوا الرسائل", "كفى", "كفي", "ستوب", "؟توقف"),
]
OTHERS = [
    *(
        "",
        " ",
        "!",
        "🛑",
        "Stop by tomorrow?",
        "Don't stop",
        "non-stop",
        "stopped",
        "the end",
    ),
    *("When does it end?", "cancel my order", "unsubscribed from nothing", "weekend"),
    *(
        "لا تتوقف",
        "متى يتوقف العرض",
        "توقف عند المتجر",
        "موقف",
        "الغاء الموعد غدا",
        "وقف",
    ),
    *("START", "yes", "نعم", "شكرا", "0", "stop" * 100, "STOP " * 1000),
]


@pytest.mark.parametrize("text", STOPS)
def test_a_stop_word_however_it_is_written(text: str) -> None:
    assert is_stop(text)


@pytest.mark.parametrize("text", OTHERS)
def test_a_sentence_is_none(text: str) -> None:
    assert not is_stop(text)


@given(
    st.sampled_from(sorted(STOP_WORDS)), st.text(alphabet=" .!؟,\n\u200e\u0640\u064b")
)
def test_what_is_not_said_changes_nothing(word: str, around: str) -> None:
    if len(around) < 30:
        assert is_stop(around + word.upper() + around)


@given(st.text(max_size=200))
def test_any_text_has_an_answer(text: str) -> None:
    assert is_stop(text) in (True, False)


def test_words_are_known_in_the_form_in_which_they_are_compared() -> None:
    assert all(is_stop(word) for word in STOP_WORDS)
    assert "" not in STOP_WORDS
