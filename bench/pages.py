"""Every list page of the admin at ten million recipients: milliseconds and queries.

On a database that `bench.fill` has filled, named by `DATABASE_URL`; another one is filled first.
`BENCH_ONLY=recipients` measures the pages with that in their names, `BENCH_SQL=1` shows queries.
"""

from __future__ import annotations

import os
from http import HTTPStatus
from itertools import islice
from typing import Any, Final

from bench.addresses import Page, pages
from bench.databases import backend, set_up
from bench.frame import Figure, Stopwatch, apart, say, stopwatch

ALLOWED_MS: Final = 300
ALLOWED_QUERIES: Final = 15
TIMES: Final = 4
"""The best of so many: other work runs on the machine too."""


def run(url: str, size: int) -> list[Figure]:
    if "postgres" not in url:
        say("Pages are measured on PostgreSQL alone.")
        return []
    return apart(measure, url, size).answer


def measure(url: str, size: int) -> list[Figure]:
    set_up(url)
    from django.conf import settings

    from csms_campaigns.models import SendResult

    settings.ALLOWED_HOSTS = ["*"]
    if not SendResult.objects.exists():
        from bench.fill import fill

        fill(url, size * 10)
    only, client = os.environ.get("BENCH_ONLY", ""), _client()
    return [_figure(client, page) for page in pages() if only in page[0]]


def _client() -> Any:
    from django.contrib.auth import get_user_model
    from django.test import Client

    boss, _made = get_user_model().objects.get_or_create(
        username="bench", defaults={"is_staff": True, "is_superuser": True}
    )
    client = Client()
    client.force_login(boss)
    return client


def _figure(client: Any, page: Page) -> Figure:
    each = [_once(client, page) for _time in range(TIMES)]
    watch, queries = min(each, key=lambda one: one[0].wall)
    _show(page[0], queries)
    note = f"{len(queries)} queries, {watch.work * 1000:.0f} ms of processors"
    if len(queries) > ALLOWED_QUERIES:
        note += f"; more than {ALLOWED_QUERIES} queries"
    return Figure(page[0], watch.wall * 1000, "ms", note=note, most=ALLOWED_MS)


def _once(client: Any, page: Page) -> tuple[Stopwatch, list[dict[str, str]]]:
    from django.db import connection, reset_queries
    from django.test.utils import CaptureQueriesContext

    from csms_campaigns.engine import remembering

    name, method, address = page
    # As on a process that has just begun.
    remembering.forget()
    reset_queries()
    server = backend()  # That is a query too, and not the page's.
    with CaptureQueriesContext(connection) as found, stopwatch(server) as watch:
        given = {"format": "csv"} if method == "post" else {}
        response = getattr(client, method)(address, given)
        if response.streaming:
            list(islice(response, 2))
    if response.status_code != HTTPStatus.OK:
        message = f"{name}: {response.status_code} at {address}"
        raise RuntimeError(message)
    return watch, found.captured_queries


def _show(name: str, queries: list[dict[str, str]]) -> None:
    """BENCH_SQL=1: the slowest query of each page; BENCH_SQL=all: all of them."""
    wanted = os.environ.get("BENCH_SQL")
    slowest = sorted(queries, key=lambda query: -float(query["time"]))
    for query in slowest if wanted == "all" else slowest[: 1 if wanted else 0]:
        say(f"-- {name}: {float(query['time']) * 1000:.0f} ms\n{query['sql']};")
