"""Campaigns: composed here while they are drafts, and looked at for ever after."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from csms_campaigns import conf
from csms_campaigns.admin import hours_form
from csms_campaigns.admin.badges import badge, bubble
from csms_campaigns.admin.campaign_form import CampaignForm
from csms_campaigns.admin.campaign_pages import CampaignPages
from csms_campaigns.admin.composing import (
    ComposePages,
    composition_in,
    composition_of,
    template_text,
)
from csms_campaigns.admin.copies import CopyPages
from csms_campaigns.admin.filters import ArchivedFilter
from csms_campaigns.admin.hours_words import hours_in_words
from csms_campaigns.admin.list_widgets import lists_widget
from csms_campaigns.admin.listing import LargeTableAdmin
from csms_campaigns.admin.outlook import Composition
from csms_campaigns.admin.tools import may, tools
from csms_campaigns.admin.words import isolated, number
from csms_campaigns.engine import audience, lifecycle, timetable
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.models import Campaign, MessageTemplate
from csms_campaigns.states import EDITABLE, CampaignKind, CampaignStatus

NEVER_SENT = frozenset(
    {CampaignStatus.DRAFT, CampaignStatus.READY, CampaignStatus.CANCELLED}
)


def _kept(fields: Any, gone: set[str], shown: dict[str, str]) -> list[str]:
    return [shown.get(name, name) for name in fields if name not in gone]


def _unused(campaign: Campaign) -> set[str]:
    """What is not worth a line where it cannot be changed."""
    used = {
        "exclude_lists": campaign.exclude_lists.exists(),
        "smart_encoding": campaign.smart_encoding,
    }
    return {name for name, is_used in used.items() if not is_used}


def _composed(form: Any) -> Composition:
    if form.instance.pk:
        return composition_in(form.instance)
    return Composition(str(form.initial.get("message", "")))


@admin.register(Campaign)
class CampaignAdmin(ComposePages, CopyPages, CampaignPages, LargeTableAdmin):
    form = CampaignForm
    list_display = ["name", "state", "people", "account", "when", "created_by"]
    list_filter = ["status", ArchivedFilter]
    list_select_related = ["created_by"]
    search_fields = ["name"]
    fieldsets = [
        (None, {"fields": ["name", "account"]}),
        (
            _("Audience"),
            {"fields": ["lists", "exclude_lists", "audiences", "reach"]},
        ),
        (_("Message"), {"fields": ["template", "message", "smart_encoding"]}),
        (
            _("Hours in which it is sent"),
            {"classes": ["collapse"], "fields": list(hours_form.FIELDS)},
        ),
    ]
    readonly_fields = ["reach", "message_text", "audiences_text", "hours_text"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        campaigns: QuerySet = super().get_queryset(request)
        return campaigns.filter(kind=CampaignKind.CAMPAIGN)

    @admin.display(description=_("status"))
    def state(self, campaign: Campaign) -> SafeString:
        return badge(campaign.status, campaign.get_status_display())

    @admin.display(description=_("people"))
    def people(self, campaign: Campaign) -> SafeString | None:
        count = campaign.audience_count
        return isolated(number(count)) if count else None

    @admin.display(description=_("when"))
    def when(self, campaign: Campaign) -> Any:
        return campaign.started_at or campaign.send_at or campaign.created_at

    @admin.display(description=_("people"))
    def reach(self, campaign: Campaign) -> SafeString:
        shown = getattr(campaign, "csms_reach", "")
        return format_html(
            '<div class="csms-reach-part" data-part="audience">{}</div>', shown
        )

    @admin.display(description=_("From the site"))
    def audiences_text(self, campaign: Campaign) -> str:
        return ", ".join(campaign.audiences)

    @admin.display(description=_("hours"))
    def hours_text(self, campaign: Campaign) -> str:
        return hours_in_words(campaign) or gettext("at any time")

    @admin.display(description=_("message"))
    def message_text(self, campaign: Campaign) -> SafeString:
        return bubble(campaign.message)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without what this campaign, or this site, has not."""
        gone = set() if conf.audiences() or (obj and obj.audiences) else {"audiences"}
        shown: dict[str, str] = {}
        if obj is not None and not self.has_change_permission(request, obj):
            gone |= {"template", "reach", *_unused(obj), *hours_form.FIELDS[1:]}
            shown = {
                "message": "message_text",
                "audiences": "audiences_text",
                "hours_preset": "hours_text",
            }
        elif not MessageTemplate.objects.exists():
            gone.add("template")
        # Hours that are set are not folded away.
        opened: dict[str, Any] = {"classes": []} if obj and timetable.hours(obj) else {}
        return [
            (
                title,
                {**options, **opened, "fields": _kept(options["fields"], gone, shown)},
            )
            for title, options in super().get_fieldsets(request, obj)
        ]

    def formfield_for_manytomany(
        self, db_field: Any, request: Any, **kwargs: Any
    ) -> Any:
        kwargs["widget"] = lists_widget(db_field, self.admin_site)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    # Who may do what

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        editable = obj is None or obj.status in EDITABLE
        if obj is not None and (obj.archived_at is not None or obj.parent_id):
            return False  # A follow-up has the texts and people of its campaign.
        return editable and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        deletable = obj is None or (obj.status in NEVER_SENT and obj.started_at is None)
        return deletable and super().has_delete_permission(request, obj)

    # Composing

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """`?template=` begins with its text."""
        found: dict[str, Any] = super().get_changeform_initial_data(request)
        text = template_text(request.GET)
        return found if text is None else {**found, "message": text}

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        campaign = kwargs.get("obj")
        form = context["adminform"].form
        editing = self.has_change_permission(request, campaign)
        # The form keeps its fields where nobody may change them.
        if "message" in form.fields and editing:
            composed = composition_of(form.data) if form.is_bound else _composed(form)
            form.instance.csms_reach = self.prepare_box(form, composed)
        if campaign is not None:
            context["csms_state"] = self.state(campaign)
            # The form's own button saves first: another one would lose what was typed.
            but = ("review", "test") if editing else ()
            site = self.admin_site.name
            context["csms_tools"] = tools(request, campaign, site, but=but)
        context["csms_may_test"] = may(request, "test")
        return super().render_change_form(request, context, *args, **kwargs)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except CampaignError as error:
            # Raised inside the transaction of the save, so nothing half-done stays.
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    # Saving

    def save_model(
        self, request: HttpRequest, obj: Campaign, form: Any, change: bool
    ) -> None:
        if not change:
            obj.created_by = request.user  # type: ignore[assignment]
            super().save_model(request, obj, form, change)
            return
        columns = {column.name for column in Campaign._meta.concrete_fields}
        changed = set(form.changed_data) & columns
        if form.changes_what_was_prepared():
            self._take_back(request, obj)
            obj.changed_by = request.user  # type: ignore[assignment]
            changed.add("changed_by")
        # Never the status, which the engine may have moved since this form was shown.
        obj.save(update_fields=changed)

    def _take_back(self, request: HttpRequest, campaign: Campaign) -> None:
        rows = Campaign.objects.select_for_update()
        before = rows.values_list("status", flat=True).get(pk=campaign.pk)
        lifecycle.edited(campaign.pk)
        campaign.refresh_from_db(fields=["status"])
        if before == CampaignStatus.READY:
            note = _("The campaign is a draft again. Review it before you launch it.")
            self.message_user(request, note, messages.WARNING)

    def response_add(
        self, request: HttpRequest, obj: Campaign, post_url_continue: Any = None
    ) -> HttpResponse:
        return self._after_save(request, obj) or super().response_add(
            request, obj, post_url_continue
        )

    def response_change(self, request: HttpRequest, obj: Campaign) -> HttpResponse:
        return self._after_save(request, obj) or super().response_change(request, obj)

    def _after_save(self, request: HttpRequest, campaign: Campaign) -> Any:
        campaign.refresh_from_db(fields=["status"])
        if "_review" in request.POST:
            if campaign.status == CampaignStatus.DRAFT:
                self.begin_review(request, campaign)
            return HttpResponseRedirect(self.home(campaign))
        if "_test" in request.POST and may(request, "test"):
            return HttpResponseRedirect(self.campaign_url(campaign, "test"))
        if campaign.status == CampaignStatus.DRAFT and campaign.message:
            self._warn(request, campaign)
        if "_template" in request.POST:
            return HttpResponseRedirect(self.campaign_url(campaign, "change"))
        return None

    def _warn(self, request: HttpRequest, campaign: Campaign) -> None:
        """A draft may be unfinished, but what stands in its way is said at once."""
        try:
            audience.check(campaign)
        except CampaignError as error:
            self.message_user(request, str(error), messages.WARNING)

    # Deleting

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[Any, int], set[Any], list[Any]]:
        # The stock page would load every batch; the engine deletes them in slices.
        return list(map(str, objs)), {Campaign._meta.verbose_name: len(objs)}, set(), []

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().delete_view(request, *args, **kwargs)
        except CampaignError as error:
            self.message_user(request, str(error), messages.ERROR)
            name = f"{self.admin_site.name}:csms_campaigns_campaign_changelist"
            return HttpResponseRedirect(reverse(name))

    def delete_model(self, request: HttpRequest, obj: Campaign) -> None:
        lifecycle.delete(obj.pk)
