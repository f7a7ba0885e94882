"""What the compose pages ask as one types, and the copy of a campaign."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    JsonResponse,
    QueryDict,
)
from django.urls import path, reverse

from csms_campaigns.admin import outlook
from csms_campaigns.admin.filters import as_id
from csms_campaigns.admin.message_box import MessageBox, rendered
from csms_campaigns.admin.outlook import Composition
from csms_campaigns.engine import site_audiences
from csms_campaigns.engine.selection import Selection
from csms_campaigns.models import Campaign, MessageTemplate
from csms_campaigns.sms.segments import normalise_line_ends

LONGEST: Final = 20_000
"""Characters of a text that are looked at: 130 segments."""
MOST_LISTS: Final = 500


def composition_of(data: QueryDict) -> Composition:
    """From what a form posts; whatever is no list or audience is passed over."""
    known = set(site_audiences.names())
    text = normalise_line_ends(data.get("message") or "")
    return Composition(
        text=text[:LONGEST],
        selection=Selection(
            _ids(data, "lists"),
            _ids(data, "exclude_lists"),
            tuple(name for name in data.getlist("audiences") if name in known),
        ),
        smart=bool(data.get("smart_encoding")),
        account=data.get("account") or "default",
    )


def _ids(data: QueryDict, name: str) -> tuple[int, ...]:
    ids = {as_id(value) for value in data.getlist(name)[:MOST_LISTS]}
    return tuple(sorted(ids - {0}))


def composition_in(campaign: Campaign) -> Composition:
    """Of a campaign as it is saved."""
    chosen = Selection.of(campaign) if campaign.pk else Selection()
    return Composition(
        campaign.message,
        chosen,
        campaign.smart_encoding,
        account=campaign.account,
    )


class ComposePages:
    """Mixed into a ModelAdmin whose form has a `MessageField` named message."""

    opts: Any
    admin_site: Any
    has_add_permission: Callable[..., bool]
    has_change_permission: Callable[..., bool]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.compose)
        own = path("compose/", view, name=f"csms_campaigns_{self._model}_compose")
        return [own, *super().get_urls()]  # type: ignore[misc]

    @property
    def _model(self) -> str:
        return str(self.opts.model_name)

    def composition(self, data: QueryDict) -> Composition:
        return composition_of(data)

    def compose(self, request: HttpRequest) -> HttpResponse:
        """The parts of the page for what the form holds now; nothing is saved."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not (
            self.has_add_permission(request) or self.has_change_permission(request)
        ):
            raise PermissionDenied
        data: QueryDict = request.POST
        filled = template_text(data) if "fill" in data else None
        if filled is not None:
            data = QueryDict(data.urlencode(), mutable=True)
            data["message"] = filled
        composed = self.composition(data)
        counted = outlook.audience_key(composed)
        parts = rendered(outlook.look(composed, count=data.get("counted") != counted))
        if data.get("counted") == counted:
            del parts["audience"]
        answer = {"parts": parts, "counted": counted}
        return JsonResponse(answer if filled is None else {**answer, "message": filled})

    def prepare_box(self, form: Any, composed: Composition) -> str:
        """Fill the box of a form that is about to be shown; returns the audience part."""
        parts = rendered(outlook.look(composed))
        field = form.fields.get("message")
        if field is not None and isinstance(field.widget, MessageBox):
            name = f"{self.admin_site.name}:csms_campaigns_{self._model}_compose"
            field.widget.url = reverse(name)
            field.widget.parts = parts
            field.widget.counted = outlook.audience_key(composed)
        return parts["audience"]


def template_text(data: QueryDict) -> str | None:
    """Of the template that is chosen in a form."""
    chosen = MessageTemplate.objects.filter(pk=as_id(data.get("template")))
    return chosen.values_list("message", flat=True).first()
