"""People, the lists they are in, and those who must not be texted."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from csms_campaigns.models.fields import E164Field


class ContactList(models.Model):
    """A saved set of contacts."""

    name = models.CharField(_("name"), max_length=150, unique=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("contact list")
        verbose_name_plural = _("contact lists")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Contact(models.Model):
    """A person with a number. `attributes` are texts by name: the placeholders of messages."""

    phone = E164Field(
        _("phone"),
        unique=True,
        help_text=_("With the country code, such as +12125551234."),
    )
    name = models.CharField(_("name"), max_length=200, blank=True)
    attributes = models.JSONField(
        _("attributes"),
        default=dict,
        blank=True,
        help_text=_("Texts by name; messages use them as placeholders."),
    )
    lists = models.ManyToManyField(
        ContactList, verbose_name=_("lists"), related_name="contacts", blank=True
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")

    def __str__(self) -> str:
        return f"{self.name} {self.phone}" if self.name else str(self.phone)


class OptOut(models.Model):
    """A number that must not be texted. It outlives its contact, and no import undoes it."""

    phone = E164Field(_("phone"), unique=True)
    reason = models.CharField(_("reason"), max_length=255, blank=True)
    source = models.CharField(
        _("source"),
        max_length=50,
        blank=True,
        help_text=_("Where it came from, such as admin, import or a reply."),
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        verbose_name=_("created by"),
        related_name="+",
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("opt-out")
        verbose_name_plural = _("opt-outs")

    def __str__(self) -> str:
        return str(self.phone)
