"""The public page behind the links of texts. Whoever has the link may opt out: no login, no
cookie, no script.

Reading changes nothing, since phones and firewalls open links by themselves to preview them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from csms_campaigns import conf
from csms_campaigns.engine import opt_out_links, opting_out
from csms_campaigns.engine.opt_out_links import OF_CAMPAIGN, Link
from csms_campaigns.sms.numbers import InvalidNumber, normalise
from csms_campaigns.states import OptOutSource
from csms_campaigns.views import limiting

MAX_NUMBER: Final = 64
# Isolated: in a right-to-left sentence the sign would go to the wrong end.
EXAMPLE: Final = "\u2066+12125551234\u2069"
View = Callable[[HttpRequest, str], HttpResponse]


def public(view: View) -> View:
    """In the reader's language, whether or not the site has LocaleMiddleware; and out of
    search engines, caches, frames and the referrers of other sites."""

    @wraps(view)
    def wrapped(request: HttpRequest, code: str) -> HttpResponse:
        language = translation.get_language_from_request(request)
        with translation.override(language):
            response = view(request, code)
        response.headers["Content-Language"] = language
        response.headers["Content-Security-Policy"] = _policy()
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        patch_vary_headers(response, ["Accept-Language", "Cookie"])
        return response

    return wrapped


def _policy() -> str:
    host = urlsplit(settings.STATIC_URL or "")
    files = (
        f"'self' {host.scheme or 'https'}://{host.netloc}" if host.netloc else "'self'"
    )
    return (
        f"default-src 'none'; style-src {files}; img-src {files}; font-src {files}; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


# Without a CSRF token: it would need a cookie, which browsers inside of other apps often
# refuse, and the link is what allows the opt-out, not a session.
@login_not_required
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@public
def opt_out(request: HttpRequest, code: str) -> HttpResponse:
    who = limiting.address(request)
    if limiting.is_over("address", who):
        return _too_many(request, "address")
    link = opt_out_links.read(code)
    if link is None:
        limiting.hit("address", who)
        return _show(request, "unknown", status=404)
    if request.method != "POST":
        return _ask(request, link)
    limiting.hit("address", who)
    return (
        _of_campaign(request, link, code)
        if _is_common(link)
        else _of_person(request, link)
    )


def _ask(request: HttpRequest, link: Link) -> HttpResponse:
    if _is_common(link):
        return _show(request, "ask", is_sample=link.is_sample)
    return _show(request, "press", is_sample=link.is_sample, ending=link.phone[-2:])


def _of_campaign(request: HttpRequest, link: Link, code: str) -> HttpResponse:
    if limiting.hit("link", code):
        return _too_many(request, "link")
    written = request.POST.get("phone", "")[:MAX_NUMBER]
    try:
        phone = normalise(written, conf.default_region())
    except InvalidNumber:
        sentence = _(
            "This is no phone number. Write it with the country code, such as "
            "%(example)s."
        )
        error = sentence % {"example": EXAMPLE}
        words: dict[str, Any] = {"error": error, "written": written}
        return _show(request, "ask", is_sample=link.is_sample, **words)
    if link.campaign_id is not None:
        opting_out.opt_out_recipient(link.campaign_id, phone)
    return _show(request, "done", is_sample=link.is_sample, phone=phone)


def _of_person(request: HttpRequest, link: Link) -> HttpResponse:
    if link.phone:
        opting_out.opt_out(link.phone, source=OptOutSource.PERSONAL_LINK)
    return _show(request, "done", is_sample=link.is_sample)


def _is_common(link: Link) -> bool:
    return link.kind == OF_CAMPAIGN


def _too_many(request: HttpRequest, kind: str) -> HttpResponse:
    response = _show(request, "later", status=429)
    response.headers["Retry-After"] = str(limiting.seconds(kind))
    return response


def _show(
    request: HttpRequest, page: str, status: int = 200, **context: Any
) -> HttpResponse:
    template = f"csms_campaigns/opt_out/{page}.html"
    return render(request, template, context, status=status)
