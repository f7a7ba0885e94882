"""Structured logs: every record of ours carries the ids it is about, and hides phone numbers.

`account`, `campaign_id`, `batch_id` and `attempt_id` are attributes of each record (None where
there is none), so a JSON formatter sees them and a plain one may name them.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from csms_campaigns import conf

FIELDS: Final = ("account", "campaign_id", "batch_id", "attempt_id")

_about: ContextVar[Mapping[str, Any]] = ContextVar("csms_about", default={})  # noqa: B039 never changed in place

# Runs of fewer than ten bare digits are ids; dates have no plus and no brackets.
NUMBER: Final = re.compile(
    r"\+\d(?:[\s().-]{0,2}\d){6,14}"
    r"|\(\d{3}\)[\s.-]{0,2}\d{3}[\s.-]?\d{4}"
    r"|(?<![\w.:/-])\d{3}[-.]\d{3}[-.]\d{4}(?!\w)"
    r"|(?<![\w.:/-])\d{10,15}(?!\w)"
)


@contextmanager
def about(**ids: Any) -> Iterator[None]:
    """What is logged inside, in this thread, is about these."""
    token = _about.set({**_about.get(), **ids})
    try:
        yield
    finally:
        _about.reset(token)


def logger(name: str) -> logging.Logger:
    found = logging.getLogger(name)
    if _FIELDS not in found.filters:
        found.addFilter(_FIELDS)
    return found


def masked(text: str) -> str:
    """`+12125551234` becomes `+1212•••1234`."""
    return NUMBER.sub(_mask, text)


def _mask(found: re.Match[str]) -> str:
    number = "".join(c for c in found[0] if c.isdigit() or c == "+")
    return f"{number[: min(5, len(number) - 7)]}•••{number[-4:]}"


class _Fields(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        for name in FIELDS:
            if not hasattr(record, name):
                setattr(record, name, _about.get().get(name))
        if not conf.log_numbers():
            _hide_numbers(record)
        return True


def _hide_numbers(record: logging.LogRecord) -> None:
    said = record.getMessage()
    if (hidden := masked(said)) != said:
        record.msg, record.args = hidden, None
    if record.exc_info and record.exc_info[0] is not None:
        told = "".join(traceback.format_exception(*record.exc_info)).rstrip()
        if (hidden := masked(told)) != told:
            # A formatter would write the exception anew, with the number.
            record.exc_info, record.exc_text = None, hidden


_FIELDS: Final = _Fields()
