"""Numbers that must not be texted any more, from the command line or a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from csms_campaigns.contacts_io.errors import ImportFailed
from csms_campaigns.contacts_io.importing import known_region
from csms_campaigns.contacts_io.numbers import numbers_in
from csms_campaigns.contacts_io.problems import sentence
from csms_campaigns.engine.opting_out import Report, opt_out_list
from csms_campaigns.states import OptOutSource


class Command(BaseCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.description = _("Opt numbers out: no campaign texts them any more.")
        parser.add_argument("numbers", metavar="NUMBER", nargs="*", default=[])
        parser.add_argument(
            "--file",
            metavar="FILE",
            help=_("A list of numbers, as text, CSV or .xlsx; - reads standard input."),
        )
        parser.add_argument(
            "--reason", default="", metavar="TEXT", help=_("Kept with each number.")
        )
        parser.add_argument(
            "--source",
            default=OptOutSource.COMMAND.value,
            metavar="NAME",
            help=_("Where they come from; default: command."),
        )
        parser.add_argument(
            "--region",
            help=_("For numbers without a country code, such as US or SA."),
        )
        parser.add_argument(
            "--json", action="store_true", help=_("Print one JSON object.")
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["numbers"]) == bool(options["file"]):
            raise CommandError(_("Give numbers, or a --file with numbers."))
        try:
            report = self._opt_out(options)
        except ImportFailed as error:
            if options["json"]:
                self.stdout.write(json.dumps({"error": str(error)}))
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(_as_dict(report)))
        else:
            for line in _sentences(report):
                self.stdout.write(line)
        if report.bad:
            raise CommandError(_said_bad(report.bad))

    def _opt_out(self, options: dict[str, Any]) -> Report:
        given: Iterator[tuple[int, str]] = iter(enumerate(options["numbers"], start=1))
        if path := options["file"]:
            given = numbers_in(sys.stdin.buffer if path == "-" else path)
        return opt_out_list(
            given,
            region=known_region(options["region"]),
            source=options["source"],
            reason=options["reason"],
        )


def _sentences(report: Report) -> Iterator[str]:
    text = ngettext(
        "%(count)s number opted out.", "%(count)s numbers opted out.", report.new
    )
    yield text % {"count": f"{report.new:,}"}
    if report.known:
        text = ngettext(
            "%(count)s had opted out before.",
            "%(count)s had opted out before.",
            report.known,
        )
        yield text % {"count": f"{report.known:,}"}
    for bad in report.examples:
        words = {"line": bad.line, "given": bad.given, "why": sentence(bad.code)}
        yield _("Line %(line)s, “%(given)s”: %(why)s") % words


def _said_bad(count: int) -> str:
    text = ngettext(
        "%(count)s row holds no usable number.",
        "%(count)s rows hold no usable number.",
        count,
    )
    return text % {"count": f"{count:,}"}


def _as_dict(report: Report) -> dict[str, Any]:
    counts = {n: getattr(report, n) for n in ("rows", "new", "known", "bad")}
    return {**counts, "examples": [bad._asdict() for bad in report.examples]}
