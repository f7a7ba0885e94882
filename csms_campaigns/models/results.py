"""What became of each recipient of a campaign: the largest table by far."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from csms_campaigns.models.campaigns import Campaign
from csms_campaigns.models.contacts import Contact
from csms_campaigns.models.sending import Batch
from csms_campaigns.states import Resolution, SendStatus, SkipReason


class SendResult(models.Model):
    """What became of one recipient of a campaign.

    None of its references carries a constraint (measured: twice the speed), and it must have no
    signals. Only columns that never change may be indexed: an index on one that
    recording changes ends PostgreSQL's in-place updates and costs 40 % of the speed.
    """

    campaign = models.ForeignKey(
        Campaign,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="results",
        verbose_name=_("campaign"),
    )
    contact = models.ForeignKey(
        Contact,
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="results",
        verbose_name=_("contact"),
    )
    batch = models.ForeignKey(
        Batch,
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        related_name="results",
        verbose_name=_("batch"),
    )
    retry_of = models.ForeignKey(
        "self",
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("retry of"),
    )
    updated_at = models.DateTimeField(_("updated at"), null=True)
    resolved_at = models.DateTimeField(_("resolved at"), null=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("resolved by"),
    )
    phone = models.CharField(_("phone"), max_length=16, null=True)  # noqa: DJ001 NULL is outside the unique constraint
    status = models.CharField(
        _("status"),
        max_length=10,
        choices=SendStatus,
        default=SendStatus.PENDING,
        help_text=_(
            "“Sent” means accepted by the gateway. It gives no delivery receipts, so nobody "
            "can tell whether the phone got the text."
        ),
    )
    skip_reason = models.CharField(
        _("left out because"), max_length=20, choices=SkipReason, blank=True
    )
    resolution = models.CharField(
        _("decision"), max_length=10, choices=Resolution, blank=True
    )
    # Only of recipients without a contact, who come from an audience of the site.
    name = models.CharField(_("name"), max_length=200, blank=True)
    message_id = models.CharField(_("message id"), max_length=128, blank=True)
    error_code = models.CharField(_("error code"), max_length=64, blank=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("recipient")
        verbose_name_plural = _("recipients")
        permissions = [("export_sendresult", "Can export recipients")]
        constraints = [
            # One index for the search by number and for “nobody twice”.
            models.UniqueConstraint(
                fields=["phone", "campaign"],
                name="csms_result_phone_once",
                opclasses=["varchar_pattern_ops", "int8_ops"],
            ),
            models.UniqueConstraint(
                fields=["retry_of"],
                name="csms_result_retried_once",
                condition=Q(retry_of__isnull=False),
            ),
            models.CheckConstraint(
                name="csms_result_status_known",
                condition=Q(status__in=SendStatus.values),
            ),
            models.CheckConstraint(
                name="csms_result_skipped_has_reason",
                condition=Q(
                    status=SendStatus.SKIPPED, skip_reason__in=SkipReason.values
                )
                | (~Q(status=SendStatus.SKIPPED) & Q(skip_reason="")),
            ),
            models.CheckConstraint(
                name="csms_result_no_phone_is_skipped",
                condition=Q(phone__isnull=False) | Q(status=SendStatus.SKIPPED),
            ),
        ]

    def __str__(self) -> str:
        return self.phone or self.error
