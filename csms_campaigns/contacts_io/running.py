"""What a worker does with an uploaded import: the dry run, or the import itself.

Reading is repeated by whoever takes over, since it writes nothing. Of the writing each slice
is one transaction together with its counts and with how far it came: so a worker that dies
leaves a state in which every figure is true, and the next one goes on behind it.
"""

from __future__ import annotations

import time
import zlib
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError, DataError
from django.db.models.functions import Now
from django.utils import translation
from django.utils.translation import gettext as _

from csms_campaigns import conf, logs
from csms_campaigns.contacts_io import chunks, jobs, members, report
from csms_campaigns.contacts_io.errors import ImportFailed
from csms_campaigns.contacts_io.examples import Examples
from csms_campaigns.contacts_io.headers import Columns
from csms_campaigns.contacts_io.importing import (
    ImportReport,
    fill,
    refuse_empty_replacement,
)
from csms_campaigns.contacts_io.jobs import TokenLost, hold
from csms_campaigns.contacts_io.reading import read
from csms_campaigns.contacts_io.rows import atomic, rows
from csms_campaigns.contacts_io.spool import Slice, Spool, open_spool
from csms_campaigns.contacts_io.upsert import Writer
from csms_campaigns.models import ContactImport
from csms_campaigns.states import ChunkKind, ImportStage, ImportStep, ListAction

logger = logs.logger("csms_campaigns.contacts_io")

SIGN_OF_LIFE: Final = 3.0
"""Seconds; also how old the figures of the progress page may be."""


def run_once(
    import_id: int, token: str, should_stop: Callable[[], bool] = lambda: False
) -> None:
    """With the token of the wake-up or, with "", what nobody works on.

    `should_stop` is asked between slices: a worker that is told to end gives the rest back.
    """
    own = jobs.take_over(import_id, token)
    if own is None:
        return
    job = jobs.get(import_id)
    with translation.override(job.language or translation.get_language()):
        _run(_Work(job, own, should_stop))


def _run(work: _Work) -> None:
    job, token = work.job, work.token
    try:
        if job.stage == ImportStage.CHECKING:
            _check(work)
        else:
            _import(work)
    except Interrupted:
        logger.info("Import %s waits for another worker", job.pk)
    except TokenLost:
        logger.info("Import %s is not worked on here any more", job.pk)
    except ImportFailed as error:
        _fail(job.pk, token, str(error))
    except Exception as error:
        if _may_go_better(error):
            raise  # The lease runs out, and the tick starts it again.
        logger.exception("Import %s could not be done", job.pk)
        _fail(job.pk, token, _("It could not be done; the log of the worker says why."))


def _may_go_better(error: Exception) -> bool:
    """A value that the database does not take would stop the next worker too."""
    return isinstance(error, DatabaseError) and not isinstance(error, DataError)


def _fail(import_id: int, token: UUID, reason: str) -> None:
    try:
        with atomic():
            jobs.end(import_id, token, ImportStage.FAILED, reason=reason)
    except TokenLost:
        logger.info("Import %s is not worked on here any more", import_id)


class Interrupted(Exception):
    """The worker is told to end."""


class _Work:
    """One import in the hands of one worker."""

    def __init__(
        self, job: ContactImport, token: UUID, should_stop: Callable[[], bool]
    ) -> None:
        self.job = job
        self.token = token
        self.should_stop = should_stop
        self.replaces = job.list_action == ListAction.REPLACE
        self.list_ids = list(job.lists.order_by("pk").values_list("pk", flat=True))
        self._told_at = float("-inf")

    def tell(self, step: str, done: int, total: int) -> None:
        """The sign of life, now and then."""
        if time.monotonic() - self._told_at < SIGN_OF_LIFE:
            return
        self.leave_if_told()
        self.hold(step=ImportStep(step), done=min(done, total), total=total)

    def end_of_slice(self) -> None:
        self.leave_if_told()

    def leave_if_told(self) -> None:
        """Never inside of a transaction: what was written must stay."""
        if self.should_stop():
            self.hold(lease_until=Now())
            raise Interrupted

    def hold(self, **fields: Any) -> None:
        hold(self.job.pk, self.token, **fields)
        self._told_at = time.monotonic()

    @contextmanager
    def filled(self) -> Iterator[Spool]:
        columns = Columns.from_json(self.job.columns)
        with open_spool() as spool:
            with (
                chunks.opened(self.job.pk) as stream,
                read(stream, lambda _header: columns) as file,
            ):
                region = self.job.region or None
                fill(spool, file, region, self.tell, conf.import_max_rows())
            refuse_empty_replacement(
                spool, replace=self.replaces and bool(self.list_ids)
            )
            yield spool

    def leaving(self, spool: Spool, *, after: int, until: int) -> Iterator[Any]:
        if self.replaces:
            yield from members.leaving(spool, self.list_ids, after=after, until=until)


def _check(work: _Work) -> None:
    with work.filled() as spool:
        found = ImportReport(rows=spool.row_count, invalid=spool.bad_count)
        examples, writer, done = Examples(), Writer(dry_run=True), 0
        for slice_ in spool.slices():
            with atomic():
                outcomes = writer.write(slice_.people)
                examples.add(slice_, outcomes)
            found.count(slice_, outcomes)
            done += slice_.row_count
            work.tell(ImportStep.WRITING, done, spool.count)
        counts = found.as_dict() | {"removed": _count_leaving(work, spool)}
        planned = {
            "counts": counts,
            "problems": spool.problems(),
            "examples": examples.all(spool),
        }
        work.hold(stage=ImportStage.CHECKED, planned=planned)


def _count_leaving(work: _Work, spool: Spool) -> int:
    count, until = 0, members.newest_id()
    for step in work.leaving(spool, after=0, until=until):
        count += len(step.ids)
        work.tell(ImportStep.LISTS, step.cursor, until)
    return count


def _import(work: _Work) -> None:
    with work.filled() as spool:
        _write(work, spool)
        _replace(work, spool)
        _end(work, spool)


def _write(work: _Work, spool: Spool) -> None:
    """Slices behind the last one that was finished, each with its counts."""
    job, writer, done = work.job, Writer(work.list_ids), 0
    counts = _Counts(job, spool)
    for slice_ in spool.slices(job.last_number):
        done += slice_.row_count
        if slice_.people[-1].number <= job.last_number:
            continue
        with atomic():
            # First, or a cancel that was committed would be overtaken by this slice.
            work.hold(step=ImportStep.WRITING)
            outcomes = writer.write(slice_.people)
            counts.add(slice_, outcomes)
            chunks.write(
                job.pk, ChunkKind.OUTCOME, counts.slices, _packed(slice_, outcomes)
            )
            work.hold(
                done=done,
                total=spool.count,
                counts=counts.as_dict(),
                slice_count=counts.slices,
                last_number=slice_.people[-1].number,
            )
        work.end_of_slice()
    if not counts.slices:
        work.hold(counts=counts.as_dict())


class _Counts:
    """What all workers of this import have written."""

    def __init__(self, job: ContactImport, spool: Spool) -> None:
        known = {k: v for k, v in job.counts.items() if k != "errors_file"}
        self.report = ImportReport(**known)
        self.report.rows, self.report.invalid = spool.row_count, spool.bad_count
        self.slices = job.slice_count

    def add(self, slice_: Slice, outcomes: bytearray) -> None:
        self.report.count(slice_, outcomes)
        self.slices += 1

    def as_dict(self) -> dict[str, Any]:
        return self.report.as_dict()


def _packed(slice_: Slice, outcomes: bytearray) -> bytes:
    """For the report: which row, and what became of it."""
    ordinals = array("I", slice_.ordinals).tobytes()
    return zlib.compress(ordinals + bytes(outcomes), 1)


def _replace(work: _Work, spool: Spool) -> None:
    job = rows(ContactImport).get(pk=work.job.pk)
    removed = job.counts.get("removed") or 0
    until = job.last_member_id
    for step in work.leaving(spool, after=job.member_cursor, until=until):
        removed += len(step.ids)
        with atomic():
            work.hold(
                step=ImportStep.LISTS,
                done=step.cursor,
                total=until,
                member_cursor=step.cursor,
                counts=job.counts | {"removed": removed},
            )
            members.remove(step.ids)


def _end(work: _Work, spool: Spool) -> None:
    """The report is begun anew by whoever takes over: it is a matter of seconds."""
    work.hold(step=ImportStep.REPORT, done=0, total=spool.row_count)
    chunks.remove(work.job.pk, [ChunkKind.REPORT])
    for number, (done, data) in enumerate(report.pieces(work.job.pk, spool)):
        with atomic():
            work.hold(done=done, total=spool.row_count)
            chunks.write(work.job.pk, ChunkKind.REPORT, number, data)
    with atomic():
        jobs.end(work.job.pk, work.token, ImportStage.DONE)
