"""The list of recipients as a file: what the filters and the search have found, all of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from csms_campaigns.admin.filters import ResultCampaignFilter, as_id
from csms_campaigns.admin.pressing import press_again
from csms_campaigns.admin.words import today
from csms_campaigns.contacts_io.exporting import Chosen, chosen
from csms_campaigns.logs import masked
from csms_campaigns.models import Campaign

EXPORT: Final = "csms_campaigns.export_sendresult"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV: Final = "text/csv; charset=utf-8"

FORMATS: Final[dict[str, tuple[Any, str, str]]] = {
    "xlsx": (gettext_lazy("Excel (.xlsx)"), "xlsx", XLSX),
    "spreadsheet": (gettext_lazy("CSV for spreadsheets"), "csv", CSV),
    "csv": (gettext_lazy("CSV for programs"), "csv", CSV),
}
"""Name → label, ending, type."""


class ExportPages:
    """Mixed into the ModelAdmin of recipients."""

    opts: Any
    admin_site: Any
    has_view_permission: Callable[..., bool]
    get_changelist_instance: Callable[..., Any]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.export_page)
        own = path("export/", view, name="csms_campaigns_sendresult_export")
        return [own, *super().get_urls()]  # type: ignore[misc]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        site = self.admin_site.name
        url = reverse(f"{site}:csms_campaigns_sendresult_export")
        campaign = as_id(request.GET.get(ResultCampaignFilter.parameter_name))
        causes = f"{site}:csms_campaigns_sendresult_causes"
        context = {
            "export_url": f"{url}?{request.GET.urlencode()}",
            "may_export": request.user.has_perm(EXPORT),
            "formats": [(name, label) for name, (label, *_rest) in FORMATS.items()],
            "causes_url": reverse(causes, args=[campaign]) if campaign else "",
            **(extra_context or {}),
        }
        found: HttpResponse = super().changelist_view(request, context)  # type: ignore[misc]
        return found

    def export_page(self, request: HttpRequest) -> HttpResponseBase:
        if request.method != "POST":
            return press_again(request, self.admin_site, self.opts)
        if not (self.has_view_permission(request) and request.user.has_perm(EXPORT)):
            raise PermissionDenied
        form = request.POST.get("format", "")
        try:
            changelist = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return self._back(request)
        if form not in FORMATS:
            return self._back(request)
        campaign = _campaign(request)
        self._remember(request, campaign, form)
        few = bool(changelist.is_of_few)
        found = chosen(changelist.queryset, campaign, are_few=few)
        return _response(found, form, campaign)

    def _back(self, request: HttpRequest) -> HttpResponse:
        name = f"{self.admin_site.name}:csms_campaigns_sendresult_changelist"
        return HttpResponseRedirect(f"{reverse(name)}?{request.GET.urlencode()}")

    def _remember(
        self, request: HttpRequest, campaign: Campaign | None, form: str
    ) -> None:
        """In the history of the campaign; without one, of recipients as such."""
        model = Campaign if campaign else self.opts.model
        # The history outlives an erasure: of a number that was searched for it keeps the ends.
        filters = [
            f"{name}={masked(str(value))}" for name, value in request.GET.items()
        ]
        words = {
            "format": str(FORMATS[form][0]),
            "filters": ", ".join(filters) or "–",
        }
        LogEntry.objects.create(
            user_id=str(request.user.pk),
            content_type=ContentType.objects.get_for_model(model),
            object_id=str(campaign.pk) if campaign else None,
            object_repr=str(campaign or self.opts.verbose_name_plural)[:200],
            action_flag=CHANGE,
            change_message=_("Exported recipients: %(format)s; filters: %(filters)s")
            % words,
        )


def _campaign(request: HttpRequest) -> Campaign | None:
    pk = as_id(request.GET.get(ResultCampaignFilter.parameter_name))
    return Campaign.objects.filter(pk=pk).first() if pk else None


def _response(
    found: Chosen, form: str, campaign: Campaign | None
) -> StreamingHttpResponse:
    _label, ending, kind = FORMATS[form]
    pieces: Any = (
        found.xlsx()
        if form == "xlsx"
        else found.csv(for_spreadsheets=form == "spreadsheet")
    )
    response = StreamingHttpResponse(pieces, content_type=kind)
    # Numbers alone: a header has no safe way for every name of a campaign.
    whose = f"campaign-{campaign.pk}-" if campaign else ""
    name = f"recipients-{whose}{today():%Y-%m-%d}.{ending}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    # A proxy that collects the whole file first would time out.
    response["X-Accel-Buffering"] = "no"
    return response
