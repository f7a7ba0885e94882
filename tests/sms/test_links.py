from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms_campaigns.sms.links import TouchedLink, breaks, broken_by, touched_links
from csms_campaigns.sms.placeholders import compile_message


def touched(text: str) -> list[tuple[str, str, bool]]:
    found = touched_links(compile_message(text))
    return [(link.name, link.link, link.is_glued) for link in found]


@pytest.mark.parametrize(
    "text",
    [
        "Hello {{ name }}",
        "Hello {{ name }}, see https://x.com/sale",
        "https://x.com/sale {{ name }}",
        "https://x.com/sale\n{{ name }}",
        "{{ name }} https://x.com",
        "No link: x.com/{{ name }}",
        "(https://x.com) {{ name }}",
    ],
)
def test_a_space_keeps_a_link_whole(text: str) -> None:
    assert touched(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Go: https://x.com/{{ code }}", ("code", "https://x.com/", False)),
        ("https://x.com/?c={{ code }}", ("code", "https://x.com/?c=", False)),
        ("https://x.com?c={{ code }}&d", ("code", "https://x.com?c=", False)),
        ("HTTP://x.com/a{{ code }}/b", ("code", "HTTP://x.com/a", False)),
        ("www.x.com/{{ code }}", ("code", "www.x.com/", False)),
        # The name of the site itself would be another one.
        ("https://x.com{{ code }}", ("code", "https://x.com", True)),
        ("https://{{ code }}/a", ("code", "https://", True)),
        ("www.{{ code }}", ("code", "www.", True)),
        ("{{ name }}https://x.com now", ("name", "https://x.com", True)),
    ],
)
def test_a_placeholder_that_touches_a_link(
    text: str, expected: tuple[str, str, bool]
) -> None:
    assert touched(text) == [expected]


def test_each_placeholder_of_a_link_is_named() -> None:
    assert touched("https://x.com/{{ a }}/{{ b }} {{ c }}") == [
        ("a", "https://x.com/", False),
        ("b", "https://x.com/{{ a }}/", False),
    ]


def test_the_same_fault_is_named_once() -> None:
    assert len(touched("https://x.com/{{ a }} https://x.com/{{ a }}")) == 1


@pytest.mark.parametrize("value", ["", "A-1_b~", "100%25", "a/b?c=d&e"])
def test_values_that_a_link_can_hold(value: str) -> None:
    assert not breaks(value)


@pytest.mark.parametrize("value", ["Ann Lee", "نورة", "a\nb", "é", '"', "{x}"])
def test_values_that_break_a_link(value: str) -> None:
    assert breaks(value)


def test_a_glued_link_is_broken_whatever_the_value() -> None:
    glued, path = (TouchedLink("n", "https://x", g) for g in (True, False))
    assert broken_by(glued, {"n": "a"})
    assert not broken_by(path, {"n": "a"})
    assert not broken_by(path, {})
    assert broken_by(path, {"n": "a b"})


@given(st.lists(st.sampled_from(["https://x/", " ", "{{ a }}", "b", "www.", "\n"])))
def test_whatever_is_written_every_fault_touches_a_link(parts: list[str]) -> None:
    for name, link, _glued in touched("".join(parts)):
        assert name == "a"
        assert link.startswith(("https://", "www."))
        assert not set(link.replace("{{ a }}", "")) & {" ", "\n"}
