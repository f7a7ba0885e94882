"""For sites without beat: cron runs this every minute, or it runs on with --every."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from csms_campaigns import tasks


class Command(BaseCommand):
    help = (
        "Start due campaigns, give up stalled batches, wake idle lanes, as beat does."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--every", type=float, help="Seconds; go on until interrupted."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        while True:
            tasks.tick()
            if not options["every"]:
                return
            time.sleep(options["every"])
