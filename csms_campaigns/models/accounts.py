"""What is known of each gateway account: state only. The API key is never stored."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from csms_campaigns.states import BlockReason


class GatewayAccount(models.Model):
    """The state of one API key. Its row is locked by each take: it serialises one key, nothing else."""

    alias = models.CharField(_("alias"), max_length=50, unique=True, editable=False)
    # Names this account in the witness outside of the database, so that two sites that share
    # a Redis server do not take each other's for their own.
    witness_id = models.UUIDField(default=uuid.uuid4, editable=False)
    remaining_credits = models.BigIntegerField(
        _("remaining credits"), null=True, editable=False
    )
    credits_at = models.DateTimeField(_("credits as of"), null=True, editable=False)
    # The balance is that of the latest request that was answered, not of the latest answer.
    credits_cum = models.BigIntegerField(default=0, editable=False)

    cum = models.BigIntegerField(
        _("requests so far"),
        default=0,
        editable=False,
        help_text=_("The running count of requests; the limiter reads it."),
    )
    stamped_at = models.DateTimeField(_("last request"), null=True, editable=False)

    blocked_reason = models.CharField(
        _("blocked because"),
        max_length=20,
        choices=BlockReason,
        blank=True,
        editable=False,
    )
    blocked_detail = models.TextField(
        _("the gateway's words"), blank=True, editable=False
    )
    blocked_until = models.DateTimeField(_("blocked until"), null=True, editable=False)
    # Requests stamped before the block began neither lift it nor count as one more failure.
    blocked_cum = models.BigIntegerField(default=0, editable=False)
    # In a row, all certain that nothing was sent: the delay grows with it.
    failures = models.PositiveIntegerField(default=0, editable=False)
    # Requests in a row that got no answer: each of them costs a batch of unknowns.
    unanswered = models.PositiveIntegerField(default=0, editable=False)
    learned_batch_size = models.PositiveIntegerField(
        _("numbers in one request"),
        null=True,
        editable=False,
        help_text=_("Learnt from the gateway, which refused more."),
    )
    # After a block one request goes alone, until one is answered.
    probing = models.BooleanField(default=False, editable=False)
    # A refusal stamped before a person resumed does not block again.
    resumed_cum = models.BigIntegerField(default=0, editable=False)

    # Requests that left, as the witness says, and that no row knows any more: the limiter
    # counts all of (lost_from, lost_to] as stamped at `lost_at`.
    lost_from = models.BigIntegerField(default=0, editable=False)
    lost_to = models.BigIntegerField(default=0, editable=False)
    lost_at = models.DateTimeField(null=True, editable=False)
    # How far the database's clock has jumped, and what each machine last saw of it.
    clock = models.JSONField(default=dict, blank=True, editable=False)

    # Longer waits are written down here; the tick starts the lanes again.
    next_free_at = models.DateTimeField(null=True, editable=False)
    sleeper_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("gateway account")
        verbose_name_plural = _("gateway accounts")
        ordering = ["alias"]

    def __str__(self) -> str:
        return self.alias


class Lane(models.Model):
    """A place for one request in flight. Taken by a conditional update with an expiry."""

    account = models.ForeignKey(
        GatewayAccount, on_delete=models.CASCADE, related_name="lanes"
    )
    number = models.PositiveSmallIntegerField()
    owner = models.CharField(max_length=40, blank=True)
    until = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "number"], name="csms_lane_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}/{self.number}"


class Heartbeat(models.Model):
    """When something that should happen again and again last happened."""

    name = models.CharField(max_length=30, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
