"""What the engine wrote: requests and batches. Read-only. Recipients: `recipients`."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin
from django.db.models import F
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from csms_campaigns.admin.badges import badge, bubble
from csms_campaigns.admin.filters import CampaignFilter, as_id
from csms_campaigns.admin.listing import EngineOwnedAdmin
from csms_campaigns.admin.words import isolated, number
from csms_campaigns.engine.wording import translated
from csms_campaigns.models import Attempt, Batch, Campaign

FEW_BATCHES: Final = 20_000
"""So many are sorted while a page waits."""


class _Worded:
    @admin.display(description=_("error"))
    def error_text(self, row: Batch | Attempt) -> str:
        return translated(row.error)


@admin.register(Batch)
class BatchAdmin(_Worded, EngineOwnedAdmin):
    list_display = [
        "__str__",
        "state",
        "campaign",
        "size_text",
        "sent_count",
        "failed_count",
        "unknown_count",
        "skipped_count",
        "finished_at",
    ]
    list_filter = [CampaignFilter, "status"]
    list_select_related = ["campaign"]
    fields = [
        "campaign",
        "number",
        "state",
        "message_text",
        "recipients_link",
        "segments",
        "sent_count",
        "failed_count",
        "unknown_count",
        "skipped_count",
        "tries",
        "not_before",
        "lease_until",
        "finished_at",
        "error_code",
        "error_text",
    ]
    readonly_fields = ["state", "message_text", "recipients_link", "error_text"]

    def get_ordering(self, request: HttpRequest) -> Any:
        """Of one campaign its batches are sorted. Left to choose, the planner walks over those
        of all campaigns in their order, to the end if this one is old."""
        chosen = as_id(request.GET.get(CampaignFilter.parameter_name))
        few = Campaign.objects.filter(pk=chosen, batch_count__lte=FEW_BATCHES)
        if chosen and few.exists():
            return [(F("pk") + 0).desc()]
        return super().get_ordering(request)

    @admin.display(description=_("status"))
    def state(self, batch: Batch) -> SafeString:
        return badge(batch.status, batch.get_status_display())

    @admin.display(description=_("recipients"))
    def size_text(self, batch: Batch) -> str:
        return number(batch.size)

    @admin.display(description=_("message"))
    def message_text(self, batch: Batch) -> SafeString:
        return bubble(batch.message)

    @admin.display(description=_("recipients"))
    def recipients_link(self, batch: Batch) -> SafeString:
        url = reverse(f"{self.admin_site.name}:csms_campaigns_sendresult_changelist")
        return format_html(
            '<a href="{}?batch__id__exact={}">{}</a>',
            url,
            batch.pk,
            isolated(number(batch.size)),
        )


@admin.register(Attempt)
class AttemptAdmin(_Worded, EngineOwnedAdmin):
    list_display = [
        "__str__",
        "account",
        "batch",
        "result",
        "http_status",
        "remaining_credits",
        "stamped_at",
        "done_at",
        "error_text",
    ]
    list_filter = ["account"]
    list_select_related = ["account", "batch"]
    fields = [
        "account",
        "cum",
        "batch",
        "result",
        "http_status",
        "remaining_credits",
        "stamped_at",
        "done_at",
        "error_text",
    ]
    readonly_fields = ["result", "error_text"]

    @admin.display(description=_("outcome"))
    def result(self, attempt: Attempt) -> Any:
        if not attempt.outcome:
            return badge("sending", _("In flight"))
        return badge(attempt.outcome, attempt.get_outcome_display())
