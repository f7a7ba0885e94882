"""The shared texts of an Excel file: on disk, and read no further than they are asked for."""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self
from zipfile import ZipFile, ZipInfo

from csms_campaigns.contacts_io.xlsx_xml import (
    LONGEST_TEXT,
    Part,
    damaged,
    local,
    plain,
    too_large,
)

MOST_TEXTS: Final = 10_000_000
"""A million rows with ten texts of their own; 80 MB."""
KEPT: Final = 512
"""Texts of a column with few values, such as cities, come again and again."""
WAITING_BYTES: Final = 1 << 15


class SharedStrings:
    """`strings[number]`. In memory is only where each begins: eight bytes for a text."""

    def __init__(self, package: ZipFile, info: ZipInfo | None) -> None:
        self._starts = array("Q", [0])
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self._waiting = bytearray()
        self._recent: dict[int, str] = {}
        self._text: list[str] = []
        self._length = 0
        self._muted = 0
        self._steps = self._read(package, info) if info else iter(())

    def __getitem__(self, number: int) -> str:
        text = self._recent.get(number)
        if text is None:
            text = self._load(number)
            if len(self._recent) >= KEPT:
                self._recent.clear()
            self._recent[number] = text
        return text

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def _load(self, number: int) -> str:
        self._read_until(number)
        begin, end = self._starts[number], self._starts[number + 1]
        written = self._starts[-1] - len(self._waiting)
        if end > written:
            self._flush()
        return os.pread(self._file.fileno(), end - begin, begin).decode()

    def _read_until(self, number: int) -> None:
        while number >= len(self._starts) - 1:
            try:
                next(self._steps)
            except StopIteration:
                raise damaged() from None

    def _flush(self) -> None:
        self._file.seek(0, os.SEEK_END)
        self._file.write(self._waiting)
        self._file.flush()
        self._waiting.clear()

    def _read(self, package: ZipFile, info: ZipInfo) -> Iterator[None]:
        self._part = Part(package, info, self._begin, self._end)
        yield from self._part.steps()

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        del attributes
        name = local(tag)
        if name == "si":
            self._text, self._length = [], 0
        elif name == "rPh":
            # How a name is pronounced is no part of it.
            self._muted += 1
        elif name == "t" and not self._muted:
            self._part.collect(self._more)

    def _more(self, text: str) -> None:
        self._length += len(text)
        if self._length > LONGEST_TEXT:
            raise too_large()
        self._text.append(text)

    def _end(self, tag: str) -> None:
        name = local(tag)
        if name == "t":
            self._part.collect(None)
        elif name == "rPh":
            self._muted -= 1
        elif name == "si":
            data = plain("".join(self._text)).encode("utf-8", "replace")
            self._waiting += data
            self._starts.append(self._starts[-1] + len(data))
            if len(self._starts) > MOST_TEXTS:
                raise too_large()
            if len(self._waiting) > WAITING_BYTES:
                self._flush()
