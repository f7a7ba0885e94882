"""Take and finish with a gateway that answers at once, against the bare statements of psycopg.

The limits are lifted. Each worker is a process; the baseline's share the batches out before, and
look for no limit, no opt-out, no pause and no other worker.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from typing import Any, Final, NamedTuple

from bench.campaigns import broker, empty, lift, make, settle
from bench.databases import backend, set_up
from bench.frame import Figure, apart, stopwatch

NUMBERS: Final = 100
MOST_BATCHES: Final = 1000
MOST_MS: Final = 10.0
"""For each batch: a hundred a second."""
CREWS: Final = {"postgres": ((1, 1), (1, 4), (4, 4)), "sqlite": ((1, 1), (1, 4))}
"""(accounts, workers)"""

_BARE: Final = (
    "SELECT id, phone FROM csms_campaigns_sendresult WHERE batch_id = {0}",
    (
        "INSERT INTO csms_campaigns_attempt (account_id, batch_id, cum, stamped_at, outcome, size,"
        " segments, sent_count, failed_count, error)"
        " VALUES ({1}, {0}, -{0}, CURRENT_TIMESTAMP, '', 100, 1, 0, 0, '')"
    ),
    (
        "UPDATE csms_campaigns_batch SET status = 'sending', lease_until = CURRENT_TIMESTAMP,"
        " tries = tries + 1, attempt_id = (SELECT id FROM csms_campaigns_attempt"
        " WHERE account_id = {1} AND cum = -{0}) WHERE id = {0}"
    ),
    "COMMIT",
    (
        "UPDATE csms_campaigns_sendresult SET status = 'sent', updated_at = CURRENT_TIMESTAMP,"
        " message_id = 'm' || phone WHERE batch_id = {0}"
    ),
    (
        "UPDATE csms_campaigns_batch SET status = 'done', finished_at = CURRENT_TIMESTAMP,"
        " sent_count = size WHERE id = {0}"
    ),
    (
        "UPDATE csms_campaigns_attempt SET outcome = 'answered', done_at = CURRENT_TIMESTAMP,"
        " http_status = 200, sent_count = 100 WHERE account_id = {1} AND cum = -{0}"
    ),
    "COMMIT",
)


class Shift(NamedTuple):
    """What one worker did. Moments are of the steady clock, which all processes share."""

    batches: int
    began: float
    ended: float
    cpu: float
    server_cpu: float


def run(url: str, size: int) -> list[Figure]:
    engine = "sqlite" if url.startswith("sqlite") else "postgres"
    batches = max(min(size // NUMBERS, MOST_BATCHES), 8)
    with broker():
        figures = [_figure(url, batches, *crew) for crew in CREWS[engine]]
        return [*figures, *_with_client(url, max(batches // 10, 5))]


def _figure(url: str, batches: int, accounts: int, workers: int) -> Figure:
    aliases = [f"account{number}" for number in range(accounts)]
    lift(aliases)
    turns = [apart(fill, url, batches, aliases).answer]
    bare = _together(
        workers, lambda n, all_here: (bare_loop, url, turns[0][n::workers], all_here)
    )
    turns.append(apart(fill, url, batches, aliases).answer)
    ours = _together(
        workers, lambda n, all_here: (work, url, aliases[n % accounts], all_here)
    )
    done = sum(shift.batches for shift in ours)
    if done != batches:
        message = f"{done} of {batches} batches were sent."
        raise RuntimeError(message)
    each = _each(ours)
    here, there = (
        sum(s) * 1000 / batches for s in zip(*(o[3:] for o in ours), strict=True)
    )
    return Figure(
        f"a batch, {_count(accounts, 'key')}, {_count(workers, 'worker')}",
        each,
        "ms",
        _each(bare),
        note=f"{1000 / each:,.0f} batches a second; processor: {here:.1f} ms here and "
        f"{there:.1f} ms in the server",
        most=MOST_MS if accounts > 1 and "postgres" in url else None,
    )


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' if number > 1 else ''}"


def _each(shifts: Sequence[Shift]) -> float:
    seconds = max(s.ended for s in shifts) - min(s.began for s in shifts)
    return seconds * 1000 / sum(s.batches for s in shifts)


def _together(workers: int, case: Callable[[int, Any], tuple[Any, ...]]) -> list[Shift]:
    all_here = get_context("spawn").Barrier(workers)
    with ThreadPoolExecutor(workers) as threads:
        running = [threads.submit(apart, *case(n, all_here)) for n in range(workers)]
        return [one.result().answer for one in running]


def fill(url: str, batches: int, aliases: list[str]) -> list[int]:
    """Ids of the batches that wait."""
    set_up(url)
    from csms_campaigns.models import Batch

    empty()
    for alias in aliases:
        make(batches // len(aliases), NUMBERS, done=0, account=alias)
    settle()
    return list(Batch.objects.order_by("pk").values_list("pk", flat=True))


def work(url: str, alias: str, all_here: Any) -> Shift:
    set_up(url)
    from csms_campaigns.engine import accounts

    accounts.client = _instant()
    return _shift(alias, all_here.wait)


def _shift(alias: str, wait: Callable[[], object]) -> Shift:
    from csms_campaigns.engine.dispatch import send_next
    from csms_campaigns.engine.taking import Taken

    server, done, step = backend(), 0, None
    wait()
    began = time.monotonic()
    with stopwatch(server) as watch:
        while isinstance(step := send_next(alias, after=step), Taken):
            done += 1
    return Shift(done, began, time.monotonic(), watch.cpu, watch.server_cpu)


def _instant() -> Any:
    """Clients that answer for the gateway: everything but the socket is the real one."""
    from csms_campaigns.gateway.client import Answer, GatewayClient

    class Instant(GatewayClient):
        def _post(self, numbers: Any, message: str, line: Any) -> Answer:
            del message, line
            each = [
                {"phone": n, "success": True, "message_id": f"m{n}"} for n in numbers
            ]
            answer = {"success": True, "results": each, "remaining_credits": 10**6}
            return Answer(200, {}, json.dumps(answer).encode())

    return lambda alias: Instant(f"http://127.0.0.1:9/{alias}", "key", (2.5, 60))


def bare_loop(url: str, batches: list[int], all_here: Any) -> Shift:
    set_up(url)
    from django.db import connection

    from csms_campaigns.models import GatewayAccount

    account = GatewayAccount.objects.order_by("-pk")[:1].get().pk
    connection.ensure_connection()
    server, link = backend(), connection.connection
    if connection.vendor == "postgresql":
        link.autocommit = False
        begin = ""
    else:
        begin = "BEGIN IMMEDIATE"
    all_here.wait()
    began = time.monotonic()
    with stopwatch(server) as watch:
        for batch in batches:
            _bare(link, batch, account, begin)
    return Shift(len(batches), began, time.monotonic(), watch.cpu, watch.server_cpu)


def _bare(link: Any, batch: int, account: int, begin: str) -> None:
    is_open = False
    for statement in _BARE:
        if begin and not is_open:
            link.execute(begin)
        is_open = statement != "COMMIT"
        found = link.execute(statement.format(batch, account))
        if statement.startswith("SELECT"):
            found.fetchall()


# The real client, and a gateway behind a socket


def _with_client(url: str, batches: int) -> list[Figure]:
    from csms_campaigns.sandbox.server import Sandbox

    options = {
        "limits": "1000000/1",
        "magic": False,
        "credits": 10**9,
        "api_key": "key of a",
    }
    with Sandbox(**options) as sandbox:
        lift(["a"], API_URL=sandbox.url)
        apart(fill, url, batches, ["a"])
        bare = apart(post, sandbox.url, batches).answer
        ours: Shift = apart(work_for_real, url, "a").answer
    return [
        Figure(
            "processor time of a batch in the worker, with the real client",
            ours.cpu * 1000 / ours.batches,
            "ms",
            bare * 1000 / batches,
            note="against a bare requests.post of the same body",
        )
    ]


def work_for_real(url: str, alias: str) -> Shift:
    set_up(url)
    return _shift(alias, os.getpid)


def post(url: str, batches: int) -> float:
    import requests

    phones = [f"+1{2120000001 + n}" for n in range(NUMBERS)]
    body = {"api_key": "key of a", "phone": phones, "message": "Our summer sale begins"}
    with stopwatch() as watch:
        for _each in range(batches):
            answer = requests.post(url, json=body, timeout=60)
            answer.raise_for_status()
            answer.json()
    return watch.cpu
