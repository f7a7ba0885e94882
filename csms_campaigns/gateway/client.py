"""The one place that speaks to the gateway. Everything comes in by the constructor."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

import requests

from csms_campaigns import __version__
from csms_campaigns.gateway.answers import read_answer
from csms_campaigns.gateway.errors import (
    AnswerLost,
    GatewayError,
    PermitExpired,
    Unreachable,
)
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
        error, answer = self._exchange(numbers, message, gate)
        # Raised here, outside the except block: the library's exception holds the request's
        # body, and with it the key, so it must be neither cause nor context of ours.
        if error is not None:
            raise error
        http_status, headers, body = answer
        return self._read(http_status, headers, body, numbers)

    def _exchange(
        self, numbers: Sequence[str], message: str, gate: Gate
    ) -> tuple[GatewayError | None, tuple[int, Mapping[str, str], bytes]]:
        nothing: tuple[int, Mapping[str, str], bytes] = (0, {}, b"")
        with Line(gate, sum(self.timeout)) as line:
            try:
                answer = self._post(numbers, message, line)
            except PermitExpired as expired:
                # Its traceback runs through the library's frames, where the body is.
                return expired.with_traceback(None), nothing
            except Exception as problem:  # noqa: BLE001 whatever it was: did it begin?
                return self._failure(line, type(problem).__name__), nothing
        if line.expired:
            return self._failure(line, "the answer took too long"), nothing
        return None, answer

    def _post(
        self, numbers: Sequence[str], message: str, line: Line
    ) -> tuple[int, Mapping[str, str], bytes]:
        with requests.Session() as session:
            session.trust_env = False
            for scheme in ("https://", "http://"):
                session.mount(scheme, GuardedAdapter(line))
            with session.post(
                self.url,
                data=self._body(numbers, message),
                headers=HEADERS,
                timeout=self.timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                return response.status_code, dict(response.headers), _read_all(response)

    def _body(self, numbers: Sequence[str], message: str) -> bytes:
        return json.dumps(
            {"api_key": self._api_key, "phone": list(numbers), "message": message}
        ).encode()

    @staticmethod
    def _failure(line: Line, what: str) -> GatewayError:
        kind = AnswerLost if line.began else Unreachable
        return kind(what)

    def _read(
        self,
        http_status: int,
        headers: Mapping[str, str],
        body: bytes,
        numbers: Sequence[str],
    ) -> Receipt:
        # A gateway that quotes the key in its answer must not bring it into our database.
        clean = body.replace(self._api_key.encode(), b"[key]")
        return read_answer(
            http_status,
            requests.structures.CaseInsensitiveDict(headers),
            clean,
            numbers,
        )


def _read_all(response: requests.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(CHUNK):
        body += chunk
        if len(body) > MAX_BODY:
            message = "the answer is too large"
            raise ValueError(message)
    return bytes(body)
