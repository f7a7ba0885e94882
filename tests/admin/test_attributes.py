from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from csms_campaigns.admin.attributes import AttributesField, as_lines
from csms_campaigns.sms.placeholders import normalise_name

field = AttributesField(required=False)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("", {}),
        ("city: Paris", {"city": "Paris"}),
        ("City : Paris\n\nshop: 12:30", {"city": "Paris", "shop": "12:30"}),
        ("المدينة: الرياض", {"المدينة": "الرياض"}),
        ('{"city": "Paris"}', {"city": "Paris"}),
        ("empty:", {"empty": ""}),
    ],
)
def test_lines_and_json_become_texts_by_name(
    typed: str, stored: dict[str, str]
) -> None:
    assert field.clean(typed) == stored


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("city", "Line 1 is not “name: value”. Write for example city: Paris."),
        ("a: 1\n: 2", "Line 2 is not “name: value”. Write for example city: Paris."),
        ("a: 1\na: 2", "“a” stands there twice. Keep one of the lines."),
        (
            '{"age": 42}',
            'Every value must be text. Put it in quotes, such as {"age": "42"}.',
        ),
        (
            "{nonsense",
            "This is not valid JSON. Write “name: value” on each line instead.",
        ),
    ],
)
def test_what_is_neither_is_refused_in_one_sentence(typed: str, sentence: str) -> None:
    with pytest.raises(ValidationError) as refused:
        field.clean(typed)
    assert refused.value.messages == [sentence]


def test_deeply_nested_json_is_refused_like_any_other() -> None:
    with pytest.raises(ValidationError):
        field.clean('{"a":' + "[" * 100_000)


def test_a_value_that_fits_no_line_is_shown_as_json() -> None:
    assert as_lines({"a": "one\ntwo"}).startswith("{")
    assert as_lines({"a": "one"}) == "a: one"


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@given(st.dictionaries(texts.map(normalise_name).filter(bool), texts, max_size=4))
def test_what_is_shown_reads_back_as_the_same(attributes: dict[str, str]) -> None:
    shown = field.prepare_value(attributes)
    assert field.clean(shown) == attributes
    assert not field.has_changed(attributes, shown)
