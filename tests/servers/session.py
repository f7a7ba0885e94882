"""The servers of a whole test run: started once, stopped however it ends."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path

from project.demo.processes import Child
from project.demo.redis_server import binary, pong, redis_server
from tests.servers import addresses
from tests.servers.postgres import PostgreSQL


class Servers:
    """`start()` may fail half-way (`ChildError`, `FileNotFoundError`); `stop()` ends what there is."""

    def __init__(self) -> None:
        self._running = ExitStack()

    def start(self) -> None:
        if "CSMS_TEST_SCRATCH" in addresses.OURS:
            addresses.scratch().mkdir(mode=0o700)
            # Remembered first, so that it goes last.
            self._running.callback(shutil.rmtree, addresses.scratch())
        if "TEST_REDIS_URL" in addresses.OURS:
            port = addresses.port_of(addresses.redis_url())
            self._running.callback(start_redis(port, addresses.scratch()).stop)
        if "TEST_DATABASE_URL" in addresses.OURS and addresses.engine() == "postgres":
            port = addresses.port_of(addresses.database_url())
            server = PostgreSQL(addresses.scratch(), port)
            self._running.callback(server.stop)
            server.start()

    def stop(self) -> None:
        self._running.close()


def start_redis(port: int, folder: Path) -> Child:
    """A Redis of a test's own, empty; the caller stops it."""
    program = binary()
    if program is None:
        message = "There is no Redis server here: install redis-server, or set TEST_REDIS_URL."
        raise FileNotFoundError(message)
    server = redis_server(program, port, folder, folder / f"redis-{port}.log").start()
    try:
        server.wait_ready(pong(port))
    except BaseException:
        server.kill()
        raise
    return server
