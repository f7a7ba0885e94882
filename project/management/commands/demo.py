"""Everything at once on this machine: a database, Redis, the sandbox, a worker and the site."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from project.demo import folder, guard, prepare, redis_server, services
from project.demo.places import Places
from project.demo.processes import ChildError, free_port, is_free
from project.demo.supervisor import StopRequested, Supervisor, stoppable

ADVICE = {
    "ready": "Open the campaign, press Launch, and watch the texts arrive.",
    "sending": "The campaign goes on where it was.",
    "paused": "The campaign is paused where it was: open it and press Resume.",
    "finished": "The campaign is finished; `make demo-reset` starts over.",
}


class Command(BaseCommand):
    help = "Run the whole demo; Ctrl-C stops it, and the next run goes on from there."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("--port", type=int, default=8000, help="of the site")
        add("--reset", action="store_true", help="forget the last run, start over")
        add("--with-parent", action="store_true", help="end when the caller ends")

    def handle(self, *args: object, **options: Any) -> None:
        if options["with_parent"]:
            guard.die_with_parent(os.getppid(), signal.SIGTERM)
        home = Path(settings.DATA_DIR)
        check_port(options["port"])
        try:
            with stoppable(), folder.locked(home):
                if options["reset"]:
                    folder.empty(home)
                self._run(home, options["port"])
        except StopRequested:
            # The terminal may be gone by now.
            with contextlib.suppress(OSError):
                self.stdout.write("Stopped. `make demo` goes on from here.")
        except folder.InUseError:
            message = "The demo runs already: stop that one first."
            raise CommandError(message) from None
        except ChildError as error:
            message = f"{error}\nEverything is stopped."
            raise CommandError(message) from None

    def _run(self, home: Path, port: int) -> None:
        redis_port = free_port()
        program = redis_server.binary()
        broker = f"redis://127.0.0.1:{redis_port}/0" if program else outer_redis()
        places = Places(home, port, free_port(), broker)
        with Supervisor() as supervisor:
            self.stdout.write("Starting: Redis, sandbox, database, worker, site …")
            if program:
                supervisor.start(*services.redis(places, program, redis_port))
            supervisor.start(*services.sandbox(places))
            result = json.loads(supervisor.finish(services.preparation(places)))
            supervisor.start(*services.worker(places))
            supervisor.start(*services.site(places))
            self._announce(places, result)
            supervisor.watch()

    def _announce(self, places: Places, result: dict[str, Any]) -> None:
        page = f"{places.site}csms_campaigns/campaign/{result['campaign']}/change/"
        name, password = prepare.LOGIN
        lines = {
            "Site": places.site,
            "Log in as": f"{name}, password {password}",
            "Campaign": page,
            "Sandbox": f"{places.sandbox} (what the gateway was asked to deliver)",
            "Logs": str(places.logs),
            "Commands": f". {places.write_for_shells()} && {sys.executable} manage.py …",
        }
        text = "".join(f"  {label:<10} {value}\n" for label, value in lines.items())
        advice = ADVICE.get(result["status"], ADVICE["ready"])
        self.stdout.write(f"\n{text}\n{advice} Ctrl-C stops everything.")
        self.stdout.flush()


def check_port(port: int) -> None:
    if not 0 < port < 65536:
        message = "The port must be a number from 1 to 65535."
        raise CommandError(message)
    if not is_free(port):
        message = (
            f"Port {port} is in use: stop the program that uses it, "
            "or choose another one: make demo PORT=8001."
        )
        raise CommandError(message)


def outer_redis() -> str:
    if not os.environ.get("REDIS_URL"):
        message = (
            "There is no Redis server here: install redis-server, or set REDIS_URL."
        )
        raise CommandError(message)
    return os.environ["REDIS_URL"]
