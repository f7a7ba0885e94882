"""The rows of answers to requests that were processed, number by number."""

from __future__ import annotations

from typing import Final

from tests.gateway.rows import (
    EMPTY,
    LATER,
    MIXED,
    NO_NEWS,
    NONE,
    SENT3,
    SOME,
    read,
)
from tests.servers.wire_scripts import (
    accepted,
    answers,
    changed,
    chunked,
    continues,
    failed,
    lists,
    processed,
    says,
    without_length,
)

FAILED3: Final = ("failed", "failed", "failed")
UNKNOWN3: Final = ("unknown", "unknown", "unknown")

PROCESSED: Final = (
    read("as documented", answers()),
    read("as documented, HTTP 500", says(processed, 500), http_status=500),
    read("as documented, HTTP 429", says(processed, 429), http_status=429),
    read("as text/html", changed(bytes, ("Content-Type", "text/html"))),
    read("in chunks", chunked()),
    read("in chunks of one byte", chunked(size=1)),
    read("HTTP/1.0, no length", without_length()),
    read("HTTP/1.1, no length", without_length(b"HTTP/1.1")),
    read("after 100 Continue", continues()),
    read("keep-alive", says(processed, 200, ("Connection", "keep-alive"))),
    read("behind a byte order mark", changed(lambda body: b"\xef\xbb\xbf" + body)),
    read("in UTF-16", changed(lambda body: body.decode().encode("utf-16"))),
    read("without +", lists(lambda n: [accepted(x[1:]) for x in n])),
    read("as integers", lists(lambda n: [accepted(int(x)) for x in n])),
    read("as floats", lists(lambda n: [accepted(float(x)) for x in n])),
    read(
        "with spaces",
        lists(lambda n: [accepted(f" {x[:2]} {x[2:5]}-{x[5:]}") for x in n]),
    ),
    read("in another order", lists(lambda n: [accepted(x) for x in reversed(n)])),
    read("one too many", lists(lambda n: [accepted(x) for x in [*n, "+15005559999"]])),
    read(
        "one missing",
        lists(lambda n: [accepted(x) for x in n[:2]]),
        ("sent", "sent", "unknown"),
        MIXED,
    ),
    read(
        "one twice, accepted and failed",
        lists(lambda n: [accepted(n[0]), failed(n[0]), failed(n[1]), accepted(n[1])]),
        ("sent", "sent", "unknown"),
        MIXED,
    ),
    read(
        "one twice, failed and unclear",
        lists(
            lambda n: [
                failed(n[0]),
                failed(n[0], success="true"),
                *map(accepted, n[1:]),
            ]
        ),
        ("unknown", "sent", "sent"),
        MIXED,
    ),
    read(
        "one failed",
        lists(
            lambda n: [
                accepted(n[0]),
                failed(n[1], error="No such number", code="X"),
                accepted(n[2]),
            ]
        ),
        ("sent", "failed", "sent"),
        MIXED,
    ),
    read(
        "all failed",
        lists(lambda n: [failed(x, error="Blocked") for x in n]),
        FAILED3,
        NONE,
    ),
    read(
        "all failed for want of credits",
        lists(lambda n: [failed(x, code="INSUFFICIENT_CREDITS") for x in n]),
        FAILED3,
        LATER,
    ),
    read(
        "one refused for want of credits",
        lists(
            lambda n: [accepted(n[0]), accepted(n[1]), failed(n[2], error="No credits")]
        ),
        ("sent", "sent", "failed"),
        SOME,
        after=("sent", "sent", "pending"),
    ),
    read("results are empty", lists(lambda n: []), UNKNOWN3, NO_NEWS),
    read(
        "counts without results",
        says({"success": True, "successful_sends": 3}),
        UNKNOWN3,
        NO_NEWS,
        credits=None,
    ),
    read("results of strings", lists(lambda n: n), UNKNOWN3, NO_NEWS),
    read(
        "counts that contradict the results",
        answers(total_numbers=7, successful_sends=0, failed_sends=9),
    ),
    read("success false beside results", answers(success=False)),
    read(
        "success false beside sends",
        says({"success": False, "successful_sends": 2}),
        UNKNOWN3,
        NO_NEWS,
        credits=None,
    ),
    read("success as a string", answers(success="true")),
    read("no success at all", answers(success=None)),
    read(
        "each number's success as a string",
        lists(lambda n: [accepted(x, success="true") for x in n]),
        UNKNOWN3,
        NO_NEWS,
    ),
    read("credits as a string", answers(remaining_credits="97"), credits=97),
    read("credits as a decimal", answers(remaining_credits=97.5), credits=97),
    read("credits missing", answers(remaining_credits=None), credits=None),
    read("credits as nonsense", answers(remaining_credits="plenty"), credits=None),
    read(
        "credits too large to be true", answers(remaining_credits=10**30), credits=None
    ),
    read("credits negative", answers(remaining_credits=-5), SENT3, EMPTY, credits=-5),
    read("credits used up", answers(remaining_credits=0), SENT3, EMPTY, credits=0),
    read(
        "message ids as integers",
        lists(lambda n: [accepted(x, message_id=7) for x in n]),
    ),
)
