"""Does anything tick? Beat, cron, or a busy lane: whoever did it last left its time."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext as _

from csms_campaigns.diagnosis.findings import Finding, fine, problem
from csms_campaigns.engine import ticking
from csms_campaigns.engine.database import now, rows
from csms_campaigns.models import Heartbeat

LATE: Final = 90.0
"""Seconds: nine ticks of beat, or one of cron that is late."""


def age() -> float | None:
    """Seconds since the last tick; None if there was none yet."""
    found = rows(Heartbeat).filter(name=ticking.NAME).values_list("at", flat=True)
    at = found.first()
    return None if at is None else (now() - at).total_seconds()


def examine() -> list[Finding]:
    seconds = age()
    if seconds is None:
        text = _("Nothing has ever ticked: scheduled campaigns would not start.")
        return [problem("tick.never", text, _advice())]
    words = {"seconds": round(seconds)}
    if seconds > LATE:
        text = _("Nothing has ticked for %(seconds)d s; ten are meant.")
        return [problem("tick.late", text % words, _advice())]
    return [fine("tick", _("The last tick was %(seconds)d s ago.") % words)]


def _advice() -> str:
    return _(
        "Start beat (celery -A mysite beat, or worker -B) and a worker, or have cron run "
        "“manage.py csms_tick”."
    )
