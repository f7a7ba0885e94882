"""The mailing: its text, its audience, its state, and the promise made before launch."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from csms_campaigns.models.contacts import ContactList
from csms_campaigns.models.reasons import shown
from csms_campaigns.states import CampaignKind, CampaignStatus


class Campaign(models.Model):
    """One text for an audience. `status` is written by the engine alone.

    Counters never live here: eight workers on one row halve the throughput (measured), so
    progress is a sum over the batches. `skipped_counts` is written once, when it is prepared.
    """

    name = models.CharField(_("name"), max_length=200)
    account = models.CharField(
        _("account"),
        max_length=50,
        default="default",
        help_text=_("The alias of the gateway account that sends it."),
    )
    kind = models.CharField(
        max_length=10,
        choices=CampaignKind,
        default=CampaignKind.CAMPAIGN,
        editable=False,
    )
    parent = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="follow_ups",
        verbose_name=_("follow-up of"),
    )
    lists = models.ManyToManyField(
        ContactList, verbose_name=_("lists"), related_name="campaigns", blank=True
    )
    exclude_lists = models.ManyToManyField(
        ContactList,
        verbose_name=_("without"),
        related_name="excluded_from",
        blank=True,
        help_text=_("Who is in one of these lists is not in the audience."),
    )
    audiences = models.JSONField(
        _("audiences"),
        default=list,
        blank=True,
        help_text=_("Names from the site's own tables, as AUDIENCES has them."),
    )
    message = models.TextField(
        _("message"),
        blank=True,
        help_text=_('Placeholders: {{ name }} or {{ name|default:"friend" }}.'),
    )
    smart_encoding = models.BooleanField(
        _("smart encoding"),
        default=False,
        help_text=_(
            "Write curly quotes, dashes and the like in plain letters, where that saves a "
            "segment."
        ),
    )
    # Quiet hours: it is sent from `send_from` until `send_until` on `send_days` alone.
    send_from = models.TimeField(_("not before"), null=True, blank=True)
    send_until = models.TimeField(_("not after"), null=True, blank=True)
    send_days = models.CharField(
        _("days"),
        max_length=7,
        blank=True,
        help_text=_(
            "Days of the week on which it may be sent; none chosen: every day."
        ),
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        blank=True,
        help_text=_("Of the launch and of the hours; empty: the zone of the site."),
    )
    in_recipients_zone = models.BooleanField(
        _("hours of each recipient"),
        default=False,
        help_text=_("The hours are those of the time zone that the number belongs to."),
    )
    status = models.CharField(
        _("status"),
        max_length=10,
        choices=CampaignStatus,
        default=CampaignStatus.DRAFT,
        editable=False,
    )
    status_reason = models.TextField(_("reason"), blank=True, editable=False)
    # The same for programs, and for pages in another language: a code and its values.
    status_words = models.JSONField(default=dict, blank=True, editable=False)
    send_at = models.DateTimeField(_("send at"), null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("created by"),
    )
    launched_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("launched by"),
    )
    # Who last changed its text or audience; with SECOND_PAIR_OF_EYES somebody else launches.
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("changed by"),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    started_at = models.DateTimeField(_("started at"), null=True, editable=False)
    finished_at = models.DateTimeField(_("finished at"), null=True, editable=False)
    archived_at = models.DateTimeField(_("archived at"), null=True, editable=False)
    # Retention: from then on the numbers, or the rows, of its recipients are gone.
    anonymised_at = models.DateTimeField(null=True, editable=False)
    results_deleted_at = models.DateTimeField(null=True, editable=False)

    # Of a test send: the campaign that it tries, which may be gone since; and the key of the
    # form, so that a second press finds the first.
    test_of = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="test_sends",
        verbose_name=_("test of"),
    )
    form_key = models.UUIDField(null=True, unique=True, editable=False)

    # Written while it is prepared
    prepare_token = models.UUIDField(null=True, editable=False)
    prepare_lease_until = models.DateTimeField(null=True, editable=False)
    audience_count = models.PositiveIntegerField(
        _("audience"), default=0, editable=False
    )
    skipped_counts = models.JSONField(default=dict, blank=True, editable=False)
    batch_count = models.PositiveIntegerField(_("requests"), default=0, editable=False)
    segment_count = models.PositiveBigIntegerField(
        _("segments"), default=0, editable=False
    )
    # Of a follow-up: which recipients of its parent it has.
    chosen = models.JSONField(default=dict, blank=True, editable=False)
    # Of its batches: one zone, or those of the recipients' numbers.
    zones = models.JSONField(default=list, blank=True, editable=False)
    first_result_id = models.BigIntegerField(null=True, editable=False)
    last_result_id = models.BigIntegerField(null=True, editable=False)

    served_at = models.DateTimeField(null=True, editable=False)
    # Until one of its numbers was accepted, only one of its requests is in flight.
    canary_passed = models.BooleanField(default=False, editable=False)
    # Numbers in a row that the gateway refused.
    rejected_in_a_row = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        permissions = [
            ("launch_campaign", "Can launch, pause, resume and cancel campaigns"),
            ("resolve_campaign", "Can decide about unknown and failed recipients"),
        ]
        constraints = [
            models.CheckConstraint(
                name="csms_campaign_status_known",
                condition=Q(status__in=CampaignStatus.values),
            ),
            models.CheckConstraint(
                name="csms_campaign_finished_has_time",
                condition=~Q(status=CampaignStatus.FINISHED)
                | Q(finished_at__isnull=False),
            ),
            models.CheckConstraint(
                name="csms_campaign_scheduled_has_time",
                condition=~Q(status=CampaignStatus.SCHEDULED)
                | Q(send_at__isnull=False),
            ),
        ]
        indexes = [
            # Takes and ticks look for the few that are neither drafts nor over.
            models.Index(
                fields=["account", "status"],
                name="csms_campaign_live",
                condition=Q(
                    status__in=[
                        CampaignStatus.PREPARING,
                        CampaignStatus.SCHEDULED,
                        CampaignStatus.SENDING,
                        CampaignStatus.PAUSED,
                    ]
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def reason(self) -> str:
        """`status_reason` in the reader's language."""
        return shown(self.status_reason, self.status_words)


class MessageTemplate(models.Model):
    """A text to begin a campaign with."""

    name = models.CharField(_("name"), max_length=150, unique=True)
    message = models.TextField(_("message"))
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("message template")
        verbose_name_plural = _("message templates")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
