"""Reads the project's documents: headings, tables, links, code blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`]+)`")
CELLS = re.compile(r"(?<!\\)\|")


class Block(NamedTuple):
    language: str
    text: str


@dataclass(frozen=True)
class Document:
    """One Markdown file, or one section of it."""

    name: str
    text: str

    @property
    def path(self) -> Path:
        return ROOT / self.name

    @property
    def prose(self) -> str:
        """Without code blocks: a comment in them is no heading."""
        return FENCE.sub("", self.text)

    def blocks(self) -> list[Block]:
        return [Block(*found) for found in FENCE.findall(self.text)]

    def headings(self) -> list[str]:
        return [text for _marks, text in HEADING.findall(self.prose)]

    def anchors(self) -> set[str]:
        return {slug(heading) for heading in self.headings()}

    def links(self) -> list[str]:
        return LINK.findall(CODE.sub("", self.prose))

    def rows(self) -> list[list[str]]:
        """Cells of all table rows, without the headers' underlines."""
        lines = [line for line in self.prose.splitlines() if line.startswith("| ")]
        cells = [[c.strip() for c in CELLS.split(line)[1:-1]] for line in lines]
        return [row for row in cells if not set("".join(row)) <= set("-: ")]

    def entries(self) -> set[str]:
        """What is in backticks in a heading or in the first cell of a table row."""
        places = [*self.headings(), *(row[0] for row in self.rows())]
        return {code for place in places for code in CODE.findall(place)}

    def section(self, word: str) -> Document:
        """The part under the heading that holds `word`, with the headings below it."""
        code = [range(*found.span()) for found in FENCE.finditer(self.text)]
        marks = [
            (found.start(), len(found[1]), found[2])
            for found in HEADING.finditer(self.text)
            if not any(found.start() in part for part in code)
        ]
        starts = [(at, depth) for at, depth, heading in marks if word in heading]
        assert starts, f"{self.name} has no heading with {word}"
        start, level = starts[0]
        later = (at for at, depth, _h in marks if at > start and depth <= level)
        return Document(self.name, self.text[start : next(later, len(self.text))])


def slug(heading: str) -> str:
    """The anchor that GitHub makes of a heading."""
    words = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return words.replace(" ", "-")


def document(name: str) -> Document:
    return Document(name, (ROOT / name).read_text(encoding="utf-8"))


def documents() -> list[Document]:
    """Everything that a reader is sent to."""
    top = [path.name for path in ROOT.glob("*.md")]
    docs = [f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")]
    return [document(name) for name in sorted(top + docs)]
