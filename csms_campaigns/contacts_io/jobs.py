"""An uploaded import, step by step. Each step is one guarded update that one caller wins.

uploaded → checking (a dry run) → checked → importing → done. A worker holds a token with a
lease; if it dies the tick wakes another one, which goes on behind the last finished slice.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, BinaryIO, Final
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from csms_campaigns.contacts_io import chunks, members
from csms_campaigns.contacts_io.cells import clean
from csms_campaigns.contacts_io.errors import ImportFailed
from csms_campaigns.contacts_io.headers import Columns
from csms_campaigns.contacts_io.importing import known_list_name, known_region
from csms_campaigns.contacts_io.reading import look
from csms_campaigns.contacts_io.rows import atomic, rows
from csms_campaigns.models import ContactImport, ContactList, ImportChunk
from csms_campaigns.states import (
    ENDED_IMPORTS,
    IMPORT_MOVES,
    WORKED_ON,
    ChunkKind,
    ImportStage,
    ListAction,
)

HANDOVER: Final = 15.0
"""Seconds in which a worker should begin; then the tick looks for another."""
LEASE: Final = 60.0
"""Seconds without a sign of life after which the worker counts as dead."""
WAITING_DAYS: Final = 3
"""An upload that nobody confirms is deleted, since it holds people's data."""
REPORT_DAYS: Final = 30

LONGEST_SAMPLE: Final = 60


class TokenLost(Exception):
    """The import is not worked on by us any more."""


@dataclass
class Choice:
    """What a person wants to be done with the file."""

    columns: Columns
    region: str = ""
    list_action: str = ListAction.ADD
    lists: Sequence[ContactList] = field(default_factory=list)
    new_list: str = ""


def upload(stream: BinaryIO, *, name: str, by: Any = None) -> ContactImport:
    """Keep a file that can be read, with its header and a few rows; `ImportFailed` if not."""
    header, samples = look(stream)
    stream.seek(0)
    with atomic():
        job = rows(ContactImport).create(
            name=name[-255:],
            header=_header(header, samples),
            language=get_language() or "",
            created_by=by,
        )
        size = chunks.write_file(job.pk, stream)
        rows(ContactImport).filter(pk=job.pk).update(size=size)
        job.size = size
    return job


def _header(header: list[str], samples: list[list[str]]) -> list[dict[str, Any]]:
    return [
        {
            "title": clean(title)[:100],
            "samples": [_sample(cells, i) for cells in samples],
        }
        for i, title in enumerate(header)
    ]


def _sample(cells: list[str], position: int) -> str:
    text = clean(cells[position]) if position < len(cells) else ""
    return text if len(text) <= LONGEST_SAMPLE else f"{text[:LONGEST_SAMPLE]}…"


def begin_check(import_id: int, choice: Choice) -> UUID:
    """uploaded or checked → checking. The caller wakes a worker with the token."""
    region = known_region(choice.region) or ""
    token = uuid.uuid4()
    with atomic():
        move(
            import_id,
            ImportStage.CHECKING,
            columns=choice.columns.as_json(),
            region=region,
            list_action=choice.list_action,
            new_list=known_list_name(choice.new_list) if choice.new_list else "",
            planned={},
            language=get_language() or "",
            **_from_the_start(token),
        )
        get(import_id).lists.set(choice.lists)
    return token


def confirm(import_id: int) -> UUID:
    """checked → importing. The caller wakes a worker with the token."""
    token = uuid.uuid4()
    with atomic():
        move(
            import_id,
            ImportStage.IMPORTING,
            started_at=Now(),
            last_member_id=members.newest_id(),
            **_from_the_start(token),
        )
        job = get(import_id)
        if job.new_list:
            job.lists.add(rows(ContactList).get_or_create(name=job.new_list)[0])
    return token


def _from_the_start(token: UUID) -> dict[str, Any]:
    return {
        "token": token,
        "lease_until": Now() + timedelta(seconds=HANDOVER),
        "step": "",
        "done": 0,
        "total": 0,
        "counts": {},
        "slice_count": 0,
        "last_number": 0,
        "member_cursor": 0,
    }


def cancel(import_id: int, *, by: Any = None) -> None:
    """Whatever was written stays; the counts say how much that is."""
    who = str(by) if by else ""
    reason = _("Cancelled by %(who)s.") % {"who": who} if who else _("Cancelled.")
    with atomic():
        move(import_id, ImportStage.CANCELLED, reason=reason, finished_at=Now())
        forget_file(import_id)


def end(import_id: int, token: UUID, stage: ImportStage, **fields: Any) -> None:
    """For the worker, in a transaction: over, and the file goes."""
    hold(import_id, token, stage=stage, finished_at=Now(), **fields)
    forget_file(import_id)


def forget_file(import_id: int) -> None:
    """Its rows, and the sample cells of its columns."""
    chunks.remove(import_id, [ChunkKind.FILE, ChunkKind.OUTCOME])
    rows(ContactImport).filter(pk=import_id).update(header=[])


def move(import_id: int, target: ImportStage, **fields: Any) -> None:
    """`ImportFailed` says why it could not be done."""
    sources = [s for s, targets in IMPORT_MOVES.items() if target in targets]
    found = rows(ContactImport).filter(pk=import_id, stage__in=sources)
    if not found.update(stage=target, **fields):
        stage = ImportStage(get(import_id).stage)
        message = _("This is not possible any more. The import is: %(state)s.")
        raise ImportFailed(message % {"state": stage.label}, f"is_{stage.value}")


def get(import_id: int) -> ContactImport:
    found = rows(ContactImport).filter(pk=import_id).first()
    if found is None:
        message = _("There is no import %(id)s.") % {"id": import_id}
        raise ImportFailed(message, "no_import")
    return found


def hold(import_id: int, token: UUID, **fields: Any) -> None:
    """Renew the lease and write `fields`; `TokenLost` if it is not ours. Locks the row."""
    ours = rows(ContactImport).filter(pk=import_id, token=token, stage__in=WORKED_ON)
    fields.setdefault("lease_until", Now() + timedelta(seconds=LEASE))
    if not ours.update(**fields):
        raise TokenLost


def take_over(import_id: int, token: str) -> UUID | None:
    """For a worker: a token of its own for that of the wake-up or, with "", for nobody's.

    So a doubled message finds nothing to do.
    """
    open_ = rows(ContactImport).filter(pk=import_id, stage__in=WORKED_ON)
    mine = open_.filter(token=token) if token else open_.filter(lease_until__lt=Now())
    own = uuid.uuid4()
    until = Now() + timedelta(seconds=LEASE)
    return own if mine.update(token=own, lease_until=until) else None


def stale() -> list[int]:
    """Imports whose worker died, or never began."""
    found = rows(ContactImport).filter(stage__in=WORKED_ON, lease_until__lt=Now())
    return list(found.values_list("pk", flat=True))


def tidy() -> None:
    """For the tick: what nobody confirmed, and reports that are old, hold people's data."""
    waiting = rows(ContactImport).filter(
        stage__in=[ImportStage.UPLOADED, ImportStage.CHECKED],
        created_at__lt=Now() - timedelta(days=WAITING_DAYS),
    )
    for import_id in waiting.values_list("pk", flat=True):
        _give_up(import_id)
    _forget_reports()


def _give_up(import_id: int) -> None:
    reason = _("Nobody confirmed it, so the file was deleted.")
    with atomic():
        try:
            move(import_id, ImportStage.CANCELLED, reason=reason, finished_at=Now())
        except ImportFailed:
            return
        forget_file(import_id)


def _forget_reports() -> None:
    old = rows(ContactImport).filter(
        Q(planned__has_key="examples") | Q(chunks__isnull=False),
        stage__in=ENDED_IMPORTS,
        finished_at__lt=Now() - timedelta(days=REPORT_DAYS),
    )
    ids: Iterable[int] = list(old.values_list("pk", flat=True).distinct()[:100])
    if ids:
        rows(ImportChunk).filter(contact_import__in=ids).delete()
        rows(ContactImport).filter(pk__in=ids).update(planned={})
