"""What can be watched: a campaign while it is sent, and all of them on the app's first page.

Each page has a feed of texts and finished parts, which the browser puts in place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse

from csms_campaigns.admin import families, figures
from csms_campaigns.admin.export_pages import EXPORT, FORMATS
from csms_campaigns.admin.journal import journal
from csms_campaigns.admin.overview import overview
from csms_campaigns.admin.plots import labels, plots
from csms_campaigns.admin.tools import may, results_url, tools
from csms_campaigns.admin.windows import windows_of
from csms_campaigns.engine.progress import Watched, watch
from csms_campaigns.models import Campaign
from csms_campaigns.states import LAUNCHED
from csms_campaigns.states import CampaignStatus as State

BEFORE_LAUNCH = frozenset({State.DRAFT, State.PREPARING, State.READY, State.SCHEDULED})
PARTS = "admin/csms_campaigns"


class WatchPages:
    """Mixed into the campaigns' ModelAdmin, beside `CampaignPages`."""

    admin_site: Any
    campaign_url: Callable[[Campaign, str], str]
    home: Callable[[Campaign], str]
    find: Callable[[HttpRequest, str], Campaign]
    page: Callable[..., HttpResponse]
    has_view_permission: Callable[..., bool]

    def progress_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        campaign = self.find(request, object_id)
        if campaign.status in BEFORE_LAUNCH:
            return HttpResponseRedirect(self.home(campaign))
        seen, site = watch(campaign), self.admin_site.name
        return self.page(
            request,
            "progress",
            campaign,
            figures=figures.in_words(seen.progress),
            average=figures.average(campaign, seen),
            outcomes=figures.outcomes(request, campaign, seen.progress, site),
            bar=figures.bar(seen.progress),
            windows=windows_of(seen),
            plots=plots(campaign) if "tables" in request.GET else None,
            labels=labels(),
            tools=tools(request, campaign, site, but=("progress",)),
            export_url=self._export_url(request, campaign),
            formats=[(name, label) for name, (label, *_rest) in FORMATS.items()],
            feed_url=self.campaign_url(campaign, "progress_json"),
            course_url=self.campaign_url(campaign, "course_json"),
            times=figures.times(campaign),
            family=self._family(request, campaign, seen),
            journal=journal(campaign),
            history_url=self.campaign_url(campaign, "history"),
        )

    def _export_url(self, request: HttpRequest, campaign: Campaign) -> str:
        """Empty for whoever may not export, and once the rows are gone."""
        allowed = may(request, "recipients") and request.user.has_perm(EXPORT)
        if not allowed or campaign.results_deleted_at:
            return ""
        site = self.admin_site.name
        return results_url(campaign, site, page="export")

    def progress_json(self, request: HttpRequest, object_id: str) -> HttpResponse:
        campaign = self.find(request, object_id)
        seen = watch(campaign)
        if campaign.status not in LAUNCHED:
            return JsonResponse(figures.feed(campaign, seen))
        context = {"family": self._family(request, campaign, seen)}
        part = render_to_string(f"{PARTS}/campaign/includes/family.html", context)
        news = figures.feed(campaign, seen, windows_of(seen))
        return JsonResponse({**news, "parts": {"family": part.strip()}})

    def course_json(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return JsonResponse(plots(self.find(request, object_id)))

    def _family(
        self, request: HttpRequest, campaign: Campaign, seen: Watched
    ) -> dict[str, Any]:
        urls = {
            name: self.campaign_url(campaign, name) for name in ("unknown", "retry")
        }
        urls_of = {**urls, "of": self.home}
        return families.in_words(request, campaign, urls_of, seen.sums)

    def overview_json(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {"overview": overview(request, self.admin_site.name)}
        part = render_to_string(f"{PARTS}/includes/overview.html", context)
        return JsonResponse({"parts": {"overview": part.strip()}})


def overview_url(site: str) -> str:
    return reverse(f"{site}:csms_campaigns_campaign_overview_json")
