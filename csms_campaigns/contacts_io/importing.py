"""The import of contacts in one process, as the command does it, and the parts of it that a
worker of an uploaded import uses too."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from django.utils.translation import gettext as _

from csms_campaigns import conf
from csms_campaigns.contacts_io import headers, members
from csms_campaigns.contacts_io.cells import clean
from csms_campaigns.contacts_io.error_file import ErrorFile
from csms_campaigns.contacts_io.errors import BadRow, ImportFailed
from csms_campaigns.contacts_io.files import Source
from csms_campaigns.contacts_io.people import RowParser
from csms_campaigns.contacts_io.reading import ContactFile, read
from csms_campaigns.contacts_io.rows import atomic, rows
from csms_campaigns.contacts_io.spool import Slice, Spool, open_spool
from csms_campaigns.contacts_io.upsert import Outcome, Writer
from csms_campaigns.models import ContactList
from csms_campaigns.sms.number_patterns import is_known_region
from csms_campaigns.sms.storing import storable

OnProgress = Callable[[str, int, int], None]
"""Called now and then with the step (READING or WRITING), what is done, and of how much."""

READING: Final = "reading"
WRITING: Final = "writing"
ROWS_BETWEEN_REPORTS: Final = 2_000

_WITHOUT_OPT_OUTS: Final = bytes(i & ~Outcome.OPTED_OUT for i in range(256))

LONGEST_LIST_NAME: Final = ContactList._meta.get_field("name").max_length or 150


@dataclass(slots=True)
class ImportReport:
    """`rows` is the sum of created, updated, unchanged, invalid and duplicates.

    `opted_out` counts people of the file who must not be texted: they are imported, and
    stay opted out. `removed` members have left the list; None where it was not replaced.
    `errors_file` is None if no row was invalid or no file was asked for.
    """

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    invalid: int = 0
    duplicates: int = 0
    opted_out: int = 0
    removed: int | None = None
    errors_file: Path | None = None

    def count(self, slice_: Slice, outcomes: bytearray) -> None:
        bare = outcomes.translate(_WITHOUT_OPT_OUTS)
        self.created += bare.count(Outcome.CREATED)
        self.updated += bare.count(Outcome.UPDATED)
        self.unchanged += bare.count(Outcome.UNCHANGED)
        self.opted_out += len(outcomes.translate(None, bytes(range(Outcome.OPTED_OUT))))
        self.duplicates += slice_.row_count - len(slice_.people)

    def as_dict(self) -> dict[str, Any]:
        path = self.errors_file
        shown = asdict(self) | {"errors_file": None if path is None else str(path)}
        if self.removed is None:
            del shown["removed"]
        return shown


def import_contacts(
    source: Source,
    *,
    list_name: str | None = None,
    replace: bool = False,
    region: str | None = None,
    dry_run: bool = False,
    on_progress: OnProgress | None = None,
    errors: str | os.PathLike[str] | None = None,
    phone_header: str = "",
    name_header: str = "",
) -> ImportReport:
    """Reads the whole file first: `ImportFailed` means that nothing was written.

    Then slices of people are written, each in its own transaction. After a crash the
    finished ones stay; importing the same file again does the rest and changes nothing else.
    With `replace`, members of the list who are not in the file leave it, at the very end.
    """
    region = known_region(region)
    list_name = known_list_name(list_name)
    _refuse_own_source(source, errors)
    match = partial(headers.match, phone_header=phone_header, name_header=name_header)
    progress = on_progress or _silent
    with open_spool() as spool:
        with read(source, match) as file:
            fill(spool, file, region, progress)
        report = ImportReport(rows=spool.row_count, invalid=spool.bad_count)
        report.errors_file = _write_errors(spool, errors)
        refuse_empty_replacement(spool, replace=replace)
        until = members.newest_id() if replace else 0
        list_ids = _list_ids(list_name, dry_run=dry_run)
        _write(spool, Writer(list_ids, dry_run=dry_run), report, progress)
        if replace:
            report.removed = _replace(spool, list_ids, until, dry_run=dry_run)
    return report


def fill(
    spool: Spool,
    file: ContactFile,
    region: str | None,
    progress: OnProgress,
    most_rows: int | None = None,
) -> None:
    parser = RowParser(file.columns, region)
    for count, (line, cells) in enumerate(file.rows):
        if count % ROWS_BETWEEN_REPORTS == 0:
            progress(READING, *file.share())
        if count == most_rows:
            message = _("The file has more than %(most)s rows. Split it.")
            raise ImportFailed(message % {"most": f"{most_rows:,}"}, "too_many_rows")
        try:
            spool.add(line, parser.person(cells))
        except BadRow as problem:
            spool.add_bad(line, parser.raw_phone(cells), problem)


def refuse_empty_replacement(spool: Spool, *, replace: bool) -> None:
    """A file of a hundred typing errors would empty the list."""
    if replace and not spool.count:
        message = _(
            "The file has no valid phone number: it would empty the list. Correct the "
            "numbers, or add to the list instead."
        )
        raise ImportFailed(message, "nobody_left")


def _write_errors(spool: Spool, path: str | os.PathLike[str] | None) -> Path | None:
    if path is None:
        return None
    with ErrorFile(path) as error_file:
        for bad in spool.bad():
            error_file.add(bad.line, bad.phone, bad.code, bad.column)
    return error_file.written


def _write(
    spool: Spool, writer: Writer, report: ImportReport, progress: OnProgress
) -> None:
    done = 0
    for slice_ in spool.slices():
        with atomic():
            outcomes = writer.write(slice_.people)
        report.count(slice_, outcomes)
        done += slice_.row_count
        progress(WRITING, done, spool.count)


def _replace(spool: Spool, list_ids: list[int], until: int, *, dry_run: bool) -> int:
    """How many members leave."""
    count = 0
    for step in members.leaving(spool, list_ids, after=0, until=until):
        if not dry_run:
            with atomic():
                members.remove(step.ids)
        count += len(step.ids)
    return count


def _silent(step: str, done: int, total: int) -> None:
    pass


def known_region(region: str | None) -> str | None:
    """The given one, else the site's; None where numbers must have a country code."""
    region = (region or conf.default_region() or "").strip().upper()
    if region and not is_known_region(region):
        message = _("“%(region)s” is no region. Write two letters, such as US or SA.")
        raise ImportFailed(message % {"region": region}, "unknown_region")
    return region or None


def known_list_name(name: str | None) -> str | None:
    if name is None:
        return None
    name = clean(storable(name))
    if not name or len(name) > LONGEST_LIST_NAME:
        message = _("The name of a list has 1 to %(limit)s characters.")
        raise ImportFailed(message % {"limit": LONGEST_LIST_NAME}, "bad_list_name")
    return name


def _list_ids(name: str | None, *, dry_run: bool) -> list[int]:
    """A dry run makes no list."""
    if name is None:
        return []
    lists = rows(ContactList)
    if dry_run:
        return [int(pk) for pk in lists.filter(name=name).values_list("pk", flat=True)]
    return [int(lists.get_or_create(name=name)[0].pk)]


def _refuse_own_source(source: Source, errors: str | os.PathLike[str] | None) -> None:
    if errors is None or not isinstance(source, str | os.PathLike):
        return
    if Path(errors).resolve() == Path(source).resolve():
        message = _("The errors would overwrite the file itself. Name another one.")
        raise ImportFailed(message, "errors_is_source")
