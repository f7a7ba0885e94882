"""Signals for the site: what the campaigns did, after it was committed.

Receivers get ids only. An error in a receiver is logged and never stops the engine.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.dispatch import Signal

from csms_campaigns import logs

logger = logs.logger("csms_campaigns")

campaign_status_changed = Signal()
"""Sent with `campaign_id`, `status`, `reason`."""

batch_recorded = Signal()
"""Sent with `campaign_id`, `batch_id`."""

unknown_resolved = Signal()
"""Sent with `campaign_id`, `resolution`, `count`: a person decided about so many recipients."""


def announce(signal: Signal, using: str, **values: Any) -> None:
    """Send `signal` once the current transaction on `using` has committed."""

    def send() -> None:
        ids = {name: values[name] for name in logs.FIELDS if name in values}
        with logs.about(**ids):
            if "status" in values:
                logger.info("Campaign %s: %s", values["campaign_id"], values["status"])
            for receiver, answer in signal.send_robust(sender=None, **values):
                if isinstance(answer, Exception):
                    logger.error("Receiver %r failed: %r", receiver, answer)

    transaction.on_commit(send, using=using, robust=True)
