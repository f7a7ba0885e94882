"""Contacts that match some conditions on their way into a list: so that any worker goes on."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from csms_campaigns.models.contacts import ContactList


class ContactSelection(models.Model):
    """`cursor` and `added_count` are committed with the slice that they count."""

    contact_list = models.ForeignKey(
        ContactList,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("list"),
    )
    conditions = models.JSONField(default=dict, editable=False)
    # Ids up to `cursor` were looked at; who came after `last_contact_id` is not asked about.
    cursor = models.BigIntegerField(default=0, editable=False)
    last_contact_id = models.BigIntegerField(default=0, editable=False)
    added_count = models.PositiveBigIntegerField(_("added"), default=0, editable=False)
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
    finished_at = models.DateTimeField(_("finished at"), null=True, editable=False)

    class Meta:
        verbose_name = _("selection")
        verbose_name_plural = _("selections")

    def __str__(self) -> str:
        return str(self.contact_list)
