"""Every state, every allowed move, and the groups by meaning, drawn once.

Campaign
    draft ─► preparing ─► ready ─► (scheduled ─►) sending ⇄ paused ─► finished
      ▲          │          │
      └──────────┴──────────┘  text or audience changed, or nobody to send to
    cancelled: from any state that is not an end

Batch (the numbers of one request)
    pending ─► sending ─► done       the gateway answered
                      └─► unknown    no answer that can be trusted
            ◄─ sending               only where it is certain that nothing was sent
    pending ─► cancelled             its campaign was cancelled
    pending ─► done                  opt-outs left nobody in it
    pending ─► unknown               its database was set back, and a person said so

SendResult (one recipient)
    pending ─► sent | failed | unknown | skipped | cancelled
    unknown ─► sent | failed         a late answer, unless a person has resolved it

ContactImport (an uploaded file of contacts)
    uploaded ─► checking ─► checked ─► importing ─► done
                    ▲          │
                    └──────────┘     other columns, region or lists
    failed: the file was refused; from checking or importing
    cancelled: from any stage that is not an end
"""

from __future__ import annotations

from typing import Final

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

# “Unknown” has a context: Django's catalogue has the word too, and would be asked first.


class CampaignStatus(TextChoices):
    DRAFT = "draft", _("Draft")
    PREPARING = "preparing", _("Preparing")
    READY = "ready", _("Ready")
    SCHEDULED = "scheduled", _("Scheduled")
    SENDING = "sending", _("Sending")
    PAUSED = "paused", _("Paused")
    FINISHED = "finished", _("Finished")
    CANCELLED = "cancelled", _("Cancelled")


class CampaignKind(TextChoices):
    CAMPAIGN = "campaign", _("Campaign")
    TEST = "test", _("Test send")


class BatchStatus(TextChoices):
    PENDING = "pending", _("Waiting")
    SENDING = "sending", _("Sending")
    DONE = "done", _("Done")
    UNKNOWN = "unknown", pgettext_lazy("outcome", "Unknown")
    CANCELLED = "cancelled", _("Cancelled")


class SendStatus(TextChoices):
    PENDING = "pending", _("Waiting")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Failed")
    UNKNOWN = "unknown", pgettext_lazy("outcome", "Unknown")
    SKIPPED = "skipped", _("Left out")
    CANCELLED = "cancelled", _("Cancelled")


class SkipReason(TextChoices):
    OPTED_OUT = "opted_out", _("Opted out")
    DUPLICATE = "duplicate", _("Number already in this campaign")
    INVALID_PHONE = "invalid_phone", _("Invalid phone number")
    MISSING_PLACEHOLDER = "missing_placeholder", _("No value for a placeholder")
    ERASED = "erased", _("Erased")
    ANSWERED = "answered", _("Reached before after all")


class Resolution(TextChoices):
    """What a person decided about an unknown recipient."""

    SENT = "sent", _("Treat as sent")
    FAILED = "failed", _("Treat as failed")
    RESEND = "resend", _("Send again")


class AttemptOutcome(TextChoices):
    ANSWERED = "answered", _("Answered")
    REFUSED = "refused", _("Refused")
    NOT_SENT = "not_sent", _("Not sent")
    UNKNOWN = "unknown", pgettext_lazy("of a request", "Unknown")


class ImportStage(TextChoices):
    UPLOADED = "uploaded", _("Uploaded")
    CHECKING = "checking", _("Being checked")
    CHECKED = "checked", _("Checked")
    IMPORTING = "importing", _("Being imported")
    DONE = "done", _("Imported")
    FAILED = "failed", _("Refused")
    CANCELLED = "cancelled", _("Cancelled")


class ImportStep(TextChoices):
    """What the worker of an import does at the moment."""

    READING = "reading", _("Reading the file")
    WRITING = "writing", _("Comparing and writing contacts")
    LISTS = "lists", _("Looking through the lists")
    REPORT = "report", _("Writing the report")


class ListAction(TextChoices):
    """What an import does to its lists."""

    ADD = "add", _("Add everybody in the file to the lists")
    REPLACE = "replace", _("Make the lists hold exactly who is in the file")


class ChunkKind(TextChoices):
    FILE = "file", _("File")
    OUTCOME = "outcome", _("Outcomes of a slice")
    REPORT = "report", _("Report")


class OptOutSource(TextChoices):
    """How somebody opted out. A site's own code may name others."""

    ADMIN = "admin", _("In the admin")
    IMPORT = "import", _("Uploaded list")
    LINK = "link", _("Link of a campaign")
    PERSONAL_LINK = "personal link", _("Personal link")
    API = "api", _("The site's code")
    REPLY = "reply", _("Reply")
    COMMAND = "command", _("Command")


class BlockReason(TextChoices):
    """Why an account does not send at the moment."""

    KEY_REFUSED = "key_refused", _("The gateway refuses the API key")
    NO_CREDITS = "no_credits", _("No credits left")
    RATE_LIMITED = "rate_limited", _("The gateway says that its rate limit is reached")
    UNAVAILABLE = "unavailable", _("The gateway says that it is unavailable")
    UNREACHABLE = "unreachable", _("The gateway cannot be reached")
    NO_ANSWER = "no_answer", _("The gateway's answers do not arrive")
    DATABASE_SLOW = "database_slow", _("The database is too slow to send in time")
    DATABASE_OLD = "database_old", _("The database is older than what was sent")


_C = CampaignStatus

CAMPAIGN_MOVES: Final[dict[CampaignStatus, frozenset[CampaignStatus]]] = {
    _C.DRAFT: frozenset({_C.PREPARING, _C.CANCELLED}),
    _C.PREPARING: frozenset({_C.READY, _C.DRAFT, _C.CANCELLED}),
    _C.READY: frozenset(
        {_C.DRAFT, _C.PREPARING, _C.SCHEDULED, _C.SENDING, _C.CANCELLED}
    ),
    _C.SCHEDULED: frozenset({_C.READY, _C.SENDING, _C.CANCELLED}),
    _C.SENDING: frozenset({_C.PAUSED, _C.FINISHED, _C.CANCELLED}),
    _C.PAUSED: frozenset({_C.SENDING, _C.FINISHED, _C.CANCELLED}),
    _C.FINISHED: frozenset(),
    _C.CANCELLED: frozenset(),
}

BATCH_MOVES: Final[dict[BatchStatus, frozenset[BatchStatus]]] = {
    BatchStatus.PENDING: frozenset(
        {
            BatchStatus.SENDING,
            BatchStatus.CANCELLED,
            BatchStatus.DONE,
            BatchStatus.UNKNOWN,
        }
    ),
    BatchStatus.SENDING: frozenset(
        {
            BatchStatus.DONE,
            BatchStatus.UNKNOWN,
            BatchStatus.PENDING,
            BatchStatus.CANCELLED,
        }
    ),
    BatchStatus.UNKNOWN: frozenset({BatchStatus.DONE}),
    BatchStatus.DONE: frozenset(),
    BatchStatus.CANCELLED: frozenset(),
}

_I = ImportStage

IMPORT_MOVES: Final[dict[ImportStage, frozenset[ImportStage]]] = {
    _I.UPLOADED: frozenset({_I.CHECKING, _I.CANCELLED}),
    _I.CHECKING: frozenset({_I.CHECKED, _I.FAILED, _I.CANCELLED}),
    _I.CHECKED: frozenset({_I.CHECKING, _I.IMPORTING, _I.CANCELLED}),
    _I.IMPORTING: frozenset({_I.DONE, _I.FAILED, _I.CANCELLED}),
    _I.DONE: frozenset(),
    _I.FAILED: frozenset(),
    _I.CANCELLED: frozenset(),
}
ENDED_IMPORTS: Final = frozenset({_I.DONE, _I.FAILED, _I.CANCELLED})
WORKED_ON: Final = frozenset({_I.CHECKING, _I.IMPORTING})
"""Imports that a worker has, or should have."""

EDITABLE: Final = frozenset({_C.DRAFT, _C.READY})
"""Campaigns whose text and audience may be changed (a ready one becomes a draft)."""

LAUNCHED: Final = frozenset({_C.SENDING, _C.PAUSED, _C.FINISHED})
ACTIVE: Final = frozenset({_C.SENDING, _C.PAUSED})
ENDED: Final = frozenset({_C.FINISHED, _C.CANCELLED})
ARCHIVABLE: Final = ENDED | {_C.DRAFT}

OPEN_BATCHES: Final = frozenset({BatchStatus.PENDING, BatchStatus.SENDING})

FINAL_RESULTS: Final = frozenset(
    {
        SendStatus.SENT,
        SendStatus.FAILED,
        SendStatus.UNKNOWN,
        SendStatus.SKIPPED,
        SendStatus.CANCELLED,
    }
)
RETRYABLE_RESULTS: Final = frozenset({SendStatus.FAILED, SendStatus.UNKNOWN})


def sources_of(target: CampaignStatus) -> list[CampaignStatus]:
    """The states from which a campaign may move to `target`."""
    return [source for source, targets in CAMPAIGN_MOVES.items() if target in targets]
