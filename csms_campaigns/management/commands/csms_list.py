"""Contacts by conditions into a list, in this process: the same as the admin's button."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from csms_campaigns.contacts_io import filling, selecting
from csms_campaigns.contacts_io.errors import ImportFailed
from csms_campaigns.contacts_io.importing import known_list_name
from csms_campaigns.contacts_io.rows import rows
from csms_campaigns.contacts_io.selecting import Conditions
from csms_campaigns.models import ContactList
from csms_campaigns.sms.storing import storable

OUTCOMES = [*selecting.OUTCOMES, selecting.NEVER]


class Command(BaseCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.description = _("Put all contacts who match into a list.")
        parser.add_argument("call", choices=["make"])
        parser.add_argument("name", metavar="NAME")
        parser.add_argument(
            "--attribute",
            metavar="NAME=VALUE",
            default="",
            help=_("Who has this value; NAME alone: any value."),
        )
        parser.add_argument("--in-list", metavar="NAME", default="")
        parser.add_argument("--not-in-list", metavar="NAME", default="")
        parser.add_argument(
            "--outcome",
            choices=OUTCOMES,
            default="",
            help=_("What became of the last text."),
        )
        parser.add_argument("--not-texted-days", metavar="N", type=int, default=0)
        parser.add_argument(
            "--country", metavar="SA", default="", help=_("Two letters.")
        )
        parser.add_argument("--opted-out", choices=["yes", "no"], default="")
        parser.add_argument(
            "--json", action="store_true", help=_("Print one JSON object.")
        )

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = _conditions(options)
        try:
            name = known_list_name(options["name"])
        except ImportFailed as error:
            raise CommandError(str(error)) from error
        contact_list, _created = rows(ContactList).get_or_create(name=name)
        selection = filling.begin(contact_list, wanted)
        filling.fill(selection)
        count = selection.added_count
        if options["json"]:
            found = {"list": contact_list.name, "added": count}
            self.stdout.write(json.dumps(found))
            return
        text = ngettext(
            "%(count)s contact was put into the list.",
            "%(count)s contacts were put into the list.",
            count,
        )
        self.stdout.write(text % {"count": f"{count:,}"})


def _conditions(options: dict[str, Any]) -> Conditions:
    name, _equals, value = options["attribute"].partition("=")
    if options["not_texted_days"] < 0:
        raise CommandError(_("The days must be a number above zero."))
    return Conditions(
        attribute=storable(name).strip(),
        value=storable(value).strip(),
        in_list=_list(options["in_list"]),
        not_in_list=_list(options["not_in_list"]),
        outcome=options["outcome"],
        not_texted_days=options["not_texted_days"],
        calling_code=_country(options["country"]),
        opted_out=options["opted_out"],
    )


def _list(name: str) -> int:
    if not name:
        return 0
    name = storable(name)
    found = rows(ContactList).filter(name=name).values_list("pk", flat=True).first()
    if found is None:
        text = _("There is no contact list “%(name)s”.") % {"name": name}
        raise CommandError(text)
    return found


def _country(letters: str) -> int:
    if not letters:
        return 0
    code = selecting.calling_code(letters)
    if not code:
        text = _("There is no country “%(name)s”: write two letters, such as SA.")
        raise CommandError(text % {"name": letters})
    return code
