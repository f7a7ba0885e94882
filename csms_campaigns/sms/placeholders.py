"""Placeholders: `{{ name }}` and `{{ name|default:"friend" }}`, and nothing more.

Not a template language: a text is split once and its pieces are joined a million
times; what a contact's attribute holds is never read as a placeholder itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from csms_campaigns.sms.segments import normalise_line_ends

# Bidi marks and the like, which Arabic keyboards and right-to-left editors put in.
# Not the (non-)joiners: in Persian and in Indian scripts they are part of a word.
_UNSEEN = dict.fromkeys(
    [0x00AD, 0x061C, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF]
    + [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)

# Whatever stands between exactly two braces on each side.
_BRACES = re.compile(r"(?<!\{)\{\{([^{}]*)\}\}(?!\})")
_STRAY = re.compile(r"\{\{|\}\}|\{%[^{}]*%\}")
_GAP = rf"[\s{''.join(map(chr, _UNSEEN))}]*"
# Phones and word processors curl the quotes as one types.
_DEFAULT = re.compile(
    rf"{_GAP}default{_GAP}:{_GAP}"
    r"(?:\"([^\"]*)\"|'([^']*)'|[“”„]([^“”„]*)[“”]|[‘’‚]([^‘’‚]*)[‘’])"
    rf"{_GAP}",
    re.IGNORECASE,
)
_FORBIDDEN_IN_NAME = re.compile(r"[|:\"'“”„‘’‚<>=]")


class PlaceholderProblem(StrEnum):
    UNCLOSED = "unclosed"
    UNOPENED = "unopened"
    EMPTY = "empty"
    BAD_NAME = "bad_name"
    BAD_DEFAULT = "bad_default"
    TAG = "tag"


MESSAGES = {
    PlaceholderProblem.UNCLOSED: (
        'The placeholder "%(fragment)s" at character %(position)d is not closed. '
        "Write {{ name }}, with two braces on each side."
    ),
    PlaceholderProblem.UNOPENED: (
        'There are closing braces without a placeholder before them: "%(fragment)s" '
        "at character %(position)d. Write {{ name }}, or remove the braces."
    ),
    PlaceholderProblem.EMPTY: (
        'The placeholder "%(fragment)s" at character %(position)d is empty. Write the '
        "name of a column between the braces, for example {{ name }}."
    ),
    PlaceholderProblem.BAD_NAME: (
        'The placeholder "%(fragment)s" at character %(position)d has no usable name. '
        "A name begins with a letter or a digit, for example {{ name }}."
    ),
    PlaceholderProblem.BAD_DEFAULT: (
        'What follows the | in "%(fragment)s" at character %(position)d is not '
        'understood. Write {{ name }} or {{ name|default:"friend" }}.'
    ),
    PlaceholderProblem.TAG: (
        'Tags such as "%(fragment)s" at character %(position)d do not work in a text '
        'message. Write {{ name }} or {{ name|default:"friend" }}.'
    ),
}
"""English sentences by code, for callers that translate them with `error.params`."""

MAX_FRAGMENT = 40


class PlaceholderError(ValueError):
    """The text is malformed; `position` counts characters from 1."""

    def __init__(self, code: PlaceholderProblem, fragment: str, position: int) -> None:
        self.code = code
        self.fragment = fragment[:MAX_FRAGMENT].strip()
        self.position = position
        self.params = {"fragment": self.fragment, "position": position}
        super().__init__(MESSAGES[code] % self.params)

    def __reduce__(
        self,
    ) -> tuple[type[PlaceholderError], tuple[PlaceholderProblem, str, int]]:
        return PlaceholderError, (self.code, self.fragment, self.position)


class MissingValue(LookupError):
    """A recipient has no value for a placeholder without a default."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f'There is no value for "{self.name}".'


@dataclass(frozen=True, slots=True)
class Placeholder:
    name: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A compiled text. Immutable, so one may serve many threads."""

    pieces: tuple[str | Placeholder, ...]
    names: tuple[str, ...]
    """Normalised, each once, in order of appearance."""
    required: tuple[str, ...]
    """Those of `names` for which a missing value leaves the recipient out."""
    _frame: tuple[str, ...] = field(repr=False)
    _holes: tuple[tuple[int, Placeholder], ...] = field(repr=False)

    def fill(self, values: Mapping[str, object]) -> str:
        """The final text, with normalised line ends; `MissingValue` if that can't be.

        Keys are matched like names, without case; keys that `normalise_name` made
        already are found at once.
        """
        pieces = list(self._frame)
        for index, placeholder in self._holes:
            value = values.get(placeholder.name)
            # One look at the first letter spares nearly every value the full test.
            if not (isinstance(value, str) and value[:1].isalnum()):
                value = _value_or_default(placeholder, values)
            pieces[index] = value
        return normalise_line_ends("".join(pieces))

    def with_constants(self, constants: Mapping[str, str]) -> Message:
        """The same text, with these placeholders filled in for everybody."""
        if not any(name in constants for name in self.names):
            return self
        return _message(
            constants.get(piece.name, piece)
            if isinstance(piece, Placeholder)
            else piece
            for piece in self.pieces
        )


@lru_cache(maxsize=1024)
def normalise_name(name: str) -> str:
    """One form for names of attributes and placeholders: no case, single spaces."""
    folded = unicodedata.normalize("NFC", name).translate(_UNSEEN).casefold()
    return " ".join(folded.split())


@lru_cache(maxsize=64)
def compile_message(text: str) -> Message:
    """Raises `PlaceholderError`, which says where and what to write."""
    return _message(_pieces(normalise_line_ends(text)))


def _message(given: Iterable[str | Placeholder]) -> Message:
    pieces = tuple(given)
    found = [piece for piece in pieces if isinstance(piece, Placeholder)]
    return Message(
        pieces=pieces,
        names=_unique(piece.name for piece in found),
        required=_unique(piece.name for piece in found if piece.default is None),
        _frame=tuple(piece if isinstance(piece, str) else "" for piece in pieces),
        _holes=tuple(
            (index, piece)
            for index, piece in enumerate(pieces)
            if isinstance(piece, Placeholder)
        ),
    )


def unknown_names(message: Message, known: Iterable[str]) -> tuple[str, ...]:
    """The message's names that are none of the known ones, which may be in any case."""
    normalised = {normalise_name(name) for name in known}
    return tuple(name for name in message.names if name not in normalised)


def _pieces(text: str) -> Iterable[str | Placeholder]:
    end = 0
    for match in _BRACES.finditer(text):
        yield from _literal(text, end, match.start())
        yield _placeholder(match)
        end = match.end()
    yield from _literal(text, end, len(text))


def _literal(text: str, start: int, end: int) -> Iterable[str]:
    if stray := _STRAY.search(text, start, end):
        position = stray.start() + 1
        if stray[0] == "{{":
            fragment = text[stray.start() :]
            raise PlaceholderError(PlaceholderProblem.UNCLOSED, fragment, position)
        if stray[0] == "}}":
            fragment = text[max(start, stray.start() - 20) : stray.end()]
            raise PlaceholderError(PlaceholderProblem.UNOPENED, fragment, position)
        raise PlaceholderError(PlaceholderProblem.TAG, stray[0], position)
    if start < end:
        yield text[start:end]


def _placeholder(match: re.Match[str]) -> Placeholder:
    raw_name, bar, rest = match[1].partition("|")
    name = normalise_name(raw_name)
    if not name:
        raise _problem(PlaceholderProblem.EMPTY, match)
    if _FORBIDDEN_IN_NAME.search(name) or not _may_begin_name(name[0]):
        raise _problem(PlaceholderProblem.BAD_NAME, match)
    if not bar:
        return Placeholder(name)
    default = _DEFAULT.fullmatch(rest)
    if default is None:
        raise _problem(PlaceholderProblem.BAD_DEFAULT, match)
    return Placeholder(
        name, next(group for group in default.groups() if group is not None)
    )


def _may_begin_name(char: str) -> bool:
    # Signs before a name mean something in other languages ({{#if}}, {{> part}}).
    return char.isalnum() or char == "_"


def _problem(code: PlaceholderProblem, match: re.Match[str]) -> PlaceholderError:
    return PlaceholderError(code, match[0], match.start() + 1)


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _value_or_default(placeholder: Placeholder, values: Mapping[str, object]) -> str:
    name = placeholder.name
    if text := _visible(values.get(name)):
        return text
    for key, value in values.items():
        if normalise_name(key) == name and (text := _visible(value)):
            return text
    if placeholder.default is None:
        raise MissingValue(name)
    return placeholder.default


def _visible(value: object) -> str:
    """The value as text; empty if a reader would see nothing."""
    text = "" if value is None else str(value)
    return text if text.translate(_UNSEEN).strip() else ""
