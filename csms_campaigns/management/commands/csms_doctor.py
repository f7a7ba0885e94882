"""Goes and looks, and says in one line each what is wrong and what to do. Never sends."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from csms_campaigns import conf
from csms_campaigns.conf import UnknownAccount
from csms_campaigns.diagnosis import doctor
from csms_campaigns.diagnosis.findings import Finding, Level, count
from csms_campaigns.engine import lifecycle, restoring
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.restoring import AfterRestore

ALL: Final = object()


class Command(BaseCommand):
    help = "Look at settings, database, broker, workers, beat, accounts and campaigns."
    # It tells what the checks say among the rest, and goes on.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--json", action="store_true", help="one JSON object for machines")
        add(
            "--after-restore",
            nargs="?",
            const=ALL,
            metavar="ALIAS",
            help="the database was set back: count what it forgot, hold what waits",
        )
        add(
            "--requests",
            type=int,
            metavar="N",
            help="with --after-restore: so many left since the backup",
        )
        add(
            "--call-unknown",
            type=int,
            metavar="ID",
            help="whoever waits in this held campaign may have been texted",
        )
        add("--yes", action="store_true", help="ask nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        try:
            if options["after_restore"]:
                self._after_restore(options)
            elif options["call_unknown"] is not None:
                self._call_unknown(options)
            else:
                self._examine(options)
        except CampaignError as error:
            if options["json"]:
                said = {"error": str(error), "code": error.code}
                self.stdout.write(json.dumps(said, ensure_ascii=False))
            raise CommandError(str(error)) from error
        except UnknownAccount as error:
            raise CommandError(str(error)) from None

    # The look

    def _examine(self, options: dict[str, Any]) -> None:
        found: list[Finding] = []
        for finding in doctor.examine():
            found.append(finding)
            if not options["json"]:
                self._tell(finding)
        problems = count(found, Level.PROBLEM)
        warnings = count(found, Level.WARNING)
        if options["json"]:
            said = {
                "ok": not problems,
                "problems": problems,
                "warnings": warnings,
                "findings": [finding.as_dict() for finding in found],
            }
            self.stdout.write(json.dumps(said, ensure_ascii=False))
        else:
            self.stdout.write(_summary(problems, warnings))
        if problems:
            # Nothing more to say: the status is for scripts.
            sys.exit(1)

    def _tell(self, finding: Finding) -> None:
        styles = {
            Level.OK: self.style.SUCCESS,
            Level.WARNING: self.style.WARNING,
            Level.PROBLEM: self.style.ERROR,
        }
        mark = styles[finding.level](f"{finding.level.value:<9}")
        advice = f" → {finding.advice}" if finding.advice else ""
        self.stdout.write(f"{mark}{finding.text}{advice}")
        self.stdout.flush()

    # After a restore

    def _after_restore(self, options: dict[str, Any]) -> None:
        chosen = options["after_restore"]
        aliases = conf.aliases() if chosen is ALL else [chosen]
        question = _(
            "Was the database of this site set back, and are the workers stopped? The "
            "requests that it forgot will count as just sent, and campaigns will be held."
        )
        self._confirm(question, options)
        found = [
            restoring.after_restore(alias, requests=options["requests"])
            for alias in aliases
        ]
        if options["json"]:
            said = {"accounts": [one.as_dict() for one in found]}
            self.stdout.write(json.dumps(said, ensure_ascii=False))
            return
        for one in found:
            self._tell_restored(one, options)

    def _tell_restored(self, found: AfterRestore, options: dict[str, Any]) -> None:
        words = {"alias": found.alias, "missing": found.missing}
        text = ngettext(
            "Account %(alias)s: %(missing)d request is missing, and counts as just sent.",
            "Account %(alias)s: %(missing)d requests are missing, and count as just sent.",
            found.missing,
        )
        self.stdout.write(text % words)
        for pk in found.held:
            self._choose(pk, options)
        for pk in found.ready:
            text = _("Campaign %(id)d is ready: was it launched since the backup? Ask.")
            self.stdout.write(text % {"id": pk})

    def _choose(self, pk: int, options: dict[str, Any]) -> None:
        words = {"id": pk, "name": lifecycle.get(pk).name}
        text = _(
            "Campaign %(id)d (%(name)s) is held: who waits in it may have been texted. "
            "Resume it, cancel it, or call them unknown."
        )
        self.stdout.write(text % words)
        if options["yes"] or not _is_asked():
            return
        if _says_yes(_("Call them unknown now?")):
            self._tell_unknown(restoring.call_unknown(pk))

    def _call_unknown(self, options: dict[str, Any]) -> None:
        pk = options["call_unknown"]
        words = {"name": lifecycle.get(pk).name}
        question = _(
            "Whoever waits in the campaign “%(name)s” will not be texted, and be unknown."
        )
        self._confirm(question % words, options)
        people = restoring.call_unknown(pk)
        if options["json"]:
            self.stdout.write(json.dumps({"unknown": people}))
        else:
            self._tell_unknown(people)

    def _tell_unknown(self, people: int) -> None:
        text = ngettext(
            "%(count)d person is unknown now.",
            "%(count)d people are unknown now.",
            people,
        )
        self.stdout.write(text % {"count": people})

    def _confirm(self, question: str, options: dict[str, Any]) -> None:
        if options["yes"]:
            return
        if options["json"] or not _is_asked():
            raise CommandError(_("Say --yes: there is nobody here to ask."))
        self.stdout.write(question)
        if not _says_yes(_("Go on?")):
            raise CommandError(_("Nothing was changed."))


def _is_asked() -> bool:
    return sys.stdin.isatty()


def _says_yes(question: str) -> bool:
    return input(f"{question} [y/N] ").strip().lower() in {"y", "yes", _("yes")}


def _summary(problems: int, warnings: int) -> str:
    if not problems and not warnings:
        return _("All is well.")
    words = {"problems": problems, "warnings": warnings}
    return _("Problems: %(problems)d. Warnings: %(warnings)d.") % words
