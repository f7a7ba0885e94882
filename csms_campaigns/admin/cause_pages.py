"""Why recipients of a campaign failed, with counts and a way to who they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _

from csms_campaigns.admin.words import number, percent
from csms_campaigns.engine.causes import Cause, Failures, failures
from csms_campaigns.engine.wording import translated
from csms_campaigns.models import Campaign


class CausePages:
    """Mixed into the ModelAdmin of recipients."""

    opts: Any
    admin_site: Any
    has_view_permission: Callable[..., bool]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.causes_page)
        name = "csms_campaigns_sendresult_causes"
        own = path("causes/<int:campaign_id>/", view, name=name)
        return [own, *super().get_urls()]  # type: ignore[misc]

    def causes_page(self, request: HttpRequest, campaign_id: int) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        campaign = Campaign.objects.filter(pk=campaign_id).first()
        if campaign is None:
            raise Http404
        found = failures(campaign)
        listing = reverse(
            f"{self.admin_site.name}:csms_campaigns_sendresult_changelist"
        )
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": campaign,
            "title": _("Why it failed"),
            "causes": [_row(cause, found, campaign, listing) for cause in found.causes],
            "said": _said(found),
            "results_url": f"{listing}?{_query(campaign, status='failed')}",
        }
        request.current_app = self.admin_site.name
        template = "admin/csms_campaigns/sendresult/causes.html"
        return TemplateResponse(request, template, context)


def _row(
    cause: Cause, found: Failures, campaign: Campaign, listing: str
) -> dict[str, Any]:
    return {
        "key": translated(cause.key),
        "words": "" if cause.words == cause.key else translated(cause.words),
        "people": number(cause.people),
        "share": percent(cause.people, found.counted),
        "is_permanent": cause.is_permanent,
        "url": f"{listing}?{_query(campaign, cause=cause.key)}",
    }


def _query(campaign: Campaign, **filters: str) -> str:
    return urlencode({"campaign__id": campaign.pk, **filters})


def _said(found: Failures) -> str:
    if found.is_complete:
        return _("%(total)s recipients failed.") % {"total": number(found.total)}
    words = {"total": number(found.total), "counted": number(found.counted)}
    return (
        _("%(total)s recipients failed; the causes are those of the first %(counted)s.")
        % words
    )
