"""Why something is as it is, for readers of every language.

A worker writes it, whose language is nobody's: so the sentence is kept in English, for logs,
shells and programs, and beside it as a message id with its values, for pages.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext, override


class Reason:
    """`text` is a message id, marked with `gettext_noop`; a value may be a reason itself."""

    def __init__(self, text: str, **values: Any) -> None:
        self.text = text
        self.values = values

    def __str__(self) -> str:
        with override("en"):
            return _shown(self.words)

    @property
    def words(self) -> dict[str, Any]:
        values = {
            name: value.words if isinstance(value, Reason) else value
            for name, value in self.values.items()
        }
        return {"text": self.text, "values": values}


def words_of(reason: str | Reason) -> dict[str, Any]:
    return reason.words if isinstance(reason, Reason) else {}


def shown(english: str, words: dict[str, Any]) -> str:
    """In the reader's language; in English if the words are those of another reason."""
    if not words:
        return english
    with override("en"):
        is_the_same = _shown(words) == english
    return _shown(words) if is_the_same else english


def _shown(words: dict[str, Any]) -> str:
    values = {
        name: _shown(value) if isinstance(value, dict) else value
        for name, value in words["values"].items()
    }
    sentence = gettext(words["text"])
    return sentence % values if values else sentence
