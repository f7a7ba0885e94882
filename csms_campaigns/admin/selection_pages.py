"""“Put all who match into a list”: asked once with the conditions in words, then done in slices."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import router, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from csms_campaigns import tasks
from csms_campaigns.admin import words
from csms_campaigns.admin.contact_filters import (
    NAMES,
    conditions_form,
    in_words,
    lists_to_choose,
)
from csms_campaigns.admin.filters import as_id
from csms_campaigns.contacts_io import filling
from csms_campaigns.models import ContactList, ContactSelection


class PutForm(forms.Form):
    contact_list = forms.ChoiceField(label=gettext_lazy("List"), required=False)
    new_list = forms.CharField(
        label=gettext_lazy("Or a new list"), required=False, max_length=150
    )

    def __init__(self, *args: Any, may_add: bool, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "auto_id": "csms-put-%s"})
        self.fields["contact_list"].choices = [  # type: ignore[attr-defined]
            ("", _("Choose a list")),
            *lists_to_choose(),
        ]
        if not may_add:
            del self.fields["new_list"]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        chosen, new = found.get("contact_list"), found.get("new_list", "").strip()
        if bool(chosen) == bool(new):
            text = _("Choose a list, or write the name of a new one.")
            raise forms.ValidationError(text)
        if new and ContactList.objects.filter(name=new).exists():
            self.add_error("new_list", _("There is a list of this name: choose it."))
        return {**found, "new_list": new}

    def chosen(self) -> ContactList:
        if new := self.cleaned_data["new_list"]:
            return ContactList.objects.create(name=new)
        return ContactList.objects.get(pk=self.cleaned_data["contact_list"])


class SelectionPages:
    """Mixed into the contacts' ModelAdmin."""

    opts: Any
    admin_site: Any
    message_user: Callable[..., None]
    log_change: Callable[..., Any]
    has_change_permission: Callable[..., bool]
    has_view_permission: Callable[..., bool]

    def get_urls(self) -> list[Any]:
        pages: dict[str, Callable[..., HttpResponse]] = {
            "put/": self.put_page,
            "selection/<int:selection_id>/": self.selection_page,
        }
        own = [
            path(
                tail,
                self.admin_site.admin_view(page),
                name=f"csms_campaigns_contact_{tail.split('/', 1)[0]}",
            )
            for tail, page in pages.items()
        ]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    def contact_url(self, page: str, *args: Any) -> str:
        name = f"{self.admin_site.name}:csms_campaigns_contact_{page}"
        return reverse(name, args=args)

    def contact_page(
        self, request: HttpRequest, template: str, title: str, **context: Any
    ) -> TemplateResponse:
        found = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "list_url": self.contact_url("changelist"),
            **context,
        }
        request.current_app = self.admin_site.name
        name = f"admin/csms_campaigns/contact/{template}.html"
        return TemplateResponse(request, name, found)

    def put_page(self, request: HttpRequest) -> HttpResponse:
        if not self.has_change_permission(request):
            raise PermissionDenied
        wanted = conditions_form(request).conditions(request.GET.get("q", "").strip())
        if wanted is None:
            return HttpResponseRedirect(self.contact_url("changelist"))
        may_add = request.user.has_perm("csms_campaigns.add_contactlist")
        given = request.POST if request.method == "POST" else None
        form = PutForm(given, may_add=may_add)
        if request.method == "POST" and form.is_valid():
            return self._put(request, form.chosen(), wanted)
        lines = in_words(wanted)
        return self.contact_page(
            request,
            "put",
            _("Put all who match into a list"),
            form=form,
            conditions=lines,
            query=self._query(request),
        )

    def _query(self, request: HttpRequest) -> str:
        kept = request.GET.copy()
        for name in [name for name in kept if name not in {*NAMES, "q"}]:
            del kept[name]
        return kept.urlencode()

    def _put(
        self, request: HttpRequest, contact_list: ContactList, wanted: Any
    ) -> HttpResponse:
        with transaction.atomic(using=router.db_for_write(ContactSelection)):
            selection = filling.begin(contact_list, wanted, by=request.user)
            lines = "; ".join(in_words(wanted)) or _("everybody")
            log = _("Who matches is put in: %(conditions)s.") % {"conditions": lines}
            self.log_change(request, contact_list, log)
        if filling.fill(selection, slices=filling.AT_ONCE):
            text = _added(selection.added_count)
            said = {"count": words.number(selection.added_count)}
            self.message_user(request, text % said, messages.SUCCESS)
            url = f"{self.contact_url('changelist')}?list={contact_list.pk}"
            return HttpResponseRedirect(url)
        transaction.on_commit(
            partial(tasks.wake_fill, selection.pk, selection.token),
            using=router.db_for_write(ContactSelection),
        )
        text = _("A worker goes on with it: you may leave this page.")
        self.message_user(request, text, messages.INFO)
        return HttpResponseRedirect(self.contact_url("selection", selection.pk))

    def selection_page(self, request: HttpRequest, selection_id: int) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = ContactSelection.objects.select_related("contact_list")
        selection = found.filter(pk=as_id(str(selection_id))).first()
        if selection is None:
            raise Http404
        share = words.percent(selection.cursor, selection.last_contact_id)
        return self.contact_page(
            request,
            "selection",
            str(selection.contact_list),
            selection=selection,
            added=words.number(selection.added_count),
            share=share,
            members_url=f"{self.contact_url('changelist')}?list={selection.contact_list_id}",
        )


def _added(count: int) -> str:
    return ngettext(
        "%(count)s contact was put into the list.",
        "%(count)s contacts were put into the list.",
        count,
    )
