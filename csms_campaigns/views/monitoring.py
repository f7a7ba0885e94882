"""Health, for load balancers; metrics, for Prometheus."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from csms_campaigns import conf
from csms_campaigns.diagnosis import exposition
from csms_campaigns.diagnosis import health as parts
from csms_campaigns.diagnosis import metrics as figures
from csms_campaigns.engine.bounded import TooSlow

BEARER: Final = "Bearer "
PERMISSION: Final = "csms_campaigns.view_campaign"


# Both decide for themselves who may ask, also where the site has LoginRequiredMiddleware.
@login_not_required
@require_safe
@never_cache
def health(request: HttpRequest) -> JsonResponse:
    """200 if each part that is asked for (`?check=database,tick,broker`) is ok, else 503."""
    wanted = request.GET.get("check", ",".join(parts.USUAL)).split(",")
    try:
        found = parts.health(wanted)
    except parts.NoSuchPart:
        known = ",".join(parts.PARTS)
        return JsonResponse({"error": f"check is some of {known}"}, status=400)
    is_well = set(found.values()) == {parts.OK}
    status = 200 if is_well else 503
    return JsonResponse(
        {"status": "ok" if is_well else "failing", **found}, status=status
    )


@login_not_required
@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """For who knows METRICS_TOKEN, or is logged in as staff who may see campaigns."""
    if not _may_read(request):
        return HttpResponse("Forbidden\n", status=403, content_type="text/plain")
    try:
        text = exposition.written(figures.collect())
    except (DatabaseError, TooSlow):
        return HttpResponse(
            "The database does not answer.\n", status=503, content_type="text/plain"
        )
    return HttpResponse(text, content_type=exposition.CONTENT_TYPE)


def _may_read(request: HttpRequest) -> bool:
    said = request.headers.get("Authorization", "")
    token = conf.metrics_token()
    if token and said.startswith(BEARER):
        return constant_time_compare(said.removeprefix(BEARER), token)
    # A site without the middleware of authentication has no staff.
    user = getattr(request, "user", None)
    return bool(user and user.is_active and user.is_staff and user.has_perm(PERMISSION))
