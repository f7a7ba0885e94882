"""One batch, top to bottom: take → send → finish.

`take` commits the claim before anything leaves; no transaction is open while the request is in
flight; `finish` writes every recipient's outcome in one transaction. Whatever dies in between
leaves a batch that is `sending` with a lease: the sweep makes it unknown, and nobody repeats it.
"""

from __future__ import annotations

import threading
from typing import Final, Protocol

from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    ProgrammingError,
)

from csms_campaigns import logs
from csms_campaigns.engine import accounts, finishing, witness
from csms_campaigns.engine.consequences import SLOW_BEFORE, SLOW_CONNECTION
from csms_campaigns.engine.database import connection
from csms_campaigns.engine.limits import GATE, steady
from csms_campaigns.engine.taking import Nothing, Taken, Wait, take
from csms_campaigns.gateway.errors import GatewayError, PermitExpired
from csms_campaigns.gateway.receipts import Receipt

logger = logs.logger("csms_campaigns.engine")

LATE: Final = 1.0
"""Seconds from the permit to the connecting, after which it is not the connection that is slow."""
SLOW: Final = {
    SLOW_BEFORE: "the permit was too old when the connection was begun",
    SLOW_CONNECTION: "connecting took too long",
}
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 10.0


class Stop(Protocol):
    """Set when the process was told to end; `threading.Event` is one."""

    def is_set(self) -> bool: ...
    def wait(self, timeout: float | None = None) -> bool: ...


NEVER: Final = threading.Event()


def send_next(
    alias: str, stop: Stop = NEVER, after: Taken | None = None
) -> Taken | Wait | Nothing:
    """Take one batch of the account, send it, write what became of it; `after`: see `take`."""
    with logs.about(account=alias):
        taken = take(alias, after)
        if isinstance(taken, Taken):
            with logs.about(**_ids(taken)):
                # Before the request: if it leaves, somebody outside of the database knows.
                witness.tell(taken.witness_id, taken.cum)
                answer = send(taken)
                finish(taken, answer, stop)
                _log(taken, answer)
    return taken


def _ids(taken: Taken) -> dict[str, int]:
    return {
        "campaign_id": taken.campaign_id,
        "batch_id": taken.batch_id,
        "attempt_id": taken.attempt_id,
    }


def _log(taken: Taken, answer: Receipt | GatewayError) -> None:
    asked = len(taken.recipients)
    if isinstance(answer, Receipt):
        sent = sum(outcome.accepted for outcome in answer.outcomes.values())
        text = "Batch %s: %s asked for, %s accepted"
        logger.info(text, taken.batch_id, asked, sent)
        return
    kind = "nothing sent" if answer.nothing_sent else "unknown"
    text = "Batch %s: %s asked for, %s: %s"
    logger.warning(text, taken.batch_id, asked, kind, answer.text)


def send(taken: Taken) -> Receipt | GatewayError:
    """The request. The gate asks once more, when the connection stands, whether it may begin."""

    begun = steady()

    def gate() -> None:
        if steady() - taken.taken_at > GATE:
            was_late = begun - taken.taken_at > LATE
            code = SLOW_BEFORE if was_late else SLOW_CONNECTION
            raise PermitExpired(SLOW[code], code=code)

    try:
        return accounts.client(taken.alias).send(taken.numbers, taken.message, gate)
    except GatewayError as error:
        return error


def finish(taken: Taken, answer: Receipt | GatewayError, stop: Stop = NEVER) -> None:
    """Write the answer down, however long the database is away: it cannot be asked for again."""
    pause = FIRST_PAUSE
    while True:
        try:
            finishing.finish(taken, answer)
        except (DataError, IntegrityError, ProgrammingError):
            raise  # Ours to mend; trying again would not help.
        except (DatabaseError, InterfaceError) as error:
            logger.warning(
                "Batch %s: cannot write its answer (%s), trying again",
                taken.batch_id,
                type(error).__name__,
            )
            if stop.is_set():
                raise
            _fresh_connection()
            stop.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        else:
            return


def _fresh_connection() -> None:
    if not connection().in_atomic_block:
        connection().close()
