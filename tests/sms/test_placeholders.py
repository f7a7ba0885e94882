from __future__ import annotations

import pickle
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms_campaigns.sms.placeholders import (
    MAX_FRAGMENT,
    MESSAGES,
    MissingValue,
    PlaceholderError,
    PlaceholderProblem,
    compile_message,
    normalise_name,
    unknown_names,
)


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("", {}, ""),
        ("No placeholder", {}, "No placeholder"),
        ("Hi {{ name }}!", {"name": "Ali"}, "Hi Ali!"),
        ("{{name}}", {"name": "Ali"}, "Ali"),
        ("{{\tname\n}}", {"name": "Ali"}, "Ali"),
        ("{{name}}{{city}}", {"name": "Ali", "city": "Aden"}, "AliAden"),
        ("{{ a }}, {{ b }}, {{ a }}", {"a": "1", "b": "2"}, "1, 2, 1"),
        ("{{ first name }}", {"first name": "Ali"}, "Ali"),
        ("{{  first   name }}", {"First Name": "Ali"}, "Ali"),
        ("{{ NAME }}", {"name": "Ali"}, "Ali"),
        ("{{ name }}", {" Name ": "Ali"}, "Ali"),
        ("{{ order-id }} {{ order_id }}", {"order-id": "1", "order_id": "2"}, "1 2"),
        ("{{ 2nd }}", {"2nd": "x"}, "x"),
        ("مرحبًا {{ الاسم }}", {"الاسم": "علي"}, "مرحبًا علي"),
        ("{{ اسم العميل }}", {"اسم العميل": "علي"}, "علي"),
        ("{{ \u200fالاسم\u200e }}", {"الاسم": "علي"}, "علي"),
        ("{{ مُحَمَّد }}", {"مُحَمَّد": "نعم"}, "نعم"),
        ("{{ caf\u00e9 }}", {"Cafe\u0301": "x"}, "x"),
        ("{{ total }}", {"total": 30}, "30"),
        ("{ name } {name} 100%", {}, "{ name } {name} 100%"),
    ],
)
def test_fill(text, values, expected):
    assert compile_message(text).fill(values) == expected


@pytest.mark.parametrize(
    "text",
    [
        '{{ name|default:"friend" }}',
        "{{ name|default:'friend' }}",
        '{{name|default:"friend"}}',
        '{{ name | default : "friend" }}',
        '{{ name|DEFAULT:"friend" }}',
        "{{ name|default:“friend” }}",
        "{{ name|default:”friend” }}",
        "{{ name|default:‘friend’ }}",
        '{{ name\u200f|\u200edefault:\u200f"friend"\u200f }}',
    ],
)
def test_a_default_stands_in_for_a_missing_value(text):
    message = compile_message(text)
    assert message.fill({}) == "friend"
    assert message.fill({"name": " "}) == "friend"
    assert message.fill({"name": "Ali"}) == "Ali"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{{ name|default:"" }}', ""),
        ('{{ name|default:" it\'s " }}', " it's "),
        ("{{ name|default:'a \"b\"' }}", 'a "b"'),
        ('{{ name|default:"عميلنا العزيز" }}', "عميلنا العزيز"),
        ('{{ name|default:"a|b" }}', "a|b"),
        ('{{ name|default:"it’s" }}', "it’s"),
        ('{{ name|default:"a\u200fb" }}', "a\u200fb"),
    ],
)
def test_a_default_is_kept_as_it_is_written(text, expected):
    assert compile_message(text).fill({}) == expected


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"name": ""},
        {"name": "  \t"},
        {"name": "\u00a0"},
        {"name": "\u200f\u200b"},
        {"name": None},
        {"Name": " "},
        {"nam": "Ali"},
    ],
)
def test_a_missing_value_without_default_is_named(values):
    with pytest.raises(MissingValue) as caught:
        compile_message("Hi {{ Name }}").fill(values)
    assert caught.value.name == "name"
    assert str(caught.value) == 'There is no value for "name".'


def test_a_value_that_is_only_a_sign_is_a_value():
    assert compile_message("{{ a }}").fill({"a": "-"}) == "-"
    assert compile_message("{{ a }}").fill({"a": "😀"}) == "😀"
    assert compile_message("{{ a }}").fill({"a": 0}) == "0"


def test_the_exact_key_comes_before_a_similar_one():
    values = {"NAME": "second", "name": "first"}
    assert compile_message("{{ name }}").fill(values) == "first"


def test_a_blank_key_gives_way_to_a_similar_one():
    assert compile_message("{{ name }}").fill({"name": "", "NAME": "Ali"}) == "Ali"


@pytest.mark.parametrize(
    "value",
    [
        "{{ city }}",
        "{{ name }}",
        '{{ x|default:"y" }}',
        "}} {{",
        "{% now %}",
        "%(city)s {city} $city \\1 \\g<0>",
    ],
)
def test_values_are_never_expanded_again(value):
    message = compile_message("Hi {{ name }} of {{ city }}")
    assert message.fill({"name": value, "city": "Aden"}) == f"Hi {value} of Aden"


def test_the_final_text_has_normalised_line_ends():
    message = compile_message('a\r\n{{ x }}\r{{ y|default:"p\r\nq" }}')
    assert message.fill({"x": "1\r\n2"}) == "a\n1\n2\np\nq"


def test_names_are_listed_once_in_order():
    message = compile_message('{{ B }}{{ a|default:"x" }}{{ b }}{{ First  Name }}')
    assert message.names == ("b", "a", "first name")
    assert message.required == ("b", "first name")


def test_a_name_with_and_without_default_is_required():
    message = compile_message('{{ a|default:"x" }} {{ a }}')
    assert message.required == ("a",)
    with pytest.raises(MissingValue):
        message.fill({})


def test_unknown_names_are_told_in_order():
    message = compile_message("{{ zip }} {{ Name }} {{ adress }} {{ phone }}")
    assert unknown_names(message, ["name", "PHONE ", "city"]) == ("zip", "adress")
    assert unknown_names(message, iter(message.names)) == ()
    assert unknown_names(compile_message("plain"), []) == ()


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ("Hi {{ name", "unclosed", 4),
        ("Hi {{ name }", "unclosed", 4),
        ("{{ name {{ city }}", "unclosed", 1),
        ("{{{ name }}}", "unclosed", 1),
        ("{{{ name }}", "unclosed", 1),
        ("{{ name }}}", "unclosed", 1),
        ("{{ {name} }}", "unclosed", 1),
        ("{{", "unclosed", 1),
        ("ok {{ a }} then {{ b", "unclosed", 17),
        ("Hi name }}", "unopened", 9),
        ("{ name }}", "unopened", 8),
        ("{{ a }} }}", "unopened", 9),
        ("a\r\n{{ }}", "empty", 3),
        ("{{}}", "empty", 1),
        ("{{ \u200f\u00a0 }}", "empty", 1),
        ('{{ |default:"x" }}', "empty", 1),
        ("{{ #if }}", "bad_name", 1),
        ("{{> part }}", "bad_name", 1),
        ("{{ 'name' }}", "bad_name", 1),
        ('{{ name "x" }}', "bad_name", 1),
        ('{{ name:"x" }}', "bad_name", 1),
        ("{{ a|upper }}", "bad_default", 1),
        ("{{ a| }}", "bad_default", 1),
        ("{{ a|default }}", "bad_default", 1),
        ("{{ a|default:friend }}", "bad_default", 1),
        ('{{ a|default:"friend }}', "bad_default", 1),
        ("{{ a|default:\"friend' }}", "bad_default", 1),
        ('{{ a|default:"x"|upper }}', "bad_default", 1),
        ('{{ a|default "x" }}', "bad_default", 1),
        ("a {% if x %} b", "tag", 3),
        ("{{ a }}{%now%}", "tag", 8),
    ],
)
def test_malformed_placeholders_are_refused_with_their_place(text, code, position):
    with pytest.raises(PlaceholderError) as caught:
        compile_message(text)
    error = caught.value
    assert (error.code, error.position) == (code, position)
    assert f"at character {position}" in str(error)
    assert f'"{error.fragment}"' in str(error)
    assert "{{ name }}" in str(error)


def test_each_problem_has_a_sentence():
    assert set(MESSAGES) == set(PlaceholderProblem)
    for sentence in MESSAGES.values():
        assert re.fullmatch(r".+\. Write .+\.|.+\. A name .+\.", sentence)


def test_a_long_fragment_is_shortened():
    with pytest.raises(PlaceholderError) as caught:
        compile_message("{{ name " + "and on it goes " * 1000)
    assert len(caught.value.fragment) <= MAX_FRAGMENT
    assert caught.value.fragment.startswith("{{ name and on")


def test_errors_cross_processes():
    with pytest.raises(PlaceholderError) as caught:
        compile_message("{{ a|upper }}")
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 (our own)
    assert (str(copy), copy.params) == (str(caught.value), caught.value.params)
    missing = pickle.loads(pickle.dumps(MissingValue("a")))  # noqa: S301 (our own)
    assert missing.name == "a"


def test_a_text_is_compiled_once():
    assert compile_message("Hi {{ name }}") is compile_message("Hi {{ name }}")


def test_one_message_serves_many_threads():
    message = compile_message("{{ a }}-{{ b }}-{{ a }}")
    people = [{"a": str(index), "b": "x" * (index % 7 + 1)} for index in range(2_000)]
    with ThreadPoolExecutor(4) as pool:
        texts = list(pool.map(message.fill, people))
    assert texts == [f"{one['a']}-{one['b']}-{one['a']}" for one in people]


def test_filling_leaves_the_values_alone():
    values = {"NAME": "Ali"}
    compile_message("{{ name }}").fill(values)
    assert values == {"NAME": "Ali"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (" First   Name ", "first name"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("الاسم\u200f", "الاسم"),
        ("نام\u200cخانوادگی", "نام\u200cخانوادگی"),
    ],
)
def test_names_have_one_form(name, expected):
    assert normalise_name(name) == expected


LITERALS = st.text(st.characters(exclude_characters="{}\r", codec="utf-8"), max_size=20)
VALUES = st.text(st.sampled_from("abم {}|%\"'😀"), min_size=1, max_size=12).filter(
    lambda value: bool(value.strip())
)


@given(st.lists(st.tuples(LITERALS, st.sampled_from("xyz"))), LITERALS, VALUES, VALUES)
def test_it_agrees_with_putting_the_text_together_by_hand(parts, tail, x, y):
    values = {"x": x, "y": y, "z": "Z"}
    text = "".join(f"{literal}{{{{ {name} }}}}" for literal, name in parts) + tail
    expected = "".join(literal + values[name] for literal, name in parts) + tail
    message = compile_message(text)
    assert message.fill(values) == expected
    assert set(message.names) == {name for _, name in parts}


@given(st.text(st.sampled_from("ab {}%|:\"'default\n"), max_size=40))
def test_any_text_compiles_or_is_refused(text):
    try:
        message = compile_message(text)
    except PlaceholderError as error:
        refused_at, filled = error.position, ""
    else:
        refused_at, filled = 0, message.fill(dict.fromkeys(message.names, "v"))
    assert not refused_at or text[refused_at - 1] in "{}"
    assert "{{" not in filled
    assert "}}" not in filled
