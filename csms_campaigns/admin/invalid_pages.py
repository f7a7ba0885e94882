"""Numbers that failed as invalid again and again: proposed, chosen, confirmed, removed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from csms_campaigns.admin import words
from csms_campaigns.admin.filters import as_id
from csms_campaigns.admin.words import isolated
from csms_campaigns.contacts_io import invalid_numbers
from csms_campaigns.engine.database import in_site_convention
from csms_campaigns.models import Contact
from csms_campaigns.models.fields import e164

MOST: Final = 1000
"""Contacts in one go."""


class InvalidPages:
    """Mixed into the contacts' ModelAdmin."""

    admin_site: Any
    message_user: Callable[..., None]
    log_change: Callable[..., Any]
    contact_url: Callable[..., str]
    contact_page: Callable[..., TemplateResponse]
    has_change_permission: Callable[..., bool]
    has_delete_permission: Callable[..., bool]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.invalid_page)
        own = path("invalid/", view, name="csms_campaigns_contact_invalid")
        return [own, *super().get_urls()]  # type: ignore[misc]

    def invalid_page(self, request: HttpRequest) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            return self._remove(request)
        found = invalid_numbers.proposed(_moment(request.GET.get("before", "")))
        rows = [
            {
                "id": one.contact.pk,
                "url": self.contact_url("change", one.contact.pk),
                "phone": isolated(e164(one.contact.phone)),
                "name": one.contact.name,
                "times": words.number(one.times),
                "words": one.words,
                "when": words.moment(one.failed_at),
            }
            for one in found.invalid[:MOST]
        ]
        return self.contact_page(
            request,
            "invalid",
            _("Invalid numbers"),
            rows=rows,
            may_delete=self.has_delete_permission(request),
            next_before=found.next_before.isoformat() if found.next_before else "",
            time_zone=words.time_zone(),
        )

    def _remove(self, request: HttpRequest) -> HttpResponse:
        ids = [as_id(value) for value in request.POST.getlist("contact")[:MOST]]
        chosen = list(Contact.objects.filter(pk__in=ids).order_by("pk"))
        deletes = request.POST.get("do") == "delete"
        if deletes and not self.has_delete_permission(request):
            raise PermissionDenied
        if not chosen:
            self.message_user(request, _("Choose at least one."), messages.WARNING)
            return HttpResponseRedirect(self.contact_url("invalid"))
        if "confirmed" not in request.POST:
            return self._ask(request, chosen, deletes)
        self._do(request, chosen, deletes)
        return HttpResponseRedirect(self.contact_url("invalid"))

    def _ask(
        self, request: HttpRequest, chosen: list[Contact], deletes: bool
    ) -> HttpResponse:
        count = len(chosen)
        question = (
            ngettext("Delete %(count)s contact?", "Delete %(count)s contacts?", count)
            if deletes
            else ngettext(
                "Take %(count)s contact out of all lists?",
                "Take %(count)s contacts out of all lists?",
                count,
            )
        )
        return self.contact_page(
            request,
            "invalid_confirm",
            question % {"count": words.number(count)},
            chosen=chosen,
            do="delete" if deletes else "leave",
            deletes=deletes,
        )

    def _do(self, request: HttpRequest, chosen: list[Contact], deletes: bool) -> None:
        ids = [one.pk for one in chosen]
        if deletes:
            _log_deletions(request, chosen)
            invalid_numbers.delete(ids)
        else:
            invalid_numbers.leave_lists(ids)
            for one in chosen:
                log = _("Taken out of all lists: the number is invalid.")
                self.log_change(request, one, log)
        said = _done(deletes, len(ids)) % {"count": words.number(len(ids))}
        self.message_user(request, said, messages.SUCCESS)


def _done(deletes: bool, count: int) -> str:
    if deletes:
        return ngettext(
            "%(count)s contact was deleted.",
            "%(count)s contacts were deleted.",
            count,
        )
    return ngettext(
        "%(count)s contact was taken out of all lists.",
        "%(count)s contacts were taken out of all lists.",
        count,
    )


def _log_deletions(request: HttpRequest, chosen: list[Contact]) -> None:
    kind = ContentType.objects.get_for_model(Contact)
    LogEntry.objects.bulk_create(
        LogEntry(
            user_id=request.user.pk,  # type: ignore[misc] # staff is signed in
            content_type=kind,
            object_id=str(one.pk),
            object_repr=str(one)[:200],
            action_flag=DELETION,
            change_message=_("The number is invalid."),
        )
        for one in chosen
    )


def _moment(given: str) -> datetime | None:
    try:
        found = parse_datetime(given)
    except ValueError:
        return None
    if found is None:
        return None
    return in_site_convention(found)
