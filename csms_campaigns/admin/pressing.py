"""What stands at the address of a button for whoever comes there without pressing it.

Who was signed out meanwhile presses, signs in, and is led there by a link: a bare “405” would be
all they see, and they would not know that nothing was done.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _


def press_again(request: HttpRequest, site: Any, opts: Any) -> HttpResponse:
    request.current_app = site.name
    query = request.GET.urlencode()
    context = {
        **site.each_context(request),
        "opts": opts,
        "title": _("Nothing was done"),
        "back": f"../?{query}" if query else "../",
    }
    return TemplateResponse(
        request,
        "admin/csms_campaigns/press_again.html",
        context,
        status=HTTPStatus.METHOD_NOT_ALLOWED,
        headers={"Allow": "POST"},
    )
