"""The Arabic catalogue holds every string of the app, and its compiled form is up to date."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from gettext import GNUTranslations
from pathlib import Path

from django.utils.translation import gettext, override, pgettext
from django.utils.translation.template import templatize

import csms_campaigns

APP = Path(csms_campaigns.__file__).parent
MESSAGES = APP / "locale" / "ar" / "LC_MESSAGES"
SINGLE = {"_", "gettext", "gettext_lazy", "gettext_noop"}
MARKS = SINGLE | {"ngettext", "ngettext_lazy"}
WITH_CONTEXT = {"pgettext", "pgettext_lazy"}
BETWEEN = "\x04"
"""Stands in a catalogue between a context and its text."""
PLURALS = 6
# Its arguments may hold brackets in their quotes.
CALL = re.compile(
    r"""\b(?:_|[np]?gettext)\((?:[^()'"]|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")*\)""",
    re.DOTALL,
)

Text = tuple[str, bool]
"""A marked string, and whether it has plurals."""


def catalogue() -> dict[object, str]:
    with (MESSAGES / "django.mo").open("rb") as file:
        return dict(GNUTranslations(file)._catalog)  # type: ignore[attr-defined]


def marked_in(source: str) -> Iterator[Text]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            words = [str(a.value) for a in node.args if isinstance(a, ast.Constant)]
            if node.func.id in MARKS and words:
                yield words[0], node.func.id.startswith("ngettext")
            if node.func.id in WITH_CONTEXT:
                yield BETWEEN.join(words[:2]), False


def marked_in_template(path: Path) -> Iterator[Text]:
    prepared = templatize(path.read_text())
    for call in CALL.findall(prepared):
        yield from marked_in(call)


def everything() -> list[Text]:
    found = [
        text
        for path in APP.rglob("*.py")
        if "migrations" not in path.parts
        for text in marked_in(path.read_text())
    ]
    for path in APP.rglob("*.html"):
        found += marked_in_template(path)
    return sorted(set(found))


def test_the_search_for_strings_finds_those_of_pages_and_of_the_engine() -> None:
    found = dict(everything())
    assert found["Launch now"] is False
    assert found["It was cancelled."] is False
    assert found["the connection was refused"] is False
    assert found["%(count)d minute"] is True
    assert found[f"outcome{BETWEEN}Unknown"] is False
    assert found[f"of a campaign{BETWEEN}History"] is False
    assert len(found) > 300


def is_translated(words: dict[object, str], text: Text) -> bool:
    string, has_plurals = text
    keys = [(string, form) for form in range(PLURALS)] if has_plurals else [string]
    return all(words.get(key) for key in keys)


def test_every_string_is_translated() -> None:
    words = catalogue()
    missing = [text for text in everything() if not is_translated(words, text)]
    assert missing == [], "Run makemessages, translate and run compilemessages."


def shown(text: str) -> str:
    context, between, said = text.rpartition(BETWEEN)
    return pgettext(context, said) if between else gettext(said)


def test_a_page_shows_our_translation_and_not_that_of_another_app() -> None:
    # A text that Django has too is Django's to translate, unless it has a context.
    words = catalogue()
    single = [text for text, has_plurals in everything() if not has_plurals]
    with override("ar"):
        lost = [text for text in single if shown(text) != words.get(text, shown(text))]
    assert lost == [], "Translate these as Django does, or give them a context."


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)[sd]|\{\{.*?\}\}", text))


def test_a_translation_keeps_what_is_filled_in() -> None:
    single = {key: text for key, text in catalogue().items() if isinstance(key, str)}
    lost = [
        key for key in single if key and placeholders(single[key]) != placeholders(key)
    ]
    assert lost == []


def test_nothing_is_unsure() -> None:
    source = (MESSAGES / "django.po").read_text()
    assert "fuzzy" not in source
    assert "#~" not in source
    assert "nplurals=6; plural=" in source


def test_the_compiled_catalogue_is_that_of_the_source() -> None:
    lines = (MESSAGES / "django.po").read_text().splitlines()
    simple = [
        ast.literal_eval(line.removeprefix("msgid "))
        for before, line, after in zip(lines, lines[1:], lines[2:], strict=False)
        if line.startswith('msgid "') and after.startswith("msgstr ")
        if not before.startswith("msgctxt ")
    ]
    known = {key for key in catalogue() if isinstance(key, str)}
    assert {text for text in simple if text} <= known
    assert len(known) >= len(simple)
