"""Does the database answer, has it our tables, and does its clock agree with this machine's?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from csms_campaigns.diagnosis.findings import Finding, fine, problem, warning
from csms_campaigns.diagnosis.patience import NoAnswer, within
from csms_campaigns.engine.bounded import TooSlow, bounded
from csms_campaigns.engine.database import alias, connection, is_postgresql, now

PATIENCE: Final = 3.0
APART: Final = 5.0
"""Seconds between two clocks that are too many: logs and times of launch would mislead."""


def examine() -> list[Finding]:
    """The last of them is a problem if nothing more can be asked of the database."""
    try:
        reach()
        with bounded(PATIENCE):
            missing = unapplied()
    except (DatabaseError, NoAnswer) as error:
        return [_unreachable(error)]
    except TooSlow:
        return [too_slow()]
    if missing:
        return [_unmigrated(missing)]
    return [*_clock(), fine("database", _about())]


def reach() -> None:
    """Connects, if it is not connected; a server that takes the call and says nothing is
    noticed in seconds."""
    if connection().connection is None and is_postgresql():
        within(PATIENCE, _try)
    with connection().cursor() as cursor:
        cursor.execute("SELECT 1")


def _try() -> None:
    """On a connection of this thread's own."""
    name = alias()
    try:
        connections[name].ensure_connection()
    finally:
        connections[name].close()


def unapplied() -> list[str]:
    """Migrations of the app that this database has not seen."""
    executor = MigrationExecutor(connection())
    ours = [n for n in executor.loader.graph.leaf_nodes() if n[0] == "csms_campaigns"]
    plan = executor.migration_plan(ours)
    return [m.name for m, _backwards in plan if m.app_label == "csms_campaigns"]


def clock_ahead() -> float:
    """Seconds by which the database's clock is ahead of this machine's."""
    before = time.time()
    moment = now()
    after = time.time()
    aware = timezone.make_aware(moment) if timezone.is_naive(moment) else moment
    return aware.timestamp() - (before + after) / 2


def _clock() -> Iterator[Finding]:
    seconds = clock_ahead()
    if abs(seconds) > APART:
        text = _(
            "The clock of the database and that of this machine are %(seconds)d s apart."
        )
        advice = _("Let NTP set both. Stop the workers before a clock is set back.")
        yield warning("database.clock", text % {"seconds": abs(seconds)}, advice)


def _about() -> str:
    name = connection().display_name
    version = ".".join(map(str, connection().get_database_version()))
    words = {"name": name, "version": version}
    return _("%(name)s %(version)s answers, and has every table.") % words


def _unreachable(error: Exception) -> Finding:
    text = _("The database does not answer: %(error)s.")
    advice = _("Start it, or correct DATABASES in the settings.")
    # The type alone: a driver's words may hold the address.
    words = {"error": type(error).__name__}
    return problem("database.unreachable", text % words, advice)


def too_slow() -> Finding:
    text = ngettext(
        "The database takes more than %(seconds)d second for a short question.",
        "The database takes more than %(seconds)d seconds for a short question.",
        int(PATIENCE),
    )
    advice = _("Look for locks and for load there; run ANALYZE if rows came in bulk.")
    return problem("database.slow", text % {"seconds": PATIENCE}, advice)


def _unmigrated(missing: list[str]) -> Finding:
    text = _("The database lacks migrations: %(names)s.")
    advice = _("Stop the workers, run “manage.py migrate”, start them again.")
    return problem("database.migrations", text % {"names": ", ".join(missing)}, advice)
