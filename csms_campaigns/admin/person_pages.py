"""Everything about one person on the page of their contact; erase, export, opt out and undo."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from django.contrib import messages
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from csms_campaigns.admin import words
from csms_campaigns.admin.badges import badge, bubble
from csms_campaigns.admin.filters import as_id
from csms_campaigns.admin.pressing import press_again
from csms_campaigns.contacts_io.forgetting import forget
from csms_campaigns.contacts_io.personal import personal_data
from csms_campaigns.engine import opting_out
from csms_campaigns.engine.erasing import ERASED, Erased, erase
from csms_campaigns.engine.wording import translated
from csms_campaigns.models import Contact, OptOut, SendResult
from csms_campaigns.models.fields import e164
from csms_campaigns.states import OptOutSource

TEXTS: Final = 20
"""On one page; the next ones are behind a link."""
EARLIER: Final = "texts_before"


class PersonPages:
    """Mixed into the contacts' ModelAdmin."""

    opts: Any
    admin_site: Any
    get_object: Callable[..., Contact | None]
    has_view_permission: Callable[..., bool]
    has_delete_permission: Callable[..., bool]
    message_user: Callable[..., None]
    log_change: Callable[..., Any]
    contact_url: Callable[..., str]
    contact_page: Callable[..., TemplateResponse]

    def get_urls(self) -> list[Any]:
        pages: dict[str, Callable[..., HttpResponse]] = {
            "erase": self.erase_page,
            "export": self.export_person,
            "opt_out": partial(self.change_opt_out, True),
            "opt_in": partial(self.change_opt_out, False),
        }
        own = [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(page),
                name=f"csms_campaigns_contact_{name}",
            )
            for name, page in pages.items()
        ]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        context = dict(extra_context or {})
        contact = self.get_object(request, object_id)
        if contact and self.has_view_permission(request, contact):
            context["person"] = self._person(request, contact)
        found: HttpResponse = super().change_view(  # type: ignore[misc]
            request, object_id, form_url, context
        )
        return found

    def _find(self, request: HttpRequest, object_id: str) -> Contact:
        contact = self.get_object(request, object_id)
        if contact is None:
            raise Http404
        if not self.has_view_permission(request, contact):
            raise PermissionDenied
        return contact

    # The section below the form

    def _person(self, request: HttpRequest, contact: Contact) -> dict[str, Any]:
        user = request.user
        pages = ("erase", "export", "opt_out", "opt_in")
        found: dict[str, Any] = {
            "phone": words.isolated(e164(contact.phone)),
            "opt_out": self._opt_out(contact),
            "urls": {name: self.contact_url(name, contact.pk) for name in pages},
            "may_opt_out": user.has_perm("csms_campaigns.add_optout"),
            "may_opt_in": user.has_perm("csms_campaigns.delete_optout"),
            "may_erase": self.has_delete_permission(request, contact),
            "may_read": user.has_perm("csms_campaigns.view_sendresult"),
            "time_zone": words.time_zone(),
        }
        if found["may_read"]:
            found |= self._texts(request, contact)
        return found

    def _opt_out(self, contact: Contact) -> dict[str, Any] | None:
        found = OptOut.objects.select_related("created_by").filter(phone=contact.phone)
        opt_out = found.first()
        if opt_out is None:
            return None
        labels = dict(OptOutSource.choices)
        return {
            "when": words.moment(opt_out.created_at),
            "source": labels.get(opt_out.source, opt_out.source),
            "who": opt_out.created_by or "",
            "reason": opt_out.reason,
        }

    def _texts(self, request: HttpRequest, contact: Contact) -> dict[str, Any]:
        """By number, of which an index leads to each campaign once."""
        found = SendResult.objects.filter(phone=e164(contact.phone))
        if before := as_id(request.GET.get(EARLIER)):
            found = found.filter(campaign__lt=before)
        rows = list(
            found.select_related("campaign", "batch").order_by("-campaign")[: TEXTS + 1]
        )
        has_more = len(rows) > TEXTS
        shown = rows[:TEXTS]
        return {
            "texts": [self._text(result) for result in shown],
            "earlier": f"?{EARLIER}={shown[-1].campaign_id}#csms-texts"
            if has_more
            else "",
            "is_later": bool(before),
        }

    def _text(self, result: SendResult) -> dict[str, Any]:
        site = self.admin_site.name
        why = result.get_skip_reason_display() if result.skip_reason else ""
        said = " ".join(filter(None, (result.error_code, translated(result.error))))
        return {
            "campaign": result.campaign,
            "url": reverse(
                f"{site}:csms_campaigns_sendresult_change", args=[result.pk]
            ),
            "state": badge(result.status, result.get_status_display()),
            "text": bubble(result.batch.message) if result.batch else "",
            "when": words.moment(result.updated_at),
            "why": why,
            "said": said,
            "decision": result.get_resolution_display() if result.resolution else "",
        }

    # Buttons

    def change_opt_out(
        self, out: bool, request: HttpRequest, object_id: str
    ) -> HttpResponse:
        if request.method != "POST":
            return press_again(request, self.admin_site, self.opts)
        contact = self._find(request, object_id)
        needed = "add_optout" if out else "delete_optout"
        if not request.user.has_perm(f"csms_campaigns.{needed}"):
            raise PermissionDenied
        if not out and "confirmed" not in request.POST:
            return self._ask_opt_in(request, contact)
        phone = e164(contact.phone)
        if out:
            opting_out.opt_out(phone, source=OptOutSource.ADMIN, by=request.user)
            log = _("Opted out: no campaign texts this number any more.")
        else:
            opting_out.opt_in([phone])
            log = _("The opt-out was undone: campaigns may text this number again.")
        self.log_change(request, contact, log)
        self.message_user(request, log, messages.SUCCESS)
        return HttpResponseRedirect(self.contact_url("change", contact.pk))

    def _ask_opt_in(self, request: HttpRequest, contact: Contact) -> HttpResponse:
        return self.contact_page(
            request,
            "opt_in",
            _("Undo the opt-out?"),
            contact=contact,
            back=self.contact_url("change", contact.pk),
        )

    def erase_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        contact = self._find(request, object_id)
        if not self.has_delete_permission(request, contact):
            raise PermissionDenied
        if request.method == "POST" and "confirmed" in request.POST:
            phone = e164(contact.phone)
            done = erase(phone, keep_opt_out="keep_opt_out" in request.POST)
            forget(phone)
            _log_erasure(request, contact.pk)
            self.message_user(request, _erased(done), messages.SUCCESS)
            return HttpResponseRedirect(self.contact_url("changelist"))
        return self.contact_page(
            request,
            "erase",
            _("Erase this person?"),
            contact=contact,
            has_opted_out=OptOut.objects.filter(phone=contact.phone).exists(),
            back=self.contact_url("change", contact.pk),
        )

    def export_person(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """By POST: it stands in the history, and nothing that follows links does it."""
        if request.method != "POST":
            return press_again(request, self.admin_site, self.opts)
        contact = self._find(request, object_id)
        if not request.user.has_perm("csms_campaigns.view_sendresult"):
            raise PermissionDenied
        self.log_change(request, contact, _("The person's data was exported."))
        found = personal_data(e164(contact.phone))
        text = json.dumps(found, ensure_ascii=False, indent=2)
        answer = HttpResponse(text, content_type="application/json; charset=utf-8")
        name = f"person-{contact.pk}.json"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        answer["Cache-Control"] = "no-store"
        return answer


def _log_erasure(request: HttpRequest, contact_id: int) -> None:
    """That it was done, and by whom; not to whom."""
    LogEntry.objects.create(
        user_id=request.user.pk,  # type: ignore[misc] # staff is signed in
        content_type=ContentType.objects.get_for_model(Contact),
        object_id=str(contact_id),
        object_repr=ERASED,
        action_flag=DELETION,
        change_message="",
    )


def _erased(done: Erased) -> str:
    text = ngettext(
        "The person is erased; %(count)s text of theirs is a number in the ledger only.",
        "The person is erased; %(count)s texts of theirs are numbers in the ledger only.",
        done.texts,
    )
    return text % {"count": words.number(done.texts)}
