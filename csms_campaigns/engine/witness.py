"""A witness outside of the database: how far each account was when it was last seen.

A database that was set back (a restored backup, a replica that lagged) does not know what it
has forgotten. So the running count of each account is also told to Redis, once a take has
committed. Told after the commit, the count there is never ahead of a true database: whoever
reads it, and the account's row later, under its lock, and finds the row behind, works on an
older one. A witness that is missing, or does not answer, proves nothing.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

import redis
from celery import current_app
from redis.backoff import NoBackoff
from redis.retry import Retry

from csms_campaigns import conf

logger = logging.getLogger("csms_campaigns.engine")

PATIENCE: Final = 0.25
"""Seconds for one word with Redis: a claim that waits for it grows old."""
REST: Final = 30.0
"""Seconds without another try after an error."""
KINDS: Final = frozenset({"redis", "rediss", "unix"})

# Atomic, so that of two who tell at once the higher count stays.
_RAISE: Final = """
local known = tonumber(redis.call('GET', KEYS[1]) or '0')
local told = tonumber(ARGV[1])
if told > known then redis.call('SET', KEYS[1], ARGV[1]) known = told end
return string.format('%.0f', known)
"""


class _Memory:
    """The highest counts that this process has told or heard, and when it may ask again.

    It is a witness too: a process that outlives the restore remembers, also without Redis.
    """

    def __init__(self) -> None:
        self._highest: dict[UUID, int] = {}
        self._lock = threading.Lock()
        self.rests_until = 0.0

    def note(self, account: UUID, cum: int) -> None:
        with self._lock:
            self._highest[account] = max(cum, self.highest(account))

    def highest(self, account: UUID) -> int:
        return self._highest.get(account, 0)


_memory: Final = _Memory()


def look(account: UUID) -> None:
    """Hear how far the account was. To be called before its row is locked."""
    _hear(account, lambda server: server.get(key(account)))


def tell(account: UUID, cum: int) -> None:
    """Say how far it is. To be called when that is committed; never raises, hardly delays."""
    _memory.note(account, cum)
    _hear(account, lambda server: server.eval(_RAISE, 1, key(account), cum))


def highest(account: UUID) -> int:
    """As far as this process knows; 0 if nobody has said anything."""
    return _memory.highest(account)


def answers(account: UUID) -> bool:
    """Ask once more, also after an error; False if there is nobody to ask."""
    _memory.rests_until = 0.0
    return _hear(account, lambda server: server.get(key(account)))


def is_there() -> bool:
    """A server is named that could know; whether it answers is another matter."""
    return urlsplit(address()).scheme in KINDS


def key(account: UUID) -> str:
    return f"csms_campaigns:witness:{account}"


def _hear(account: UUID, ask: Callable[[redis.Redis], Any]) -> bool:
    if time.monotonic() < _memory.rests_until:
        return False
    try:
        if (server := _server(address())) is None:
            return False
        _memory.note(account, int(ask(server) or 0))
    except Exception as error:  # noqa: BLE001 whatever it is, sending does not depend on it
        # The type alone: its words may hold the address, and that a password.
        logger.warning("The witness does not answer: %s", type(error).__name__)
        _memory.rests_until = time.monotonic() + REST
        return False
    return True


@functools.lru_cache(maxsize=4)
def _server(url: str) -> redis.Redis | None:
    if urlsplit(url).scheme not in KINDS:
        return None
    return redis.Redis.from_url(
        url,
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        retry=Retry(NoBackoff(), 0),
    )


def address() -> str:
    """`WITNESS_URL`, else the broker if that is Redis; empty if there is none."""
    chosen = conf.witness_url()
    return _of_the_broker() if chosen is None else chosen


def _of_the_broker() -> str:
    """Of several the first."""
    settings: Any = current_app.conf
    found = settings.broker_write_url or settings.broker_url or ""
    return _for_redis((found if isinstance(found, str) else found[0]).split(";")[0])


@functools.lru_cache(maxsize=4)
def _for_redis(broker: str) -> str:
    """Celery's address in redis-py's words."""
    parts = urlsplit(broker)
    query = dict(parse_qsl(parts.query))
    # The transport's other options would be unknown to redis-py.
    options = {name: query[name] for name in query if name.startswith("ssl_")}
    if "ssl_cert_reqs" in options:
        # Celery says CERT_REQUIRED where redis-py says required.
        options["ssl_cert_reqs"] = query["ssl_cert_reqs"].removeprefix("CERT_").lower()
    if parts.scheme == "redis+socket":
        database = query.get("virtual_host", "0")
        return f"unix://{parts.netloc}{parts.path}?db={database}"
    return parts._replace(query=urlencode(options)).geturl()
