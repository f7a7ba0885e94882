"""A list of numbers that must not be texted, uploaded or pasted: read and written at once.

Bounded, since it is done while the person waits; what is longer is for the command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from csms_campaigns.admin.import_upload import (
    BoundedUpload,
    UploadForm,
    bounded,
    most_bytes,
)
from csms_campaigns.admin.words import number
from csms_campaigns.contacts_io.errors import ImportFailed
from csms_campaigns.contacts_io.numbers import numbers_in, numbers_of
from csms_campaigns.contacts_io.problems import sentence
from csms_campaigns.engine.opting_out import Report, opt_out_list
from csms_campaigns.states import OptOutSource

MOST: Final = 100_000
"""Rows: some seconds."""


class OptOutListForm(UploadForm):
    numbers = forms.CharField(
        label=gettext_lazy("Or numbers, one in each line"),
        required=False,
        max_length=200_000,
        widget=forms.Textarea(
            attrs={"rows": 6, "dir": "ltr", "class": "vLargeTextField"}
        ),
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        required=False,
        max_length=255,
        widget=forms.TextInput(attrs={"class": "vTextField", "dir": "auto"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].required = False

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        given = [cleaned.get("file"), (cleaned.get("numbers") or "").strip()]
        if not self.errors and sum(map(bool, given)) != 1:
            message = _("Choose a file, or write numbers: one of the two.")
            raise forms.ValidationError(message)
        return cleaned

    def given(self) -> Iterator[tuple[int, str]]:
        """Lines and numbers."""
        file = self.cleaned_data.get("file")
        return (
            numbers_in(file.file) if file else numbers_of(self.cleaned_data["numbers"])
        )


class OptOutPages:
    """Mixed into the ModelAdmin of opt-outs."""

    opts: Any
    admin_site: Any
    has_add_permission: Callable[..., bool]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.upload_page)
        own = path("upload/", view, name="csms_campaigns_optout_upload")
        return [own, *super().get_urls()]  # type: ignore[misc]

    @bounded
    def upload_page(self, request: HttpRequest, upload: BoundedUpload) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form, report = OptOutListForm(), None
        if request.method == "POST":
            files = request.FILES
            form = OptOutListForm(request.POST, files, exceeded=upload.exceeded)
            report = self._opt_out(request, form) if form.is_valid() else None
        if report is not None:
            form = OptOutListForm()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Upload a list of opt-outs"),
            "form": form,
            "most": most_bytes(),
            "rows": number(MOST),
            "said": list(_said(report)) if report else [],
            "bad": _bad(report) if report else [],
        }
        request.current_app = self.admin_site.name
        template = "admin/csms_campaigns/optout/upload.html"
        return TemplateResponse(request, template, context)

    def _opt_out(self, request: HttpRequest, form: OptOutListForm) -> Report | None:
        try:
            return opt_out_list(
                form.given(),
                most=MOST,
                source=OptOutSource.IMPORT,
                reason=form.cleaned_data["reason"],
                by=request.user,
            )
        except ImportFailed as error:
            form.add_error("file", str(error))
            return None


def _said(report: Report) -> Iterator[str]:
    text = ngettext(
        "%(count)s number opted out.", "%(count)s numbers opted out.", report.new
    )
    yield text % {"count": number(report.new)}
    if report.known:
        text = ngettext(
            "%(count)s had opted out before.",
            "%(count)s had opted out before.",
            report.known,
        )
        yield text % {"count": number(report.known)}
    if report.bad:
        text = ngettext(
            "%(count)s row holds no usable number.",
            "%(count)s rows hold no usable number.",
            report.bad,
        )
        yield text % {"count": number(report.bad)}
    if report.is_cut:
        text = _(
            "Only the first %(count)s rows were read: upload the others as a list of "
            "their own, or use the command csms_opt_out."
        )
        yield text % {"count": number(report.rows)}


def _bad(report: Report) -> list[dict[str, Any]]:
    return [
        {"line": number(bad.line), "given": bad.given, "why": sentence(bad.code)}
        for bad in report.examples
    ]
