"""An uploaded file of contacts on its way into the tables, and the report of what it did."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from csms_campaigns.models.contacts import ContactList
from csms_campaigns.states import ChunkKind, ImportStage, ImportStep, ListAction


class ContactImport(models.Model):
    """`stage` is written by `contacts_io` alone, guarded by the token of whoever works on it.

    Counts are committed together with the slice that they count, so they are true wherever a
    worker died.
    """

    name = models.CharField(_("file"), max_length=255)
    size = models.PositiveBigIntegerField(_("size"), default=0, editable=False)
    stage = models.CharField(
        _("state"),
        max_length=10,
        choices=ImportStage,
        default=ImportStage.UPLOADED,
        editable=False,
    )
    reason = models.TextField(_("reason"), blank=True, editable=False)

    # What the columns of the file are called, with a few cells of each; and what they become.
    header = models.JSONField(default=list, blank=True, editable=False)
    columns = models.JSONField(default=dict, blank=True, editable=False)
    region = models.CharField(_("region"), max_length=2, blank=True)
    list_action = models.CharField(
        _("lists"), max_length=10, choices=ListAction, default=ListAction.ADD
    )
    lists = models.ManyToManyField(
        ContactList, verbose_name=_("lists"), related_name="+", blank=True
    )
    # Made when it is confirmed, since a check changes nothing.
    new_list = models.CharField(_("new list"), max_length=150, blank=True)
    # The language of the person, for the sentences that a worker writes.
    language = models.CharField(max_length=16, blank=True, editable=False)

    # `planned` is what the dry run found, with examples; `counts` is what was really written.
    planned = models.JSONField(default=dict, blank=True, editable=False)
    counts = models.JSONField(default=dict, blank=True, editable=False)

    # Where the worker is; another one goes on from there.
    step = models.CharField(max_length=10, choices=ImportStep, blank=True)
    done = models.PositiveBigIntegerField(default=0, editable=False)
    total = models.PositiveBigIntegerField(default=0, editable=False)
    slice_count = models.PositiveIntegerField(default=0, editable=False)
    last_number = models.BigIntegerField(default=0, editable=False)
    # Members with a later id came after the import was confirmed: it does not remove them.
    last_member_id = models.BigIntegerField(default=0, editable=False)
    member_cursor = models.BigIntegerField(default=0, editable=False)
    token = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)

    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("created by"),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    started_at = models.DateTimeField(_("started at"), null=True, editable=False)
    finished_at = models.DateTimeField(_("finished at"), null=True, editable=False)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        constraints = [
            models.CheckConstraint(
                name="csms_import_stage_known",
                condition=Q(stage__in=ImportStage.values),
            ),
            models.CheckConstraint(
                name="csms_import_worked_on_has_lease",
                condition=~Q(stage__in=[ImportStage.CHECKING, ImportStage.IMPORTING])
                | Q(token__isnull=False, lease_until__isnull=False),
            ),
            models.CheckConstraint(
                name="csms_import_ended_has_time",
                condition=~Q(
                    stage__in=[
                        ImportStage.DONE,
                        ImportStage.FAILED,
                        ImportStage.CANCELLED,
                    ]
                )
                | Q(finished_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ImportChunk(models.Model):
    """A piece of the file, or of the report, that belongs to an import.

    In the database, so that every machine's worker can read it and no web server hands it
    out; the file's pieces go when the import ends.
    """

    contact_import = models.ForeignKey(
        ContactImport, on_delete=models.CASCADE, related_name="chunks", db_index=False
    )
    kind = models.CharField(max_length=10, choices=ChunkKind)
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["contact_import", "kind", "number"], name="csms_chunk_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contact_import_id}/{self.kind}/{self.number}"
