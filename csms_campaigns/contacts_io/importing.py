"""The import of contacts, for the command and the admin alike."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from django.utils.translation import gettext as _

from csms_campaigns import conf
from csms_campaigns.contacts_io.cells import clean
from csms_campaigns.contacts_io.error_file import ErrorFile
from csms_campaigns.contacts_io.errors import BadRow, ImportFailed
from csms_campaigns.contacts_io.files import Source
from csms_campaigns.contacts_io.people import RowParser
from csms_campaigns.contacts_io.reading import ContactFile, read
from csms_campaigns.contacts_io.spool import Spool, open_spool
from csms_campaigns.contacts_io.upsert import Writer
from csms_campaigns.models import ContactList
from csms_campaigns.sms.number_patterns import is_known_region

OnProgress = Callable[[str, int, int], None]
"""Called now and then with the step (READING or WRITING), what is done, and of how much."""

READING: Final = "reading"
WRITING: Final = "writing"
ROWS_BETWEEN_REPORTS: Final = 5_000

LONGEST_LIST_NAME: Final = ContactList._meta.get_field("name").max_length or 150


@dataclass(slots=True)
class ImportReport:
    """`rows` is the sum of created, updated, unchanged, invalid and duplicates.

    `opted_out` counts people of the file who must not be texted: they are imported, and
    stay opted out. `errors_file` is None if no row was invalid or no file was asked for.
    """

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    invalid: int = 0
    duplicates: int = 0
    opted_out: int = 0
    errors_file: Path | None = None

    def as_dict(self) -> dict[str, Any]:
        path = self.errors_file
        return asdict(self) | {"errors_file": None if path is None else str(path)}


def import_contacts(
    source: Source,
    *,
    list_name: str | None = None,
    region: str | None = None,
    dry_run: bool = False,
    on_progress: OnProgress | None = None,
    errors: str | os.PathLike[str] | None = None,
) -> ImportReport:
    """Reads the whole file first: `ImportFailed` means that nothing was written.

    Then slices of 10,000 people are written, each in its own transaction. After a crash the
    finished ones stay; importing the same file again does the rest and changes nothing else.
    """
    region = _known_region(region)
    list_name = _list_name(list_name)
    _refuse_own_source(source, errors)
    report = ImportReport()
    progress = on_progress or _silent
    with open_spool() as spool:
        with read(source) as file, ErrorFile(errors) as error_file:
            _fill(spool, file, RowParser(file.columns, region), error_file, progress)
            report.errors_file = error_file.written
        report.invalid = error_file.count
        report.rows = spool.count + report.invalid
        _write(spool, Writer(list_name, dry_run=dry_run), report, progress)
    return report


def _fill(
    spool: Spool,
    file: ContactFile,
    parser: RowParser,
    errors: ErrorFile,
    progress: OnProgress,
) -> None:
    for count, (line, cells) in enumerate(file.rows):
        if count % ROWS_BETWEEN_REPORTS == 0:
            progress(READING, line, file.line_count)
        try:
            spool.add(parser.person(cells))
        except BadRow as problem:
            errors.add(line, parser.raw_phone(cells), problem)


def _write(
    spool: Spool, writer: Writer, report: ImportReport, progress: OnProgress
) -> None:
    done = 0
    for people, row_count in spool.slices():
        counts = writer.write(people)
        report.created += counts.created
        report.updated += counts.updated
        report.unchanged += counts.unchanged
        report.opted_out += counts.opted_out
        report.duplicates += row_count - len(people)
        done += row_count
        progress(WRITING, done, spool.count)


def _silent(step: str, done: int, total: int) -> None:
    pass


def _known_region(region: str | None) -> str | None:
    """The given one, else the site's; None where numbers must have a country code."""
    region = (region or conf.default_region() or "").strip().upper()
    if region and not is_known_region(region):
        message = _("“%(region)s” is no region. Write two letters, such as US or SA.")
        raise ImportFailed(message % {"region": region}, "unknown_region")
    return region or None


def _list_name(name: str | None) -> str | None:
    if name is None:
        return None
    name = clean(name)
    if not name or len(name) > LONGEST_LIST_NAME:
        message = _("The name of a list has 1 to %(limit)s characters.")
        raise ImportFailed(message % {"limit": LONGEST_LIST_NAME}, "bad_list_name")
    return name


def _refuse_own_source(source: Source, errors: str | os.PathLike[str] | None) -> None:
    if errors is None or not isinstance(source, str | os.PathLike):
        return
    if Path(errors).resolve() == Path(source).resolve():
        message = _("The errors would overwrite the file itself. Name another one.")
        raise ImportFailed(message, "errors_is_source")
