"""How large an upload may grow: it is counted while it arrives, and what is beyond the bound
is never kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from csms_campaigns import conf
from csms_campaigns.admin.words import file_size


class BoundedUpload(FileUploadHandler):
    """Before the site's own handlers; lets their file through until it is too large."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.exceeded = False
        self._most = conf.import_max_bytes()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        if start + len(raw_data) > self._most:
            self.exceeded = True
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> UploadedFile | None:
        return None


def bounded(
    page: Callable[[Any, HttpRequest, BoundedUpload], HttpResponse],
) -> Callable[[Any, HttpRequest], HttpResponse]:
    """A page of a ModelAdmin that is told how its upload went."""

    @csrf_exempt
    @wraps(page)
    def bounded_page(self: Any, request: HttpRequest) -> HttpResponse:
        upload = BoundedUpload(request)
        request.upload_handlers.insert(0, upload)

        def protected(request: HttpRequest) -> HttpResponse:
            return page(self, request, upload)

        # Only now: looking for the token reads the file.
        found: HttpResponse = csrf_protect(protected)(request)
        return found

    return bounded_page


class UploadForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("File"),
        allow_empty_file=True,
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx"}),
    )

    def __init__(self, *args: Any, exceeded: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._exceeded = exceeded
        if exceeded:
            self.fields["file"].required = False

    def clean_file(self) -> Any:
        if self._exceeded:
            message = _(
                "The file is larger than %(most)s. Split it, and upload the parts."
            )
            raise forms.ValidationError(message % {"most": most_bytes()})
        return self.cleaned_data["file"]


def most_bytes() -> str:
    return file_size(conf.import_max_bytes())
