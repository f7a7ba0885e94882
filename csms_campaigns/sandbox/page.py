"""The sandbox's own page: an inbox of the texts that it 'delivered'.

Works without JavaScript; the script only spares the reload. All texts are escaped.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from csms_campaigns.sandbox.answers import HTML, Reply
from csms_campaigns.sandbox.assets import PAGE_JS, STYLE_CSS
from csms_campaigns.sandbox.record import DeliveryEntry
from csms_campaigns.sandbox.rules import JSON

POLICY = (
    "Content-Security-Policy",
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:",
)
SAFE = (
    POLICY,
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-store"),
)
STYLE = Reply(200, STYLE_CSS.encode(), "text/css; charset=utf-8", SAFE)
SCRIPT = Reply(200, PAGE_JS.encode(), "text/javascript; charset=utf-8", SAFE)

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sandbox gateway</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/sandbox/style.css">
<noscript><meta http-equiv="refresh" content="3"></noscript>
<script src="/sandbox/page.js" defer></script>
</head>
<body>
<header>
<h1>Sandbox gateway</h1>
<p>Nothing here reaches a telephone. Send to <code>{api}</code></p>
</header>
<main>
<dl class="figures">{figures}</dl>
<table>
<caption>Requests in a window: the most that came, and the limit</caption>
<thead><tr><th scope="col">Window</th><th scope="col">Limit</th>
<th scope="col">Sliding</th><th scope="col">By the clock</th></tr></thead>
<tbody>{windows}</tbody>
</table>
<h2>Latest texts</h2>
{inbox}
</main>
<footer><a href="/sandbox/state.json">State</a>
<a href="/sandbox/requests.json">Requests</a>
<a href="/sandbox/deliveries.json">Deliveries</a>
<a href="/sandbox/deliveries.csv">All deliveries as CSV</a></footer>
</body>
</html>
"""
FIGURES = (
    # label, key of the state, whether anything above zero is a worry
    ("Numbers reached", "delivered", False),
    ("Texts", "texts", False),
    ("Numbers refused", "failed", False),
    ("Requests", "requests", False),
    ("In flight", "in_flight", False),
    ("Requests refused", "refused", False),
    ("Over a limit", "violations", True),
    ("Same text twice", "twice", True),
    ("Credits left", "credits", False),
)


def reply(text: str) -> Reply:
    return Reply(200, text.encode(), HTML, SAFE)


def render(state: JSON, latest: Iterable[DeliveryEntry], url: str) -> str:
    return PAGE.format(
        api=escape(f"{url}/sms_system/api.php"),
        figures="".join(_figure(state, *figure) for figure in FIGURES),
        windows=_windows(state["max_in_window"]),
        inbox=_inbox(latest),
    )


def _figure(state: JSON, label: str, key: str, worry: bool) -> str:
    value = int(str(state[key]))
    kind = ' class="worry"' if worry and value else ""
    return f"<div{kind}><dt>{label}</dt><dd><bdi>{value:,}</bdi></dd></div>"


def _windows(windows: object) -> str:
    assert isinstance(windows, dict)  # noqa: S101 - made by SandboxGateway.state
    if not windows:
        return '<tr><td colspan="4">No limits.</td></tr>'
    return "".join(_window(name, most) for name, most in windows.items())


def _window(name: str, most: JSON) -> str:
    limit, _, seconds = name.partition("/")
    cells = (f"{seconds} s", limit, most["sliding"], most["clock"])
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _inbox(latest: Iterable[DeliveryEntry]) -> str:
    texts = "".join(map(_text, latest))
    if not texts:
        return '<p class="empty">No text has arrived yet.</p>'
    return f'<ol class="inbox">{texts}</ol>'


def _text(delivery: DeliveryEntry) -> str:
    row = delivery.row()
    at = str(row["at"])
    lost = "" if row["answered"] else ' <span class="lost">not confirmed</span>'
    return (
        f"<li><p class='from'><bdi>{escape(str(row['phone']))}</bdi>"
        f" <time datetime='{escape(at)}'>{escape(at[11:19])} UTC</time>{lost}</p>"
        f"<p class='text' dir='auto'>{escape(str(row['message']))}</p>"
        f"<p class='id'>{escape(str(row['message_id']))}</p></li>"
    )
