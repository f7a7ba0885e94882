"""Which workers live, which queues they read, and do they know what this process knows?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from celery import current_app
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from csms_campaigns import conf
from csms_campaigns.diagnosis import broker, panel, wiring
from csms_campaigns.diagnosis.findings import Finding, fine, problem, warning
from csms_campaigns.diagnosis.patience import within

PATIENCE: Final = 1.5
CLOCK: Final = 60.0
"""Seconds by which a worker's clock may be wrong: ours is the database's, but wake-ups expire
by the worker's."""


@dataclass(frozen=True)
class Worker:
    """One that answered. `report` is None if it does not know this app."""

    name: str
    queues: frozenset[str]
    report: dict[str, Any] | None
    asked_at: float

    @property
    def clock_ahead(self) -> float:
        return float(self.report["time"]) - self.asked_at if self.report else 0.0


def examine() -> list[Finding]:
    if not current_app.conf.worker_enable_remote_control:
        text = _("Workers are told to answer nobody (worker_enable_remote_control).")
        advice = _("Turn it on, or look at each worker yourself.")
        return [warning("workers.hidden", text, advice)]
    return list(judge(ask()))


def ask() -> list[Worker]:
    """Every worker at the broker that answers in time."""
    return within(3 * PATIENCE + 2, _ask)


def _ask() -> list[Worker]:
    with broker.link() as link:
        inspect = current_app.control.inspect(timeout=PATIENCE, connection=link)
        queues = inspect.active_queues() or {}
        if not queues:
            return []
        names, asked_at = sorted(queues), time.time()
        # As soon as each has answered there is nothing more to wait for.
        told = current_app.control.broadcast(
            panel.COMMAND,
            destination=names,
            reply=True,
            timeout=PATIENCE,
            limit=len(names),
            connection=link,
        )
    reports = {name: report for one in told or [] for name, report in one.items()}
    return [_worker(n, queues[n], reports.get(n), asked_at) for n in names]


def _worker(name: str, queues: Any, report: Any, asked_at: float) -> Worker:
    read = frozenset(str(queue["name"]) for queue in queues)
    knows = isinstance(report, dict) and "settings" in report
    return Worker(name, read, report if knows else None, asked_at)


def judge(found: list[Worker]) -> Iterator[Finding]:
    """What is wrong with these, or that nothing is."""
    if not found:
        text = _("No worker answers.")
        advice = _(
            "Start one: celery -A mysite worker -P threads -c 8. One with the solo pool "
            "answers only between two tasks."
        )
        yield problem("workers.none", text, advice)
        return
    wrong = [*_unread(found), *_strangers(found), *_differences(found), *_few(found)]
    yield from wrong
    if not wrong:
        names = ", ".join(worker.name for worker in found)
        text = ngettext(
            "%(count)d worker answers: %(names)s.",
            "%(count)d workers answer: %(names)s.",
            len(found),
        )
        yield fine("workers", text % {"count": len(found), "names": names})


def _unread(found: list[Worker]) -> Iterator[Finding]:
    read = frozenset().union(*(worker.queues for worker in found))
    for queue in sorted(set(wiring.our_queues()) - read):
        text = _(
            "No worker reads the queue “%(queue)s”, to which our tasks go; they read: "
            "%(read)s."
        )
        advice = _("Start a worker with -Q %(queue)s, or correct CELERY_TASK_ROUTES.")
        words = {"queue": queue, "read": ", ".join(sorted(read))}
        yield problem("workers.wrong_queue", text % words, advice % words, queue)


def _strangers(found: list[Worker]) -> Iterator[Finding]:
    """Another project's worker on our queue would throw our wake-ups away."""
    ours = set(wiring.our_queues())
    for worker in found:
        if worker.report is None and worker.queues & ours:
            text = _(
                "The worker %(name)s reads our queue, but does not know csms_campaigns: "
                "it throws our wake-ups away."
            )
            advice = _(
                "Give each project a Redis database or a queue of its own; or restart the "
                "worker, if it is an old one of this site."
            )
            words = {"name": worker.name}
            yield problem("workers.foreign", text % words, advice, worker.name)


def _differences(found: list[Worker]) -> Iterator[Finding]:
    here = panel.report()
    for worker in found:
        if worker.report is None:
            continue
        words = {"name": worker.name, "seconds": abs(worker.clock_ahead)}
        for key, text, advice in _comparisons():
            if worker.report.get(key) != here[key]:
                yield warning(f"workers.{key}", text % words, advice, worker.name)
        if abs(worker.clock_ahead) > CLOCK:
            text = _("The clock of the worker %(name)s is %(seconds)d s wrong.")
            advice = _("Let NTP set it.")
            yield warning("workers.clock", text % words, advice, worker.name)


def _comparisons() -> list[tuple[str, str, str]]:
    return [
        (
            "version",
            _("The worker %(name)s runs another version of csms_campaigns."),
            _("Restart it after each upgrade."),
        ),
        (
            "settings",
            _("The worker %(name)s has other settings than this process."),
            _(
                "Restart it; compare CSMS_CAMPAIGNS and SECRET_KEY if that does not help."
            ),
        ),
        (
            "database",
            _("The worker %(name)s works on another database than this process."),
            _("Compare DATABASES, and the environment in which each is started."),
        ),
    ]


def _few(found: list[Worker]) -> Iterator[Finding]:
    wanted = sum(conf.account(alias).concurrency for alias in conf.aliases())
    there = sum(int(w.report.get("concurrency") or 0) for w in found if w.report)
    if 0 < there < wanted:
        text = _("The workers have %(there)d places, the accounts want %(wanted)d.")
        advice = _("Start workers with a larger -c, or lower CONCURRENCY.")
        words = {"there": there, "wanted": wanted}
        yield warning("workers.few", text % words, advice)
