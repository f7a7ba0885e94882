"""The how-to for staff names what stands on the pages, and shows them as they are."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, document, documents

pytestmark = pytest.mark.once

ENGLISH, ARABIC = document("docs/staff.md"), document("docs/staff-ar.md")
CATALOGUE = (ROOT / "csms_campaigns/locale/ar/LC_MESSAGES/django.po").read_text("utf-8")
PAIR = re.compile(
    r'^msgid ((?:"[^\n]*"\n)+)(?:msgid_plural [^\n]*\n)?msgstr(?:\[0\])? ((?:"[^\n]*"\n?)+)',
    re.MULTILINE,
)
PICTURES = sorted((ROOT / "docs/images").glob("*.png"))
WIDTH, MOST_BYTES = 1280, 150_000

# Django's own words, the statuses' names in a sentence, and what people write.
DJANGO = {"Add", "without", "hours of each recipient", "with its follow-ups", "city"}
SAID = {"إيقاف", "الإطلاق", "ساعات كل مستلم"}


def joined(lines: str) -> str:
    return "".join(line[1:-1] for line in lines.splitlines()).replace('\\"', '"')


TRANSLATED = {joined(said): joined(meant) for said, meant in PAIR.findall(CATALOGUE)}
IN_ENGLISH = {text.casefold() for text in TRANSLATED}
IN_ARABIC = set(TRANSLATED.values())


def named(text: str, pattern: str) -> set[str]:
    return {" ".join(found.split()) for found in re.findall(pattern, text)}


def test_the_english_names_are_those_of_the_pages() -> None:
    names = named(ENGLISH.prose, r"(?<![*\w])\*([^*]+)\*(?![*\w])") - DJANGO
    assert len(names) > 30
    assert {name for name in names if not is_on_a_page(name, IN_ENGLISH)} == set()


def test_the_arabic_names_are_those_of_the_pages() -> None:
    names = named(ARABIC.prose, r"«([^»]+)»") - SAID
    assert len(names) > 30
    assert {name for name in names if not is_on_a_page(name, IN_ARABIC)} == set()


def is_on_a_page(name: str, texts: set[str]) -> bool:
    """Whole, without an addition in brackets, or as the first sentence."""
    folded = name.casefold()
    begins = (f"{folded} (", f"{folded}. ")
    return any(text == folded or text.startswith(begins) for text in texts)


def test_both_languages_have_the_same_steps() -> None:
    assert len(ENGLISH.headings()) == len(ARABIC.headings())
    steps = re.compile(r"^(\d)\. ", re.MULTILINE)
    assert steps.findall(ENGLISH.text) == steps.findall(ARABIC.text)
    assert [len(row) for row in ENGLISH.rows()] == [len(row) for row in ARABIC.rows()]


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_a_picture_is_shown_and_is_small(picture: Path) -> None:
    shown = {Path(link).name for found in documents() for link in found.links()}
    assert picture.name in shown
    content = picture.read_bytes()
    assert struct.unpack(">I", content[16:20]) == (WIDTH,)
    assert len(content) < MOST_BYTES
