"""The one place that speaks to the gateway. Everything comes in by the constructor."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import requests

from csms_campaigns import __version__
from csms_campaigns.gateway.answers import read_answer
from csms_campaigns.gateway.errors import (
    AnswerLost,
    GatewayError,
    PermitExpired,
    Unreachable,
)
from csms_campaigns.gateway.failures import TOO_LONG, in_words
from csms_campaigns.gateway.receipts import Receipt
from csms_campaigns.gateway.transport import Gate, GuardedAdapter, Line

MAX_BODY: Final = 8 * 1024 * 1024
CHUNK: Final = 65_536
HEADERS: Final = {
    "Content-Type": "application/json",
    "Accept": "application/json",
    "User-Agent": f"csms_campaigns/{__version__}",
    "Connection": "close",
}


class Answer(NamedTuple):
    http_status: int
    headers: Mapping[str, str]
    """Found by name without case."""
    body: bytes


def _open() -> None:
    """The gate of callers that need none."""


class GatewayClient:
    """Sends one text to some numbers in one request.

    `timeout` is (connect, read) in seconds; their sum bounds the whole request. The key is in
    no `repr`, no log line and no exception.
    """

    def __init__(self, url: str, api_key: str, timeout: tuple[float, float]) -> None:
        self.url = url
        self.timeout = timeout
        self._api_key = api_key

    def __repr__(self) -> str:
        return f"<GatewayClient {self.url}>"

    def send(self, numbers: Sequence[str], message: str, gate: Gate = _open) -> Receipt:
        """The receipt, or a `GatewayError`. `gate` runs before the first byte and may raise."""
        outcome = self._outcome(numbers, message, gate)
        if isinstance(outcome, GatewayError):
            # Raised here, and with no history: the frames and exceptions behind it hold the
            # request's body, and with it the key.
            outcome.__cause__ = outcome.__context__ = None
            raise outcome.with_traceback(None)
        return outcome

    def _outcome(
        self, numbers: Sequence[str], message: str, gate: Gate
    ) -> Receipt | GatewayError:
        with Line(gate, sum(self.timeout)) as line:
            try:
                answer = self._post(numbers, message, line)
            except PermitExpired as expired:
                return expired
            except Exception as problem:  # noqa: BLE001 whatever it was: did it begin?
                return self._failure(line, in_words(problem, began=line.began))
        if line.expired:
            return self._failure(line, TOO_LONG)
        return self._read(answer, numbers)

    def _post(self, numbers: Sequence[str], message: str, line: Line) -> Answer:
        """The whole answer. Without a session: that would look into the environment for proxies
        and passwords, and read the body of a redirect however long it is."""
        body = self._body(numbers, message)
        request = requests.Request("POST", self.url, headers=HEADERS, data=body)
        with (
            contextlib.closing(GuardedAdapter(line)) as adapter,
            adapter.send(
                request.prepare(), stream=True, timeout=self.timeout
            ) as response,
        ):
            return Answer(response.status_code, response.headers, _read_all(response))

    def _body(self, numbers: Sequence[str], message: str) -> bytes:
        return json.dumps(
            {"api_key": self._api_key, "phone": list(numbers), "message": message}
        ).encode()

    @staticmethod
    def _failure(line: Line, what: str) -> GatewayError:
        # A connection that is not of our kind has no gate: then nothing is certain.
        is_certain = line.guarded and not line.began
        return (Unreachable if is_certain else AnswerLost)(what)

    def _read(self, answer: Answer, numbers: Sequence[str]) -> Receipt | GatewayError:
        """A gateway that quotes the key in its answer does not bring it into our database."""
        try:
            return read_answer(*answer, numbers, secret=self._api_key)
        except GatewayError as error:
            return error


def _read_all(response: requests.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(CHUNK):
        body += chunk
        if len(body) > MAX_BODY:
            message = "the answer is too large"
            raise ValueError(message)
    return bytes(body)
