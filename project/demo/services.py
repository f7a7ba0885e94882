"""The programs of the demo, in the order in which they start, each with its readiness check."""

from __future__ import annotations

import http.client
import sys
from collections.abc import Callable

from project.demo.places import LIMITS, MANAGE, ROOT, Places
from project.demo.processes import Child
from project.demo.redis_server import pong, redis_server

Service = tuple[Child, Callable[[], bool]]


def redis(places: Places, program: str, port: int) -> Service:
    log = places.logs / "redis.log"
    return redis_server(program, port, places.folder, log), pong(port)


def sandbox(places: Places) -> Service:
    port = str(places.sandbox_port)
    behaviour = ["--limits", LIMITS, "--latency", "0.2-0.8", "--credits", "25000"]
    log = ["--delivered-log", str(places.folder / "delivered.jsonl")]
    command = [*MANAGE, "csms_sandbox", "--port", port, *behaviour, *log]
    return _child(places, "sandbox", command), _page(places.sandbox_port, "/")


def worker(places: Places) -> Service:
    celery = [sys.executable, "-m", "celery", "-A", "project"]
    child = _child(places, "worker", [*celery, "worker", "-B", "-l", "INFO"])
    child.patience = (
        20  # a request in flight may take 12.5 s, and its answer is recorded
    )
    # An earlier run's log says that it was ready, too.
    before = child.log.stat().st_size if child.log.exists() else 0

    def is_ready() -> bool:
        with child.log.open("rb") as log:
            log.seek(before)
            return b" ready." in log.read()

    return child, is_ready


def site(places: Places) -> Service:
    address = f"127.0.0.1:{places.site_port}"
    command = [*MANAGE, "runserver", "--noreload", address]
    return _child(places, "site", command), _page(places.site_port, "/admin/login/")


def preparation(places: Places) -> Child:
    command = [sys.executable, "-m", "project.demo.prepare"]
    return _child(places, "preparation", command)


def _child(places: Places, name: str, command: list[str]) -> Child:
    log = places.logs / f"{name}.log"
    return Child(name, command, log, places.environment(), ROOT)


def _page(port: int, path: str) -> Callable[[], bool]:
    # http.client and not urllib, which asks the proxy of the environment.
    def answers() -> bool:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            link.request("GET", path)
            return link.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            link.close()

    return answers
