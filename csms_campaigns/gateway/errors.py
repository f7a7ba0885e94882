"""What can go wrong with a request, as answers to the questions of the one who sends it.

GatewayError
├── NothingSent            certain: no number of the request was texted
│   ├── Unreachable        no connection, or none in time: try again later
│   ├── PermitExpired      the connection stood too late: ask the limiter again
│   └── Refused            the gateway said no to the whole request
│       ├── KeyRefused         pause the account
│       ├── CreditsExhausted   pause the account
│       ├── RateLimited        block the account for a while
│       ├── Unavailable        block the account for a while
│       ├── TooManyNumbers     the request must be smaller
│       └── NumberRefused      a number in it is refused
└── AnswerLost             it may have been sent: never repeat it unasked

No error carries the request, so none can carry the API key.
"""

from __future__ import annotations


class GatewayError(Exception):
    """`nothing_sent` is True only where it is certain; times are in seconds."""

    nothing_sent = False

    def __init__(
        self,
        text: str,
        *,
        code: str = "",
        http_status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(text)
        self.text = text
        self.code = code
        self.http_status = http_status
        self.retry_after = retry_after


class NothingSent(GatewayError):
    nothing_sent = True


class Unreachable(NothingSent):
    pass


class PermitExpired(NothingSent):
    pass


class Refused(NothingSent):
    """The gateway's own words are `text` and `code`."""


class KeyRefused(Refused):
    pass


class CreditsExhausted(Refused):
    pass


class RateLimited(Refused):
    pass


class Unavailable(Refused):
    pass


class TooManyNumbers(Refused):
    pass


class NumberRefused(Refused):
    pass


class AnswerLost(GatewayError):
    pass
