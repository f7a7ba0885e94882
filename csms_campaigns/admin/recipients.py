"""Every recipient of every campaign: found by anything, told in full. Read-only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from csms_campaigns.admin import stories
from csms_campaigns.admin.badges import badge, bubble
from csms_campaigns.admin.cause_pages import CausePages
from csms_campaigns.admin.export_pages import ExportPages
from csms_campaigns.admin.filters import ResultCampaignFilter, as_id
from csms_campaigns.admin.listing import EngineOwnedAdmin, LargeChangeList
from csms_campaigns.admin.result_filters import (
    CauseFilter,
    DecisionFilter,
    OutcomeFilter,
    ResultListFilter,
    SkipReasonFilter,
    TimeFilter,
)
from csms_campaigns.admin.result_listing import ResultChangeList
from csms_campaigns.admin.result_search import MOST_PEOPLE, recipients_like
from csms_campaigns.admin.words import isolated, number
from csms_campaigns.engine.sums import sums
from csms_campaigns.engine.wording import translated
from csms_campaigns.models import Campaign, SendResult
from csms_campaigns.states import SendStatus

FEW_BATCHES = 20_000
"""So many are summed while a page waits."""
CAMPAIGN, OUTCOME = ResultCampaignFilter.parameter_name, OutcomeFilter.parameter_name


@admin.register(SendResult)
class SendResultAdmin(ExportPages, CausePages, EngineOwnedAdmin):
    change_list_template = "admin/csms_campaigns/sendresult/change_list.html"
    list_display = [
        "phone_text",
        "person",
        "outcome",
        "campaign",
        "detail",
        "updated_at",
    ]
    list_filter = [
        ResultCampaignFilter,
        OutcomeFilter,
        CauseFilter,
        SkipReasonFilter,
        DecisionFilter,
        TimeFilter,
        ResultListFilter,
    ]
    list_select_related = ["campaign", "contact"]
    search_fields = ["phone"]
    search_help_text = gettext_lazy(
        "A number, its beginning or its last four digits or more; or the beginning of the "
        "name of a contact."
    )
    fields = [
        "phone_text",
        "person",
        "campaign",
        "contact",
        "outcome",
        "skip_reason",
        "message_text",
        "message_id",
        "error_code",
        "error_text",
        "updated_at",
        "decision",
        "story",
        "requests_link",
    ]
    readonly_fields = [
        "phone_text",
        "person",
        "outcome",
        "message_text",
        "error_text",
        "decision",
        "story",
        "requests_link",
    ]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ResultChangeList

    def exact_count(self, changelist: LargeChangeList) -> int | None:
        """Of a campaign, or one outcome of it, its batches have kept the count."""
        chosen = changelist.filter_params
        if changelist.query or set(chosen) - {CAMPAIGN, OUTCOME}:
            return None
        pk = _only(chosen.get(CAMPAIGN))
        campaign = Campaign.objects.filter(pk=pk).first() if pk else None
        if campaign is None:
            return None
        status = str((chosen.get(OUTCOME) or [""])[0])
        if status not in SendStatus.values:
            return campaign.audience_count
        few = campaign.batch_count <= FEW_BATCHES
        return int(getattr(sums(campaign), status)) if few else None

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        term = search_term.strip().replace("\0", "")
        if not term:
            return queryset, False
        found, has_more = recipients_like(queryset, term)
        if has_more:
            note = _(
                "More than %(count)s contacts are like “%(term)s”: of these only the newest "
                "were looked up. Write more of it."
            )
            words = {"count": number(MOST_PEOPLE), "term": term}
            self.message_user(request, note % words, messages.WARNING)
        return found, False

    # Columns

    @admin.display(description=gettext_lazy("phone"))
    def phone_text(self, result: SendResult) -> SafeString:
        return isolated(result.phone or result.error or "–")

    @admin.display(description=gettext_lazy("name"))
    def person(self, result: SendResult) -> str:
        contact = result.contact if result.contact_id else None
        return contact.name if contact else result.name

    @admin.display(description=gettext_lazy("outcome"))
    def outcome(self, result: SendResult) -> SafeString:
        return badge(result.status, result.get_status_display())

    @admin.display(description=gettext_lazy("detail"))
    def detail(self, result: SendResult) -> str:
        if result.skip_reason:
            return str(result.get_skip_reason_display())
        if result.resolution:
            return str(result.get_resolution_display())
        return translated(result.error) or result.error_code or result.message_id

    # Its own page

    @admin.display(description=gettext_lazy("message"))
    def message_text(self, result: SendResult) -> SafeString | None:
        if result.batch_id is None:
            return None
        return bubble(result.batch.message)  # type: ignore[union-attr]

    @admin.display(description=gettext_lazy("the gateway's words"))
    def error_text(self, result: SendResult) -> str:
        return translated(result.error)

    @admin.display(description=gettext_lazy("decision"))
    def decision(self, result: SendResult) -> str:
        return stories.decision(result)

    @admin.display(description=gettext_lazy("what happened"))
    def story(self, result: SendResult) -> SafeString:
        found = stories.in_words(result, self.admin_site.name)
        template = "admin/csms_campaigns/sendresult/story.html"
        return render_to_string(template, {"events": found})

    @admin.display(description=gettext_lazy("requests"))
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


def _only(values: Any) -> int:
    return as_id(str(values[0])) if values else 0
