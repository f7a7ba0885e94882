"""The tests stand on these: real servers, real workers, and nothing left behind."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import pytest
import redis
from django.contrib.auth import get_user_model
from django.db import connection

from project.demo.processes import Child, ChildError, free_port, is_free
from tests.servers import addresses
from tests.servers.session import start_redis


def group_of(pid: int) -> list[int]:
    """The living processes of a group."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    state, _parent, group = stat.read().rpartition(")")[2].split()[:3]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(group) == pid and state != "Z":
                found.append(int(entry))
    return found


def test_the_database_is_the_one_that_was_asked_for(
    db: None, database_vendor: str
) -> None:
    expected = {"sqlite": "sqlite", "postgres": "postgresql"}[addresses.engine()]
    assert database_vendor == expected


def test_redis_is_real_and_empty(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.ping()
        assert client.dbsize() == 0


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_worker_that_is_told_to_end_leaves_no_process(
    worker: Any, wait_until: Any, pool: str
) -> None:
    one = worker(pool=pool, concurrency=2)
    assert one.is_alive
    assert len(group_of(one.pid)) >= 2  # beat is a process of its own
    one.terminate()
    wait_until(lambda: group_of(one.pid) == [])


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_killed_worker_leaves_no_process(
    worker: Any, wait_until: Any, pool: str
) -> None:
    one = worker(pool=pool, concurrency=2)
    one.kill()
    wait_until(lambda: group_of(one.pid) == [])


def test_a_worker_sees_what_the_test_has_committed(worker: Any, tmp_path: Any) -> None:
    get_user_model().objects.create(username="seen-by-the-worker")
    one = worker(beat=False)
    script = "from django.contrib.auth.models import User; print(User.objects.get())"
    command = ["-c", f"import django; django.setup(); {script}"]
    look = Child(
        name="look",
        command=[one.child.command[0], *command],
        log=tmp_path / "look.log",
        env=one.child.env,
        cwd=one.child.cwd,
    )
    look.start().process.wait(30)
    assert look.last_lines().strip() == "seen-by-the-worker"
    assert connection.settings_dict["NAME"] == one.child.env["CSMS_TEST_LIVE_DB"]


def test_a_second_redis_can_die_and_come_back_empty(tmp_path: Any) -> None:
    port = free_port()
    first = start_redis(port, tmp_path)
    with redis.Redis(port=port) as client:
        client.set("a", "b")
    first.kill()
    assert is_free(port)
    second = start_redis(port, tmp_path)
    with redis.Redis(port=port) as client:
        assert client.dbsize() == 0
    second.stop()


def test_the_sandbox_fixture_points_the_account_at_it(
    sandbox: Any, settings: Any
) -> None:
    started = sandbox(latency=0.0)
    account = settings.CSMS_CAMPAIGNS["ACCOUNTS"]["default"]
    assert account["API_URL"] == started.url
    assert started.deliveries == []


def child(tmp_path: Any, *command: str, **options: Any) -> Child:
    return Child(
        name="program", command=command, log=tmp_path / "program.log", **options
    )


def test_a_child_that_ends_before_it_is_ready_is_named_with_its_last_lines(
    tmp_path: Any,
) -> None:
    one = child(tmp_path, "sh", "-c", "echo out of luck; exit 3").start()
    with pytest.raises(ChildError, match="status 3") as caught:
        one.wait_ready(lambda: False)
    assert "out of luck" in str(caught.value)
    assert "The program ended unexpectedly" in str(caught.value)


def test_a_child_that_ignores_the_signal_is_killed_with_its_children(
    tmp_path: Any, wait_until: Any
) -> None:
    stubborn = "trap '' TERM; sleep 300 & echo up; wait; sleep 300"
    one = child(tmp_path, "sh", "-c", stubborn, patience=0.2).start()
    one.wait_ready(lambda: "up" in one.last_lines())
    assert len(group_of(one.pid)) >= 2
    one.stop()
    wait_until(lambda: group_of(one.pid) == [])


def test_a_child_ends_with_its_parent(tmp_path: Any, wait_until: Any) -> None:
    source = (
        "import sys, time; from pathlib import Path\n"
        "from project.demo.processes import Child\n"
        "child = Child('c', ['sleep', '300'], Path(sys.argv[1])).start()\n"
        "print(child.pid, flush=True); time.sleep(300)"
    )
    log = str(tmp_path / "inner.log")
    python = child(tmp_path, sys.executable, "-c", source, log)
    python.start().wait_ready(lambda: python.last_lines().strip().isdigit())
    inner = int(python.last_lines())
    wait_until(lambda: group_of(inner))
    python.signal(signal.SIGKILL)
    python.process.wait()  # type: ignore[union-attr]
    wait_until(lambda: group_of(inner) == [])


def test_a_taken_port_is_noticed() -> None:
    port = addresses.port_of(addresses.redis_url())
    assert not is_free(port)
    assert is_free(free_port())
