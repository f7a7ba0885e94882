"""Runs the local gateway until it is told to stop. Needs no database."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from csms_campaigns.sandbox.limits import DEFAULT_LIMITS
from csms_campaigns.sandbox.options import CREDITS_PER, DEFAULT_CREDITS, EXAMPLE_KEY
from csms_campaigns.sandbox.server import Sandbox


class Command(BaseCommand):
    requires_system_checks = ()
    help = "Run a local gateway that behaves as documented and spends no credits."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--port", type=int, default=8025, help=_("0 takes a free one"))
        add("--host", default="127.0.0.1", help=_("the address to listen on"))
        add("--limits", default=DEFAULT_LIMITS, help=_("requests/seconds,… or none"))
        add("--latency", default="0", help=_("seconds, like 0.05 or 0.05-0.3"))
        add("--faults", default="", help=_("like lost:0.02,500:0.05,refuse@7"))
        add("--credits", type=int, default=DEFAULT_CREDITS)
        add("--credits-per", choices=CREDITS_PER, default=CREDITS_PER[0])
        add("--max-numbers", type=int, default=0, help=_("in one request; 0: any"))
        add("--api-key", help=_("default: the documented example and CSMS_API_KEY"))
        add("--no-magic", action="store_true", help=_("switch magic numbers off"))
        add("--seed", type=int, default=0, help=_("of the faults"))
        add("--delivered-log", metavar="FILE", help=_("append each delivery as JSON"))
        add("--json", action="store_true", help=_("print the addresses as JSON"))

    def handle(self, *args: object, **options: Any) -> None:
        # Raises KeyboardInterrupt wherever the main thread is, also for SIGTERM and
        # where a shell started us in the background with SIGINT ignored.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.default_int_handler)
        sandbox = _sandbox(options)
        with contextlib.suppress(KeyboardInterrupt):
            _start(sandbox, options)
            self._announce(sandbox, as_json=options["json"])
            threading.Event().wait()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        sandbox.stop()

    def _announce(self, sandbox: Sandbox, *, as_json: bool) -> None:
        if as_json:
            text = json.dumps({"url": sandbox.url, "page": sandbox.page_url})
        else:
            text = _("Sandbox gateway: %(url)s\nPage with the texts: %(page)s") % {
                "url": sandbox.url,
                "page": sandbox.page_url,
            }
        self.stdout.write(text)
        self.stdout.flush()


def _sandbox(options: dict[str, Any]) -> Sandbox:
    names = ("limits", "latency", "faults", "credits", "credits_per", "max_numbers")
    chosen = {name: options[name] for name in (*names, "seed")}
    try:
        return Sandbox(
            options["port"],
            host=options["host"],
            delivered_log=options["delivered_log"],
            api_key=_keys(options["api_key"]),
            magic=not options["no_magic"],
            **chosen,
        )
    except ValueError as error:
        raise CommandError(str(error)) from None


def _keys(chosen: str | None) -> list[str]:
    if chosen:
        return [chosen]
    return [key for key in (EXAMPLE_KEY, os.environ.get("CSMS_API_KEY")) if key]


def _start(sandbox: Sandbox, options: dict[str, Any]) -> None:
    try:
        sandbox.start()
    except OverflowError:
        raise CommandError(_("The port must be a number from 0 to 65535.")) from None
    except OSError as error:
        raise CommandError(_why_not(error, options)) from None


def _why_not(error: OSError, options: dict[str, Any]) -> str:
    if error.filename is not None:
        text = _("%(file)s can't be written (%(reason)s): choose another file.")
        return text % {"file": error.filename, "reason": error.strerror}
    if error.errno == errno.EADDRINUSE:
        text = _(
            "Port %(port)s is in use: stop the program that uses it, "
            "or choose another one with --port."
        )
        return text % {"port": options["port"]}
    text = _("The sandbox can't listen on %(host)s, port %(port)s: %(reason)s.")
    return text % {**options, "reason": error.strerror}
