"""Why a file was refused, and why a row of it was left out."""

from __future__ import annotations


class ImportFailed(Exception):
    """The file is refused and nothing was written. `str(error)` is one translated sentence."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class BadRow(Exception):
    """This row is left out; the import goes on. `column` is the one that the code is about."""

    def __init__(self, code: str, column: str = "") -> None:
        super().__init__(code, column)
        self.code = code
        self.column = column
