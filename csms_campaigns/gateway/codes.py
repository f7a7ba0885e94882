"""The words by which the gateway says why it refuses. Its documents name INVALID_API_KEY alone.

Codes and texts are compared in one form: upper case, everything else than letters and digits
as one underscore. A code counts when it begins with an entry, a text when it holds one.
"""

from __future__ import annotations

import re
from typing import Final

from csms_campaigns.gateway import errors

RATE_LIMIT: Final = ("RATE_LIMIT", "TOO_MANY_REQUESTS")
CREDITS: Final = (
    "INSUFFICIENT_CREDIT",
    "INSUFFICIENT_BALANCE",
    "INSUFFICIENT_FUNDS",
    "NO_CREDIT",
    "NOT_ENOUGH_CREDIT",
    "OUT_OF_CREDIT",
    "LOW_BALANCE",
)
KEY: Final = (
    "INVALID_API_KEY",
    "INACTIVE_API_KEY",
    "INVALID_OR_INACTIVE_API_KEY",
    "MISSING_API_KEY",
    "API_KEY_",
    "UNAUTHORIZED",
)
UNAVAILABLE: Final = ("UNAVAILABLE", "SERVICE_UNAVAILABLE", "MAINTENANCE")
TOO_MANY_NUMBERS: Final = (
    "TOO_MANY_NUMBERS",
    "TOO_MANY_RECIPIENTS",
    "TOO_MANY_PHONES",
    "BATCH_TOO_LARGE",
)
NUMBER: Final = ("INVALID_PHONE", "INVALID_NUMBER")
PERMANENT: Final = (
    *NUMBER,
    "INVALID_RECIPIENT",
    "NUMBER_INVALID",
    "NOT_A_VALID",
    "NOT_A_MOBILE",
    "LANDLINE",
    "UNKNOWN_SUBSCRIBER",
    "UNALLOCATED",
    "UNSUBSCRIBED",
    "OPTED_OUT",
    "BLACKLIST",
    "DO_NOT_CONTACT",
    "DO_NOT_DISTURB",
)
"""Of a single number: it would fail again. Whatever is not known may go better another time."""

TABLE: Final[tuple[tuple[tuple[str, ...], type[errors.Refused]], ...]] = (
    (RATE_LIMIT, errors.RateLimited),
    (CREDITS, errors.CreditsExhausted),
    (KEY, errors.KeyRefused),
    (TOO_MANY_NUMBERS, errors.TooManyNumbers),
    (NUMBER, errors.NumberRefused),
    (UNAVAILABLE, errors.Unavailable),
)
BY_STATUS: Final[dict[int, type[errors.Refused]]] = {
    401: errors.KeyRefused,
    402: errors.CreditsExhausted,
    429: errors.RateLimited,
    503: errors.Unavailable,
}


def canonical(words: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", words.upper()).strip("_")


def matches(entries: tuple[str, ...], code: str, text: str) -> bool:
    """Entries begin at a word: “casino credit” is not “no credit”."""
    words = f"_{canonical(text)}"
    begins = any(f"_{entry}" in words for entry in entries)
    return begins or canonical(code).startswith(entries)


def is_permanent(code: str, text: str) -> bool:
    """Is it in vain to text a number again that was refused in these words?"""
    return matches(PERMANENT, code, text)


def refusal(code: str, text: str, http_status: int) -> type[errors.Refused]:
    """The kind of a refusal: a word of its own decides before the HTTP status does."""
    for entries, kind in TABLE:
        if matches(entries, code, text):
            return kind
    return BY_STATUS.get(http_status, errors.Refused)
