"""Everything in order: what cannot be asked, since the one before is broken, is not asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from django.core.checks import run_checks
from django.core.checks.messages import ERROR
from django.db import DatabaseError
from django.utils.translation import gettext as _

from csms_campaigns import conf, logs
from csms_campaigns.diagnosis import (
    accounts,
    broker,
    campaigns,
    database,
    gateway,
    ticking,
    workers,
)
from csms_campaigns.diagnosis.findings import Finding, Level, fine, problem, warning
from csms_campaigns.engine import witness
from csms_campaigns.engine.bounded import TooSlow, bounded

logger = logs.logger("csms_campaigns.diagnosis")

Probe = Callable[[], Iterable[Finding]]


def examine() -> Iterator[Finding]:
    """All findings, as they are made."""
    checked = settings()
    yield from checked
    # Wrong settings are a reason not to look at accounts and workers, which would fail on them.
    settled = not list(conf.problems())
    stored = list(_safely(database.examine))
    yield from stored
    has_tables = stored[-1].level == Level.OK
    yield from (heard := list(_safely(broker.examine)))
    if settled:
        if heard[-1].level == Level.OK:
            yield from _safely(workers.examine)
        yield from _safely(gateway.examine)
    if has_tables:
        yield from _of_the_database(settled)


def _of_the_database(settled: bool) -> Iterator[Finding]:
    yield from _safely(ticking.examine, bounds=True)
    if settled:
        yield from _safely(accounts.examine, bounds=True)
        yield from _safely(campaigns.examine, bounds=True)
        yield from _safely(_witness)
    yield from _safely(campaigns.examine_ledgers, bounds=True)


def settings() -> list[Finding]:
    """What `manage.py check` says of the app."""
    found = []
    for message in run_checks(tags=["csms_campaigns"]):
        if message.is_silenced():
            continue
        make = problem if message.level >= ERROR else warning
        text, hint = str(message.msg), str(message.hint or "")
        found.append(make("settings.check", text, hint, str(message.id or "")))
    return found or [fine("settings", _("Every setting is right."))]


def _witness() -> Iterator[Finding]:
    """Only there it is known whether the database was set back."""
    if not witness.is_there():
        return
    for alias, witness_id in accounts.witnesses():
        if not witness.answers(witness_id):
            text = _("The witness in Redis does not answer.")
            advice = _("Start Redis; till then a restored database is not noticed.")
            yield warning("witness.silent", text, advice)
            return
        known = accounts.requests(alias)
        if witness.highest(witness_id) > known:
            yield _set_back(alias)
            return
    yield fine("witness", _("The database knows of every request that was witnessed."))


def _set_back(alias: str) -> Finding:
    text = _("Account %(alias)s: the database is older than what was sent.")
    advice = _("Run “manage.py csms_doctor --after-restore” before a worker starts.")
    return problem("database.old", text % {"alias": alias}, advice, alias)


def _safely(probe: Probe, *, bounds: bool = False) -> Iterator[Finding]:
    """A look that fails is a finding too, and the others go on."""
    try:
        if bounds:
            with bounded(database.PATIENCE):
                found = list(probe())
        else:
            found = list(probe())
    except TooSlow:
        found = [database.too_slow()]
    except DatabaseError as error:
        found = [_failed(probe, error)]
    except Exception as error:
        logger.exception("%s failed", probe.__module__)
        found = [_failed(probe, error)]
    yield from found


def _failed(probe: Probe, error: Exception) -> Finding:
    text = _("The look at %(what)s failed: %(error)s.")
    what = probe.__module__.rpartition(".")[2]
    words = {"what": what, "error": type(error).__name__}
    return problem("doctor.failed", text % words, _("See the log for the details."))
