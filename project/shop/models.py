from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Customer(models.Model):
    name = models.CharField(_("name"), max_length=100)
    mobile = models.CharField(_("mobile"), max_length=30)
    city = models.CharField(_("city"), max_length=100, blank=True)
    points = models.PositiveIntegerField(_("points"), default=0)
    wants_news = models.BooleanField(_("wants news"), default=True)

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")

    def __str__(self) -> str:
        return self.name
