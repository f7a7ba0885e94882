"""Reads the settings' values from environment variables; a bad one is one sentence that names it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})


class Environment:
    """Typed look-ups. An empty variable counts as one that is not set."""

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = os.environ if variables is None else variables

    def text(self, name: str, default: str = "") -> str:
        return self._variables.get(name, "").strip() or default

    def has(self, name: str) -> bool:
        return self.text(name) != ""

    def flag(self, name: str, default: bool) -> bool:
        return self._read(name, default, _flag, "1 or 0")

    def whole(self, name: str, default: int) -> int:
        return self._read(name, default, _whole, "a whole number from 1, such as 100")

    def seconds(self, name: str, default: float | None) -> float | None:
        return self._read(name, default, _seconds, "seconds, such as 0.3")

    def timeout(self, name: str, default: tuple[float, float]) -> tuple[float, float]:
        """Connect and read, in seconds: `2.5,60`."""
        return self._read(name, default, _timeout, "two times in seconds: 2.5,60")

    def limits(
        self, name: str, default: list[tuple[int, float]]
    ) -> list[tuple[int, float]]:
        """(requests, seconds): `100/60,5000/3600`."""
        wanted = "requests/seconds, separated by commas: 100/60,5000/3600,50000/86400"
        return self._read(name, default, _limits, wanted)

    def words(self, name: str, default: list[str]) -> list[str]:
        return self._read(name, default, _words, "names separated by commas")

    def address(self, name: str, default: str, *schemes: str) -> str:
        """A URL with one of the schemes."""

        def read(text: str) -> str:
            if urlsplit(text).scheme not in schemes:
                raise ValueError
            return text

        wanted = "an address that begins with " + " or ".join(
            f"{s}://" for s in schemes
        )
        return self._read(name, default, read, wanted)

    def _read(self, name: str, default: T, read: Callable[[str], T], wanted: str) -> T:
        text = self.text(name)
        if not text:
            return default
        try:
            return read(text)
        except ValueError:
            # The value is not repeated: an address may hold a password.
            message = f"The environment variable {name} is wrong: set it to {wanted}."
            raise ImproperlyConfigured(message) from None


def _flag(text: str) -> bool:
    if text.lower() not in TRUE | FALSE:
        raise ValueError
    return text.lower() in TRUE


def _whole(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise ValueError
    return number


def _positive(text: str) -> float:
    number = _seconds(text)
    if number == 0:
        raise ValueError
    return number


def _timeout(text: str) -> tuple[float, float]:
    connect, read = text.split(",")
    return _positive(connect), _positive(read)


def _limits(text: str) -> list[tuple[int, float]]:
    pairs = [pair.split("/") for pair in text.split(",")]
    return [(_whole(limit), _positive(seconds)) for limit, seconds in pairs]


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
