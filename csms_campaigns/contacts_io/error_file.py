"""The rows that were left out, as a CSV file which exists only if there are any."""

from __future__ import annotations

import csv
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from django.utils.translation import gettext as _

from csms_campaigns.contacts_io.cells import safe, safe_phone
from csms_campaigns.contacts_io.errors import ImportFailed
from csms_campaigns.contacts_io.problems import sentence

COLUMNS = ("line", "phone", "problem", "code")


class ErrorFile:
    """Written beside its place and moved there at the end: a refused file leaves none."""

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self._path = Path(path) if path is not None else None
        self._file: TextIO | None = None
        self._writer: Any = None

    def add(self, line: int, phone: str, code: str, column: str = "") -> None:
        if self._path is None:
            return
        try:
            if self._file is None:
                self._open(self._part(self._path))
            row = (line, safe_phone(phone), safe(sentence(code, column)), code)
            self._writer.writerow(row)
        except OSError as error:
            raise self._unwritable() from error

    @property
    def written(self) -> Path | None:
        return self._path if self._file is not None else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is None or self._path is None:
            return
        part = self._part(self._path)
        try:
            self._file.close()
            if error is None:
                part.replace(self._path)
        except OSError as cause:
            raise self._unwritable() from cause
        finally:
            with suppress(OSError):
                part.unlink()

    def _open(self, part: Path) -> None:
        self._file = part.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(COLUMNS)

    def _part(self, path: Path) -> Path:
        return path.with_name(f"{path.name}.part")

    def _unwritable(self) -> ImportFailed:
        message = _(
            "The file of errors “%(path)s” cannot be written. Name another place for it."
        )
        return ImportFailed(message % {"path": self._path}, "errors_unwritable")
