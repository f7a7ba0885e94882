"""What an answer means: every answer that the wire can give, and what it leads to.

One row for each; read by the tests of the client and by those of the engine. `leads` says what
becomes of the numbers, the batch, the request, the campaign and the account.
"""

from __future__ import annotations

import email.utils
from typing import Final

from tests.gateway.processed import PROCESSED
from tests.gateway.rows import (
    HASTY,
    busy,
    credits_gone,
    key,
    lost,
    number,
    rate,
    too_many,
    unreachable,
    words,
)
from tests.servers import wire_places as places
from tests.servers.wire_scripts import (
    CHUNKED,
    HTML,
    NO_LENGTH,
    answers_early,
    bomb,
    changed,
    chunked,
    closes,
    drips,
    endless,
    page_drips,
    redirects,
    refusal,
    resets_after_request,
    resets_at_once,
    resets_in_body,
    response,
    says,
    says_nothing,
    sends,
)

BAD_KEY = refusal("Invalid or inactive API key", "INVALID_API_KEY")
LIMIT = refusal("Rate limit exceeded", "RATE_LIMIT_EXCEEDED")
NO_CREDITS = refusal("Insufficient credits", "INSUFFICIENT_CREDITS")
DOWN = refusal("The service is down", "SERVICE_UNAVAILABLE")
ODD = refusal("We do not like you", "DISLIKED")
SECONDS = ("Retry-After", "17")
NOON: Final = 1_800_000_000.0
DATES = (
    ("Date", email.utils.formatdate(NOON, usegmt=True)),
    ("Retry-After", email.utils.formatdate(NOON + 90, usegmt=True)),
)

NOTHING_SENT: Final = (
    unreachable("name not resolved", places.no_such_name),
    unreachable("connection refused", places.nobody_listens),
    unreachable("connection times out", places.nobody_accepts, timeout=HASTY),
    unreachable("certificate not trusted", places.untrusted_certificate),
    unreachable("certificate of another name", places.certificate_of_another),
    unreachable("no TLS behind https", places.no_tls_at_all),
    unreachable("TLS never answers", places.silent_handshake, timeout=HASTY),
)

REFUSED: Final = (
    key("key refused, 401", says(BAD_KEY, 401), code="INVALID_API_KEY"),
    key("key refused, 200", says(BAD_KEY), code="INVALID_API_KEY"),
    key("key refused, 500", says(BAD_KEY, 500), code="INVALID_API_KEY"),
    key("key refused, by text alone", says(refusal("Invalid API key."))),
    key("refusal without words, 401", says({"success": False}, 401)),
    key("key refused, early answer with a redirect's status", says(BAD_KEY, 302)),
    credits_gone("no credits", says(NO_CREDITS, 402), code="INSUFFICIENT_CREDITS"),
    credits_gone("no credits, 200, by text", says(refusal("Not enough credits"))),
    credits_gone("refusal without words, 402", says({"success": False}, 402)),
    rate("rate limit, 429 without Retry-After", says(LIMIT, 429)),
    rate("rate limit, Retry-After in seconds", says(LIMIT, 429, SECONDS), 17.0),
    rate("rate limit, Retry-After as a date", says(LIMIT, 429, *DATES), 90.0),
    rate("rate limit, Retry-After is nonsense", says(LIMIT, 429, ("Retry-After", "?"))),
    rate("rate limit, Retry-After is 0", says(LIMIT, 429, ("Retry-After", "0"))),
    rate("rate limit, 200, by code", says(LIMIT), http_status=200),
    rate("429 with HTML", says(HTML, 429)),
    rate("429 with HTML and Retry-After", says(HTML, 429, SECONDS), 17.0),
    rate("429 with {}", says({}, 429)),
    rate("429 with a list", says([], 429)),
    rate("429 without a body", says(b"", 429)),
    busy("unavailable, 503", says(DOWN, 503)),
    busy("unavailable, 200, by code", says(DOWN), http_status=200),
    busy("unavailable, Retry-After in seconds", says(DOWN, 503, SECONDS), 17.0),
    busy("unavailable, Retry-After as a date", says(DOWN, 503, *DATES), 90.0),
    busy("refusal without words, 503", says({"success": False}, 503)),
    busy("early answer, before the request's body", answers_early),
    too_many(
        "too many numbers",
        says(refusal("At most 2 numbers", "TOO_MANY_NUMBERS"), 413),
        code="TOO_MANY_NUMBERS",
    ),
    number(
        "a number is refused and named",
        says(lambda n: refusal(f"{n[1]} is no number", "INVALID_NUMBER"), 400),
        after=("pending", "failed", "pending"),
    ),
    number(
        "a number is refused, and not named",
        says(refusal("One number is not valid", "INVALID_NUMBER"), 400),
    ),
    words("unknown code, 400", says(ODD, 400), code="DISLIKED"),
    words("unknown code, 200", says(ODD), code="DISLIKED"),
    words("unknown code, 500", says(ODD, 500), code="DISLIKED"),
    words("refusal without words", says({"success": False})),
    words(
        "refusal that counts no sends",
        says(ODD | {"successful_sends": 0, "results": None}),
    ),
    words("refusal as text/html", says(ODD, 400, ("Content-Type", "text/html"))),
    words(
        "refusal behind a byte order mark",
        says(b"\xef\xbb\xbf" + b'{"success": false}'),
    ),
)

NOBODY_KNOWS: Final = (
    lost("reset while the request leaves", resets_at_once),
    lost("reset after the request", resets_after_request),
    lost("reset in the answer's body", resets_in_body),
    lost("closed without an answer", closes),
    lost("read time-out", says_nothing, timeout=HASTY),
    lost("dripping headers", drips(0.1, from_head=True), timeout=HASTY),
    lost("dripping body", drips(0.1), timeout=HASTY),
    lost("body cut off, with a right length", changed(lambda body: body[:-20])),
    lost("body shorter than its length", changed(bytes, ("Content-Length", "9999"))),
    lost("body longer than its length", changed(bytes, ("Content-Length", "40"))),
    lost("two lengths", changed(bytes, ("Content-Length", "40, 50"))),
    lost("chunks cut off", chunked(slice(0, -30))),
    lost("chunks without their end", chunked(slice(0, -5))),
    lost("chunks that are none", changed(bytes, CHUNKED, NO_LENGTH)),
    lost("enormous body", endless(response(b"", 200, NO_LENGTH), b" " * 65_536)),
    lost(
        "redirect with an enormous body",
        endless(response(b"", 307, NO_LENGTH, ("Location", "/x")), b" " * 65_536),
    ),
    lost("endless headers", endless(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n")),
    lost("endless header line", endless(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65_536)),
    lost(
        "endless 100 Continue",
        endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        timeout=HASTY,
    ),
    lost("a body that unpacks to 64 MiB", bomb(64)),
    lost(
        "body said to be gzip, and is not", changed(bytes, ("Content-Encoding", "gzip"))
    ),
    lost("not HTTP", sends(b"220 mail.example ESMTP\r\n")),
    lost("200 with HTML", says(HTML), http_status=200),
    lost("200 with {}", says({}), http_status=200),
    lost("200 with a list", says([]), http_status=200),
    lost("200 with null", says(b"null"), http_status=200),
    lost("200 without a body", says(b""), http_status=200),
    lost("204", sends(b"HTTP/1.1 204 No Content\r\n\r\n"), http_status=204),
    lost("a warning before the JSON", changed(lambda body: b"<b>Warning</b>" + body)),
    lost("success and nothing else", says({"success": True}), http_status=200),
    lost("refusal whose success is a string", says(ODD | {"success": "false"}, 400)),
    lost("refusal whose success is 0", says(ODD | {"success": 0}, 400)),
    lost("400 with HTML", says(HTML, 400), http_status=400),
    lost("403 with HTML", says(HTML, 403), http_status=403),
    lost("413 with HTML", says(HTML, 413), http_status=413),
    lost("500 with HTML", says(HTML, 500), http_status=500),
    lost("502 with HTML", says(HTML, 502), http_status=502),
    lost("503 with HTML and Retry-After", says(HTML, 503, SECONDS), http_status=503),
    lost("504 with {}", says({}, 504), http_status=504),
    lost("redirect 301", redirects(301), http_status=301),
    lost("redirect 307", redirects(307), http_status=307),
    lost("redirect 308 to itself", redirects(308, ""), http_status=308),
    lost("429 whose page drips", page_drips(429, 0.1), timeout=HASTY),
    lost(
        "429 that says it sent",
        says({"success": False, "successful_sends": "3"}, 429),
        http_status=429,
    ),
    lost("429 with a success", says({"success": True}, 429), http_status=429),
)

TABLE: Final = (*NOTHING_SENT, *REFUSED, *NOBODY_KNOWS, *PROCESSED)
