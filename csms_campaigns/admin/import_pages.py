"""The pages of one import: upload, columns, progress, the dry run's plan, result, report.

A page is read by GET, and whatever changes something is a POST; workers do the work.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import PurePath
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import router, transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _

from csms_campaigns import tasks
from csms_campaigns.admin import import_words, words
from csms_campaigns.admin.badges import badge
from csms_campaigns.admin.import_columns import ColumnsForm
from csms_campaigns.admin.import_upload import (
    BoundedUpload,
    UploadForm,
    bounded,
    most_bytes,
)
from csms_campaigns.admin.pressing import press_again
from csms_campaigns.contacts_io import jobs, report
from csms_campaigns.contacts_io.errors import ImportFailed
from csms_campaigns.engine import database
from csms_campaigns.models import ContactImport
from csms_campaigns.states import (
    ENDED_IMPORTS,
    WORKED_ON,
    ImportStage,
    ListAction,
)


class ImportPages:
    """Mixed into the imports' ModelAdmin."""

    opts: Any
    admin_site: Any
    get_object: Callable[..., ContactImport | None]
    has_add_permission: Callable[..., bool]
    has_view_permission: Callable[..., bool]
    message_user: Callable[..., None]
    log_addition: Callable[..., Any]
    log_change: Callable[..., Any]

    # Addresses

    def get_urls(self) -> list[Any]:
        pages: dict[str, Callable[..., HttpResponseBase]] = {
            "columns/": self.columns_page,
            "confirm/": partial(self.act, "confirm"),
            "cancel/": partial(self.act, "cancel"),
            "progress.json": self.progress_json,
            "report/": self.report_file,
            "change/": self.status_page,
        }
        own = [
            path(
                f"<path:object_id>/{tail}",
                self.admin_site.admin_view(page),
                name=f"csms_campaigns_contactimport_{tail.rstrip('/').replace('.', '_')}",
            )
            for tail, page in pages.items()
        ]
        add = path(
            "add/",
            self.admin_site.admin_view(self.upload_page),
            name="csms_campaigns_contactimport_add",
        )
        return [add, *own, *super().get_urls()]  # type: ignore[misc]

    def url(self, page: str, *args: Any) -> str:
        name = f"{self.admin_site.name}:csms_campaigns_contactimport_{page}"
        return reverse(name, args=args)

    def find(self, request: HttpRequest, object_id: str) -> ContactImport:
        job = self.get_object(request, object_id)
        if job is None:
            raise Http404
        if not self.has_view_permission(request, job):
            raise PermissionDenied
        return job

    # Pages

    def page(
        self, request: HttpRequest, name: str, job: ContactImport | None, **context: Any
    ) -> TemplateResponse:
        found = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": job,
            "title": job.name if job else _("Import contacts"),
            "may_import": self.has_add_permission(request),
            "add_url": self.url("add"),
            **context,
        }
        if job is not None:
            found["state"] = badge(job.stage, job.get_stage_display())
            found["size"] = import_words.size(job)
            for verb in ("columns", "confirm", "cancel", "progress_json", "report"):
                found[f"{verb}_url"] = self.url(verb, job.pk)
        request.current_app = self.admin_site.name
        template = f"admin/csms_campaigns/contactimport/{name}.html"
        return TemplateResponse(request, template, found)

    @bounded
    def upload_page(self, request: HttpRequest, upload: BoundedUpload) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = UploadForm()
        if request.method == "POST":
            files = request.FILES
            form = UploadForm(request.POST, files, exceeded=upload.exceeded)
            if form.is_valid() and (job := self._upload(request, form)):
                return HttpResponseRedirect(self.url("change", job.pk))
        return self.page(request, "upload", None, form=form, most=most_bytes())

    def _upload(self, request: HttpRequest, form: UploadForm) -> ContactImport | None:
        file = form.cleaned_data["file"]
        name = PurePath(file.name).name
        try:
            job = jobs.upload(file.file, name=name, by=request.user)
        except ImportFailed as error:
            form.add_error("file", str(error))
            return None
        self.log_addition(request, job, _("Uploaded."))
        return job

    def status_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        job = self.find(request, object_id)
        if job.stage == ImportStage.UPLOADED:
            return self._show_columns(request, job, self._columns_form(request, job))
        if job.stage in WORKED_ON:
            return self._show_progress(request, job)
        if job.stage == ImportStage.CHECKED:
            return self._show_plan(request, job)
        return self._show_result(request, job)

    def _show_progress(self, request: HttpRequest, job: ContactImport) -> HttpResponse:
        return self.page(
            request,
            "progress",
            job,
            texts=import_words.texts(job),
            bar=f"{100 * import_words.share(job):.2f}",
        )

    def _show_plan(self, request: HttpRequest, job: ContactImport) -> HttpResponse:
        counts = job.planned.get("counts", {})
        return self.page(
            request,
            "plan",
            job,
            rows=words.number(counts.get("rows") or 0),
            kinds=import_words.kinds(counts, job.planned.get("examples", {})),
            problems=import_words.problems(job.planned),
            replaces=job.list_action == ListAction.REPLACE,
            removed=import_words.removed(counts),
            lists=[str(chosen) for chosen in job.lists.all()]
            + [job.new_list] * bool(job.new_list),
        )

    def _show_result(self, request: HttpRequest, job: ContactImport) -> HttpResponse:
        has_report = job.chunks.exists()
        may_report = request.user.has_perm("csms_campaigns.view_contact")
        return self.page(
            request,
            "result",
            job,
            rows=words.number(job.counts.get("rows") or 0),
            kinds=import_words.kinds(job.counts, {}),
            replaces=job.list_action == ListAction.REPLACE,
            removed=import_words.removed(job.counts),
            lists=list(job.lists.all()),
            has_report=has_report and may_report,
            report_days=jobs.REPORT_DAYS,
            finished=words.moment(job.finished_at),
            contacts_url=reverse(
                f"{self.admin_site.name}:csms_campaigns_contact_changelist"
            ),
        )

    def columns_page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        job = self.find(request, object_id)
        if not self.has_add_permission(request):
            raise PermissionDenied
        if not import_words.is_waiting(job):
            return HttpResponseRedirect(self.url("change", job.pk))
        form = self._columns_form(request, job)
        if (
            request.method == "POST"
            and form.is_valid()
            and self._check(request, job, form)
        ):
            return HttpResponseRedirect(self.url("change", job.pk))
        return self._show_columns(request, job, form)

    def _columns_form(self, request: HttpRequest, job: ContactImport) -> ColumnsForm:
        data = request.POST if request.method == "POST" else None
        return ColumnsForm(data, job=job, site=self.admin_site, user=request.user)

    def _show_columns(
        self, request: HttpRequest, job: ContactImport, form: ColumnsForm
    ) -> HttpResponse:
        return self.page(request, "columns", job, form=form, choosing=True)

    def _check(
        self, request: HttpRequest, job: ContactImport, form: ColumnsForm
    ) -> bool:
        def check() -> None:
            token = jobs.begin_check(job.pk, form.choice())
            transaction.on_commit(
                partial(tasks.wake_import, job.pk, token), using=database.alias()
            )

        return self._do(request, job, check, _("Check started."))

    # Buttons

    def act(self, verb: str, request: HttpRequest, object_id: str) -> HttpResponse:
        if request.method != "POST":
            return press_again(request, self.admin_site, self.opts)
        job = self.find(request, object_id)
        if not self.has_add_permission(request):
            raise PermissionDenied
        if verb == "confirm":
            self._do(request, job, partial(self._confirm, job), _("Import started."))
        else:
            cancel = partial(jobs.cancel, job.pk, by=request.user)
            self._do(request, job, cancel, _("Cancelled."))
        return HttpResponseRedirect(self.url("change", job.pk))

    def _confirm(self, job: ContactImport) -> None:
        token = jobs.confirm(job.pk)
        transaction.on_commit(
            partial(tasks.wake_import, job.pk, token), using=database.alias()
        )

    def _do(
        self, request: HttpRequest, job: ContactImport, do: Callable[[], Any], log: str
    ) -> bool:
        """The change and its entry in the history, or neither and a sentence why."""
        try:
            with transaction.atomic(using=router.db_for_write(ContactImport)):
                do()
                self.log_change(request, job, log)
        except ImportFailed as error:
            self.message_user(request, str(error), messages.ERROR)
            return False
        return True

    # Feeds

    def progress_json(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return JsonResponse(import_words.feed(self.find(request, object_id)))

    def report_file(
        self, request: HttpRequest, object_id: str
    ) -> StreamingHttpResponse:
        job = self.find(request, object_id)
        if not request.user.has_perm("csms_campaigns.view_contact"):
            raise PermissionDenied
        if job.stage not in ENDED_IMPORTS or not job.chunks.exists():
            raise Http404
        only = "all" not in request.GET
        answer = StreamingHttpResponse(
            report.lines(job.pk, only_problems=only),
            content_type="text/csv; charset=utf-8",
        )
        part = "problems" if only else "all"
        name = f"import-{job.pk}-{part}.csv"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        answer["Cache-Control"] = "no-store"
        return answer
