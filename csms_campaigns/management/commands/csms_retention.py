"""What retention does, by cron or by hand."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand

from csms_campaigns import conf
from csms_campaigns.engine.retention import keep


def days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 36_500:
        message = f"“{text}” is not a number of days from 1 to 36500."
        raise ArgumentTypeError(message)
    return int(text)


class Command(BaseCommand):
    help = "Anonymise or delete the recipients of campaigns that ended long ago."

    def add_arguments(self, parser: ArgumentParser) -> None:
        for option in ("--anonymise", "--delete"):
            parser.add_argument(option, type=days, metavar="DAYS")
        parser.add_argument("--dry-run", action="store_true")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        named = options["anonymise"] is not None or options["delete"] is not None
        usual = {} if named else conf.retention()
        done = keep(
            anonymise_after=options["anonymise"] or usual.get("ANONYMISE_AFTER"),
            delete_after=options["delete"] or usual.get("DELETE_AFTER"),
            dry_run=options["dry_run"],
        ).as_dict()
        if options["json"]:
            self.stdout.write(json.dumps(done))
            return
        self.stdout.write("\n".join(f"{name}: {value}" for name, value in done.items()))
