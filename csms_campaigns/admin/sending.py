"""What the engine wrote: requests, batches and one result for each recipient. Read-only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from csms_campaigns.admin.badges import badge, bubble
from csms_campaigns.admin.filters import (
    CampaignFilter,
    OutcomeFilter,
    ResultCampaignFilter,
    SkipReasonFilter,
)
from csms_campaigns.admin.listing import EngineOwnedAdmin
from csms_campaigns.admin.phones import looks_like_number, numbers_like
from csms_campaigns.admin.words import isolated, number
from csms_campaigns.models import Attempt, Batch, SendResult


@admin.register(SendResult)
class SendResultAdmin(EngineOwnedAdmin):
    list_display = ["phone_text", "outcome", "campaign", "detail", "updated_at"]
    list_filter = [ResultCampaignFilter, OutcomeFilter, SkipReasonFilter]
    list_select_related = ["campaign"]
    search_fields = ["phone"]
    search_help_text = _("A number or its beginning.")
    fields = [
        "phone_text",
        "campaign",
        "contact",
        "outcome",
        "skip_reason",
        "message_text",
        "message_id",
        "error_code",
        "error",
        "updated_at",
        "requests_link",
    ]
    readonly_fields = ["phone_text", "outcome", "message_text", "requests_link"]

    @admin.display(description=_("phone"))
    def phone_text(self, result: SendResult) -> SafeString:
        return isolated(result.phone or result.error or "–")

    @admin.display(description=_("outcome"))
    def outcome(self, result: SendResult) -> SafeString:
        return badge(result.status, result.get_status_display())

    @admin.display(description=_("detail"))
    def detail(self, result: SendResult) -> str:
        if result.skip_reason:
            return str(result.get_skip_reason_display())
        return result.error or result.error_code or result.message_id

    @admin.display(description=_("message"))
    def message_text(self, result: SendResult) -> SafeString | None:
        if result.batch_id is None:
            return None
        return bubble(result.batch.message)  # type: ignore[union-attr]

    @admin.display(description=_("requests"))
    def requests_link(self, result: SendResult) -> SafeString | None:
        if result.batch_id is None:
            return None
        url = reverse(f"{self.admin_site.name}:csms_campaigns_attempt_changelist")
        return format_html(
            '<a href="{}?batch__id__exact={}">{}</a>',
            url,
            result.batch_id,
            _("Requests of this batch"),
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if not looks_like_number(term):
            return queryset.none(), False
        return queryset.filter(numbers_like(queryset, term)), False


@admin.register(Batch)
class BatchAdmin(EngineOwnedAdmin):
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
        "error",
    ]
    readonly_fields = ["state", "message_text", "recipients_link"]

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
class AttemptAdmin(EngineOwnedAdmin):
    list_display = [
        "__str__",
        "account",
        "batch",
        "result",
        "http_status",
        "remaining_credits",
        "stamped_at",
        "done_at",
        "error",
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
        "error",
    ]
    readonly_fields = ["result"]

    @admin.display(description=_("outcome"))
    def result(self, attempt: Attempt) -> Any:
        if not attempt.outcome:
            return badge("sending", _("In flight"))
        return badge(attempt.outcome, attempt.get_outcome_display())
