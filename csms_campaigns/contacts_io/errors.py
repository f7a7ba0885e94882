"""Why a file was refused, and why a row of it was left out."""

from __future__ import annotations


class ImportFailed(Exception):  # noqa: N818 - the name that callers know
    """The file is refused and nothing was written. `str(error)` is one translated sentence."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class BadRow(Exception):  # noqa: N818 - no error of the program: counted and reported
    """This row is left out; the import goes on."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code
