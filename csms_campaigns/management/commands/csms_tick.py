"""For sites without beat: cron runs this every minute, or it runs on with --every."""

from __future__ import annotations

import time
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any, Final

from django.core.management.base import BaseCommand

from csms_campaigns import tasks

LONGEST: Final = 86_400.0
"""Seconds."""


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST:
        message = f"“{text}” is not a number of seconds, such as 10."
        raise ArgumentTypeError(message)
    return seconds


class Command(BaseCommand):
    help = (
        "Start due campaigns, give up stalled batches, wake idle lanes, as beat does."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--every", type=_seconds, help="Seconds; go on until interrupted."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        while True:
            tasks.tick()
            if not options["every"]:
                return
            time.sleep(options["every"])
