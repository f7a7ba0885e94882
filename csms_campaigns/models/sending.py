"""What is sent: batches, which are the queue, and the requests that were made for them."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from csms_campaigns.models.accounts import GatewayAccount
from csms_campaigns.models.campaigns import Campaign
from csms_campaigns.states import AttemptOutcome, BatchStatus


class Batch(models.Model):
    """The numbers of one request, with their final text. A pending row is the queue."""

    # Without a constraint: checking each row at the commit takes a fifth of the time in which a
    # million texts are prepared. The engine alone adds batches, and locks the campaign to do it.
    campaign = models.ForeignKey(
        Campaign,
        on_delete=models.PROTECT,
        related_name="batches",
        db_constraint=False,
        db_index=False,
        verbose_name=_("campaign"),
    )
    number = models.PositiveIntegerField(_("number"))
    message = models.TextField(_("message"))
    status = models.CharField(
        _("status"),
        max_length=10,
        choices=BatchStatus,
        default=BatchStatus.PENDING,
    )
    size = models.PositiveIntegerField(_("recipients"), default=0)
    segments = models.PositiveSmallIntegerField(
        _("segments"), help_text=_("Of the text, for one recipient.")
    )
    # Of its recipients, where each is texted in the hours of their own zone.
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    # Of the prepared batch, for all its parts: requests refused for the sake of a number.
    refusal_count = models.PositiveSmallIntegerField(default=0, editable=False)
    not_before = models.DateTimeField(_("not before"), null=True)
    lease_until = models.DateTimeField(_("lease until"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)
    attempt = models.ForeignKey(
        "Attempt",
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("latest request"),
    )
    split_from = models.ForeignKey(
        "self",
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("split from"),
    )
    error_code = models.CharField(_("error code"), max_length=64, blank=True)
    error = models.TextField(_("error"), blank=True)

    sent_count = models.PositiveIntegerField(_("sent"), default=0)
    failed_count = models.PositiveIntegerField(_("failed"), default=0)
    unknown_count = models.PositiveIntegerField(_("unknown"), default=0)
    skipped_count = models.PositiveIntegerField(_("left out"), default=0)
    # Decisions about its unknown recipients; who is sent again stands in a follow-up too.
    treated_sent_count = models.PositiveIntegerField(_("treated as sent"), default=0)
    treated_failed_count = models.PositiveIntegerField(
        _("treated as failed"), default=0
    )
    resend_count = models.PositiveIntegerField(_("sent again"), default=0)
    # Of those who are sent again: a late answer came, and they are unknown no longer.
    late_sent_count = models.PositiveIntegerField(default=0, editable=False)
    late_failed_count = models.PositiveIntegerField(default=0, editable=False)
    # Left out, since a late answer said that an earlier campaign reached them.
    answered_count = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
        constraints = [
            models.CheckConstraint(
                name="csms_batch_status_known",
                condition=Q(status__in=BatchStatus.values),
            ),
            models.CheckConstraint(
                name="csms_batch_sending_has_lease",
                condition=~Q(status=BatchStatus.SENDING)
                | Q(lease_until__isnull=False, attempt__isnull=False),
            ),
            models.CheckConstraint(
                name="csms_batch_counts_fit",
                condition=Q(
                    size__gte=F("sent_count")
                    + F("failed_count")
                    + F("unknown_count")
                    + F("skipped_count")
                ),
            ),
            models.CheckConstraint(
                name="csms_batch_done_adds_up",
                condition=~Q(status__in=[BatchStatus.DONE, BatchStatus.UNKNOWN])
                | Q(
                    size=F("sent_count")
                    + F("failed_count")
                    + F("unknown_count")
                    + F("skipped_count")
                ),
            ),
        ]
        indexes = [
            # The queue. No other index may hold `number`, or the planner walks over all
            # that was claimed before (measured: 1.9 ms becomes 11 ms).
            models.Index(
                fields=["campaign", "time_zone", "number"],
                name="csms_batch_pending",
                condition=Q(status=BatchStatus.PENDING),
            ),
            models.Index(
                fields=["lease_until"],
                name="csms_batch_sending",
                condition=Q(status=BatchStatus.SENDING),
            ),
            models.Index(fields=["campaign", "finished_at"], name="csms_batch_monitor"),
            # What a person has to decide about, and the last failures: few, and asked for by
            # a page that refreshes itself. With the id, since a choice walks in its order.
            models.Index(
                fields=["campaign", "id"],
                name="csms_batch_undecided",
                condition=Q(
                    unknown_count__gt=F("treated_sent_count")
                    + F("treated_failed_count")
                    + F("resend_count")
                ),
            ),
            # What a person has decided about: few too, and summed by the page of the undecided.
            models.Index(
                fields=["campaign"],
                name="csms_batch_decided",
                condition=Q(treated_sent_count__gt=0)
                | Q(treated_failed_count__gt=0)
                | Q(resend_count__gt=0)
                | Q(late_sent_count__gt=0)
                | Q(late_failed_count__gt=0),
            ),
            models.Index(
                fields=["campaign", "id"],
                name="csms_batch_failed",
                condition=Q(failed_count__gt=0),
            ),
            models.Index(
                fields=["finished_at"],
                name="csms_batch_failures",
                condition=Q(failed_count__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id}/{self.number}"


class Attempt(models.Model):
    """One request that left or was about to: the limiter's log, and the evidence.

    A campaign with attempts cannot be deleted by the ORM: the limiter would forget requests.
    """

    account = models.ForeignKey(
        GatewayAccount,
        on_delete=models.PROTECT,
        related_name="attempts",
        db_index=False,
        verbose_name=_("account"),
    )
    batch = models.ForeignKey(
        Batch,
        on_delete=models.PROTECT,
        related_name="attempts",
        verbose_name=_("batch"),
    )
    cum = models.BigIntegerField(_("running count"))
    stamped_at = models.DateTimeField(_("stamped at"))
    done_at = models.DateTimeField(_("done at"), null=True)
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True)
    outcome = models.CharField(
        _("outcome"), max_length=10, choices=AttemptOutcome, blank=True
    )
    remaining_credits = models.BigIntegerField(_("remaining credits"), null=True)
    # The evidence for unknown recipients: what was asked for, and what is known of it. A batch
    # that was split since has other numbers.
    size = models.PositiveIntegerField(_("recipients"), default=0)
    segments = models.PositiveSmallIntegerField(_("segments"), default=0)
    sent_count = models.PositiveIntegerField(_("sent"), default=0)
    failed_count = models.PositiveIntegerField(_("failed"), default=0)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("request")
        verbose_name_plural = _("requests")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "cum"], name="csms_attempt_cum_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}#{self.cum}"
