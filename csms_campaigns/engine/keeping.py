"""Keeps the prepare token while the site's own code is busy."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Final
from uuid import UUID

from django.db import DatabaseError

from csms_campaigns.engine.database import connection
from csms_campaigns.engine.writing import LEASE, TokenLost, hold

logger = logging.getLogger("csms_campaigns.engine")

EVERY: Final = LEASE / 4


@contextmanager
def kept(campaign_id: int, token: UUID) -> Iterator[None]:
    """A thread renews the lease on a connection of its own: this one may be in the middle of
    a query of the site, or of a transaction that it has not committed."""
    done = Event()
    name = f"csms-lease-{campaign_id}"
    given = (campaign_id, token, done)
    thread = Thread(target=_keep, args=given, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        # Not for ever: in a transaction of the site's, it waits for a row that we have locked.
        thread.join(EVERY)


def _keep(campaign_id: int, token: UUID, done: Event) -> None:
    try:
        while not done.wait(EVERY):
            _hold(campaign_id, token)
    except TokenLost:
        pass  # Whoever writes the next slice finds out too.
    finally:
        connection().close()


def _hold(campaign_id: int, token: UUID) -> None:
    try:
        hold(campaign_id, token)
    except DatabaseError:
        # The next try comes before the lease has run out.
        logger.exception("The lease of campaign %s could not be renewed", campaign_id)
        connection().close()
