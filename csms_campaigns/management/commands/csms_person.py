"""One person by number: export what is known of them, or erase them."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from csms_campaigns import conf
from csms_campaigns.contacts_io.forgetting import forget
from csms_campaigns.contacts_io.personal import is_known, personal_data
from csms_campaigns.engine.erasing import erase
from csms_campaigns.sms.numbers import InvalidNumber, normalise


class Command(BaseCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.description = _("Export what is known of a person, or erase the person.")
        parser.add_argument("call", choices=["export", "erase"])
        parser.add_argument("phone", metavar="PHONE")
        parser.add_argument(
            "--region",
            help=_("For numbers without a country code, such as US or SA."),
        )
        parser.add_argument(
            "--forget-opt-out",
            action="store_true",
            help=_("Erase: the number of an opt-out goes too."),
        )
        parser.add_argument("--yes", action="store_true", help=_("Ask nothing."))
        parser.add_argument(
            "--json", action="store_true", help=_("Print one JSON object.")
        )

    def handle(self, *args: Any, **options: Any) -> None:
        phone = _phone(options)
        if options["call"] == "export":
            self._export(phone)
        else:
            self._erase(phone, options)

    def _export(self, phone: str) -> None:
        found = personal_data(phone)
        if not is_known(found):
            raise CommandError(_("Nothing is known of this number."))
        self.stdout.write(json.dumps(found, ensure_ascii=False, indent=2))

    def _erase(self, phone: str, options: dict[str, Any]) -> None:
        if not options["yes"]:
            _confirm()
        done = erase(phone, keep_opt_out=not options["forget_opt_out"])
        of_reports = {"report_rows": forget(phone)}
        if options["json"]:
            self.stdout.write(json.dumps(done.as_dict() | of_reports))
            return
        text = _("Erased: a contact: %(contact)s; rows of campaigns: %(texts)s.")
        who = _("yes") if done.contact else _("no")
        self.stdout.write(text % {"contact": who, "texts": done.texts})


def _phone(options: dict[str, Any]) -> str:
    try:
        return normalise(options["phone"], options["region"] or conf.default_region())
    except InvalidNumber as error:
        raise CommandError(str(error)) from error


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise CommandError(_("There is no way back: say --yes if you are sure."))
    if input(_("There is no way back. Erase? [y/N] ")).strip().lower() != "y":
        raise CommandError(_("Nothing was erased."))
