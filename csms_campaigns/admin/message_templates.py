"""Texts to begin a campaign with: written with the same box, used by one button."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import get_permission_codename
from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from csms_campaigns.admin.badges import bubble
from csms_campaigns.admin.composing import ComposePages, composition_of
from csms_campaigns.admin.listing import LargeTableAdmin
from csms_campaigns.admin.message_box import MessageField
from csms_campaigns.admin.outlook import Composition
from csms_campaigns.admin.sentences import PLACEHOLDERS
from csms_campaigns.models import Campaign, MessageTemplate
from csms_campaigns.sms.placeholders import PlaceholderError, compile_message


class MessageTemplateForm(forms.ModelForm):
    message = MessageField(
        label=_("Message"),
        help_text=_(
            'Placeholders: {{ name }} or {{ name|default:"friend" }}. Each recipient '
            "gets the text with their own values."
        ),
    )

    class Meta:
        model = MessageTemplate
        fields = ["name", "message"]

    def clean_message(self) -> str:
        text: str = self.cleaned_data["message"]
        try:
            compile_message(text)
        except PlaceholderError as error:
            sentence = str(PLACEHOLDERS[error.code]) % error.params
            raise ValidationError(sentence) from None
        return text


@admin.register(MessageTemplate)
class MessageTemplateAdmin(ComposePages, LargeTableAdmin):
    form = MessageTemplateForm
    list_display = ["name", "beginning", "updated_at", "use"]
    search_fields = ["name"]
    ordering = ("name",)
    fields = ["name", "message"]

    @admin.display(description=_("message"))
    def beginning(self, template: MessageTemplate) -> SafeString:
        text = Truncator(template.message).chars(80)
        return format_html('<span dir="auto">{}</span>', text)

    @admin.display(description=_("use"))
    def use(self, template: MessageTemplate) -> SafeString:
        return format_html(
            '<a href="{}">{}</a>', self.use_url(template), _("Use in a new campaign")
        )

    @admin.display(description=_("message"))
    def message_text(self, template: MessageTemplate) -> SafeString:
        return bubble(template.message)

    def use_url(self, template: MessageTemplate) -> str:
        url = reverse(f"{self.admin_site.name}:csms_campaigns_campaign_add")
        return f"{url}?template={template.pk}"

    def get_list_display(self, request: HttpRequest) -> Any:
        found = super().get_list_display(request)
        return found if _may_use(request) else [n for n in found if n != "use"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None or self.has_change_permission(request, obj):
            return super().get_fields(request, obj)
        return ["name", "message_text"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["message_text"]

    def composition(self, data: QueryDict) -> Composition:
        # Whoever may write templates may not see the contacts for that.
        return Composition(composition_of(data).text, has_audience=False)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        form, template = context["adminform"].form, kwargs.get("obj")
        if "message" in form.fields:
            text = form.data.get("message") if form.is_bound else form.instance.message
            self.prepare_box(form, Composition(text or "", has_audience=False))
        if template is not None and _may_use(request):
            context["csms_use_url"] = self.use_url(template)
        return super().render_change_form(request, context, *args, **kwargs)


def _may_use(request: HttpRequest) -> bool:
    codename = get_permission_codename("add", Campaign._meta)
    return request.user.has_perm(f"csms_campaigns.{codename}")
