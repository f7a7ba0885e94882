"""What went wrong on the wire, as one plain sentence that staff understand.

The kind alone: no sentence holds anything of the request, so none can hold the API key.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from typing import Final

from requests import exceptions as of_requests
from urllib3 import exceptions as of_urllib3

NO_NAME: Final = "the name of the gateway was not found"
NO_TLS: Final = "no secure connection could be made"
REFUSED: Final = "the connection was refused"
NOT_IN_TIME: Final = "no connection was made in time"
NO_CONNECTION: Final = "no connection could be made"
SILENCE: Final = "no answer came in time"
BROKEN: Final = "the connection broke before the answer was complete"
UNREADABLE: Final = "the answer could not be read"
TOO_LONG: Final = "the answer took too long"

SENTENCES: Final = frozenset(
    {
        NO_NAME,
        NO_TLS,
        REFUSED,
        NOT_IN_TIME,
        NO_CONNECTION,
        SILENCE,
        BROKEN,
        UNREADABLE,
        TOO_LONG,
    }
)

_TIMEOUTS: Final = (TimeoutError, of_urllib3.TimeoutError, of_requests.Timeout)
_BEFORE: Final[tuple[tuple[tuple[type[BaseException], ...], str], ...]] = (
    ((socket.gaierror, of_urllib3.NameResolutionError), NO_NAME),
    ((ssl.SSLError, of_urllib3.SSLError), NO_TLS),
    ((ConnectionRefusedError,), REFUSED),
    (_TIMEOUTS, NOT_IN_TIME),
    ((OSError, of_urllib3.HTTPError), NO_CONNECTION),
)
_AFTER: Final[tuple[tuple[tuple[type[BaseException], ...], str], ...]] = (
    (_TIMEOUTS, SILENCE),
    ((of_urllib3.DecodeError, of_requests.ContentDecodingError), UNREADABLE),
    ((OSError, of_urllib3.HTTPError, http.client.HTTPException), BROKEN),
)


def in_words(problem: BaseException, *, began: bool) -> str:
    """`began`: the first byte of the request may have left."""
    chain = list(_chain(problem))
    for kinds, sentence in _AFTER if began else _BEFORE:
        if any(isinstance(one, kinds) for one in chain):
            return sentence
    return f"something unexpected happened ({type(problem).__name__})"


def _chain(problem: BaseException) -> Iterator[BaseException]:
    """It and what it was made of: `requests` and `urllib3` wrap each other's."""
    waiting, seen = [problem], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inside = [one.__cause__, one.__context__, getattr(one, "reason", None)]
        waiting += [x for x in [*inside, *one.args] if isinstance(x, BaseException)]
