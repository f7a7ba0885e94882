"""Contacts from a CSV or Excel file, with a bar for people and one JSON object for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from csms_campaigns.contacts_io.errors import ImportFailed
from csms_campaigns.contacts_io.importing import READING, ImportReport, import_contacts

BAR_WIDTH: Final = 30


class Command(BaseCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.description = _("Import contacts from a CSV or Excel file into a list.")
        parser.add_argument(
            "file",
            metavar="FILE",
            help=_("A CSV or Excel file (.xlsx); - reads standard input."),
        )
        parser.add_argument(
            "--list", metavar="NAME", help=_("Add all to this list, new or not.")
        )
        parser.add_argument(
            "--replace",
            action="store_true",
            help=_("Members of that list who are not in the file leave it."),
        )
        parser.add_argument(
            "--phone-column",
            metavar="HEADER",
            default="",
            help=_("The column of the numbers, if its name is not recognised."),
        )
        parser.add_argument(
            "--name-column", metavar="HEADER", default="", help=_("The same for names.")
        )
        parser.add_argument(
            "--region",
            help=_("For numbers without a country code, such as US or SA."),
        )
        parser.add_argument(
            "--dry-run", action="store_true", help=_("Count, but change no contact.")
        )
        parser.add_argument(
            "--json", action="store_true", help=_("Print one JSON object.")
        )
        parser.add_argument(
            "--errors",
            metavar="FILE.csv",
            help=_(
                "Where rows with a problem go; by default the file's name with "
                ".errors.csv, in the current folder."
            ),
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["replace"] and not options["list"]:
            raise CommandError(_("--replace needs the --list that it replaces."))
        try:
            report = self._import(options)
        except ImportFailed as error:
            if options["json"]:
                self.stdout.write(json.dumps({"error": str(error)}))
            raise CommandError(str(error)) from error
        if options["json"]:
            extra = {"list": options["list"], "dry_run": options["dry_run"]}
            self.stdout.write(json.dumps(report.as_dict() | extra))
        else:
            for sentence in _sentences(report, options):
                self.stdout.write(sentence)

    def _import(self, options: dict[str, Any]) -> ImportReport:
        from_stdin = options["file"] == "-"
        stem = "import" if from_stdin else Path(options["file"]).stem
        on_progress = self._draw if self.stderr.isatty() else None
        return import_contacts(
            sys.stdin.buffer if from_stdin else options["file"],
            list_name=options["list"],
            replace=options["replace"],
            phone_header=options["phone_column"],
            name_header=options["name_column"],
            region=options["region"],
            dry_run=options["dry_run"],
            errors=options["errors"] or f"{stem}.errors.csv",
            on_progress=on_progress,
        )

    def _draw(self, step: str, done: int, total: int) -> None:
        label = _("Reading") if step == READING else _("Writing")
        share = min(done / total, 1.0) if total else 1.0
        bar = ("#" * round(share * BAR_WIDTH)).ljust(BAR_WIDTH)
        end = "\n" if step != READING and done >= total else ""
        self.stderr.write(f"\r{label} [{bar}] {share:4.0%}", style_func=str, ending=end)
        self.stderr.flush()


def _sentences(report: ImportReport, options: dict[str, Any]) -> Iterator[str]:
    if options["dry_run"]:
        yield _("A dry run: no contact is changed.")
    yield from _counts(report)
    if report.invalid and report.errors_file:
        yield _("Rows with a problem are listed in %(path)s.") % {
            "path": report.errors_file
        }
    if count := report.removed:
        sentence = ngettext(
            "%(count)s member is not in the file and leaves the list.",
            "%(count)s members are not in the file and leave the list.",
            count,
        )
        yield _number(count, sentence)
    if options["list"] and not options["dry_run"]:
        yield _("All valid numbers are in the list “%(name)s”.") % {
            "name": options["list"].strip()
        }


def _counts(report: ImportReport) -> Iterator[str]:
    yield _number(
        report.rows,
        ngettext("%(count)s row read.", "%(count)s rows read.", report.rows),
    )
    yield _number(
        report.created,
        ngettext("%(count)s new contact.", "%(count)s new contacts.", report.created),
    )
    yield _number(
        report.updated,
        ngettext(
            "%(count)s contact changed.", "%(count)s contacts changed.", report.updated
        ),
    )
    yield _number(
        report.unchanged,
        ngettext(
            "%(count)s contact unchanged.",
            "%(count)s contacts unchanged.",
            report.unchanged,
        ),
    )
    yield from _warnings(report)


def _warnings(report: ImportReport) -> Iterator[str]:
    if count := report.duplicates:
        sentence = ngettext(
            "%(count)s row repeats a number of another row.",
            "%(count)s rows repeat a number of another row.",
            count,
        )
        yield _number(count, sentence)
    if count := report.invalid:
        sentence = ngettext(
            "%(count)s row has a problem and is left out.",
            "%(count)s rows have a problem and are left out.",
            count,
        )
        yield _number(count, sentence)
    if count := report.opted_out:
        sentence = ngettext(
            "%(count)s person has opted out and will not be texted.",
            "%(count)s people have opted out and will not be texted.",
            count,
        )
        yield _number(count, sentence)


def _number(count: int, sentence: str) -> str:
    return sentence % {"count": f"{count:,}"}
