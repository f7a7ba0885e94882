from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from csms_campaigns.admin.phones import PhoneField, looks_like_number, prefixes
from csms_campaigns.admin.sentences import NUMBERS, PLACEHOLDERS
from csms_campaigns.sms import numbers, placeholders


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("+12125551234", "+12125551234"),
        ("(212) 555-1234", "+12125551234"),
        ("٢١٢٥٥٥١٢٣٤", "+12125551234"),
        ("+٩٦٦ ٥٠ ١٢٣ ٤٥٦٧", "+966501234567"),
        ("00966501234567", "+966501234567"),
    ],
)
def test_any_way_of_writing_a_number_becomes_e164(typed: str, stored: str) -> None:
    assert PhoneField().clean(typed) == stored


def test_the_default_region_completes_a_local_number(settings: Any) -> None:
    settings.CSMS_CAMPAIGNS = {**settings.CSMS_CAMPAIGNS, "DEFAULT_REGION": "SA"}
    assert PhoneField().clean("٠٥٠١٢٣٤٥٦٧") == "+966501234567"


def test_a_bad_number_is_refused_with_one_translated_sentence() -> None:
    with pytest.raises(ValidationError) as refused:
        PhoneField().clean("12")
    assert refused.value.messages == [numbers.MESSAGES[numbers.NumberError.TOO_SHORT]]
    with translation.override("ar"):
        with pytest.raises(ValidationError) as refused:
            PhoneField().clean("12")
        assert refused.value.messages[0].startswith("الرقم قصير.")


def test_a_number_counts_as_changed_only_when_it_is_another() -> None:
    assert not PhoneField().has_changed("+12125551234", "+12125551234")
    assert PhoneField().has_changed("+12125551234", "+12125559999")


def test_the_repeated_sentences_are_those_of_the_text_rules() -> None:
    with translation.override("en"):
        assert {code: str(text) for code, text in NUMBERS.items()} == numbers.MESSAGES
        repeated = {code: str(text) for code, text in PLACEHOLDERS.items()}
        assert repeated == placeholders.MESSAGES


@pytest.mark.parametrize(
    ("term", "found"),
    [
        ("+1212", ["+1212"]),
        ("٠٠٩٦٦٥٠", ["+96650"]),
        ("212 55", ["+121255", "+21255"]),
        ("(212) 555-1234", ["+12125551234", "+2125551234"]),
        ("0", ["+0"]),
        ("+", []),
    ],
)
def test_a_search_term_may_begin_several_numbers(term: str, found: list[str]) -> None:
    assert prefixes(term) == found


@pytest.mark.parametrize(
    ("term", "is_number"),
    [
        ("+1 (212)", True),
        ("٩٦٦", True),
        ("Sara", False),
        ("Area 51", False),
        ("-", False),
    ],
)
def test_letters_make_a_term_a_name(term: str, is_number: bool) -> None:
    assert looks_like_number(term) is is_number
