"""The servers of a test run, and what the tests share."""

from __future__ import annotations

import copy
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import connection
from django.utils import translation

from csms_campaigns.sandbox.server import Sandbox
from project.demo.processes import ChildError
from tests import needs, polling
from tests.browser import base_url, browser_type_launch_args  # noqa: F401 - fixtures
from tests.servers import addresses
from tests.servers.session import Servers
from tests.servers.workers import Worker

LACKING = pytest.StashKey[Counter[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    # Read by tests.servers.addresses, since the settings are loaded before the options.
    parser.addoption(
        "--db",
        choices=addresses.ENGINES,
        help="the database to test on (default: TEST_DB, else sqlite)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "once: uses no database of the tests, so one run on SQLite will do"
    )
    config.stash[LACKING] = Counter()


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    out, config.stash[LACKING] = needs.sort_out(items)
    if addresses.engine() != "sqlite":
        out += [item for item in items if item.get_closest_marker("once")]
    gone = set(out)
    items[:] = [item for item in items if item not in gone]
    config.hook.pytest_deselected(items=list(gone))


def pytest_sessionstart(session: pytest.Session) -> None:
    servers = Servers()
    session.config.add_cleanup(servers.stop)
    if session.config.option.collectonly:
        return
    try:
        servers.start()
    except (ChildError, FileNotFoundError) as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What was left out; and counts for tests.run, which adds up the runs on several databases."""
    for what, count in terminalreporter.config.stash[LACKING].items():
        terminalreporter.write_line(f"{count} tests were left out: they need {what}.")
    if "CSMS_TEST_COUNTS" in os.environ:
        kinds = ("passed", "failed", "error", "skipped")
        counts = {kind: len(terminalreporter.stats.get(kind, ())) for kind in kinds}
        Path(os.environ["CSMS_TEST_COUNTS"]).write_text(json.dumps(counts))


def pytest_report_header() -> str:
    return f"servers: {addresses.engine()}, {addresses.redis_url()}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Any:
    return forbid_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Any:
    return forbid_skip((yield))


def forbid_skip(report: Any) -> Any:
    """Where CI=true, what is skipped has failed: there, nothing may be missing."""
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"Skipped, and CI=true allows no skip: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def language_of_the_site() -> Iterator[None]:
    """LocaleMiddleware leaves a thread in the language of its last request; so does a test client."""
    translation.deactivate()
    yield
    translation.deactivate()


@pytest.fixture
def database_vendor() -> str:
    """`sqlite` or `postgresql`."""
    return connection.vendor


@pytest.fixture
def redis_url() -> str:
    """The broker of this test run, emptied."""
    with redis.Redis.from_url(addresses.redis_url()) as client:
        client.flushall()
    return addresses.redis_url()


@pytest.fixture
def wait_until() -> Callable[..., Any]:
    """`wait_until(predicate, seconds=90)` returns its first truthy value, or fails the test."""
    return polling.wait_until


@pytest.fixture
def configure(settings: Any) -> Callable[..., None]:
    """`configure(BATCH_SIZE=5, alias="default")` changes one account for this test."""

    def change(alias: str = "default", **options: Any) -> None:
        changed = copy.deepcopy(settings.CSMS_CAMPAIGNS)
        changed["ACCOUNTS"].setdefault(alias, {}).update(options)
        settings.CSMS_CAMPAIGNS = changed

    return change


@pytest.fixture
def sandbox(
    settings: Any, configure: Callable[..., None]
) -> Iterator[Callable[..., Sandbox]]:
    """`sandbox(limits=…, faults=…)` starts a gateway and points the default account at it."""
    with ExitStack() as running:

        def start(**options: Any) -> Sandbox:
            key = settings.CSMS_CAMPAIGNS["ACCOUNTS"]["default"]["API_KEY"]
            started = Sandbox(**{"api_key": key, **options})
            running.enter_context(started)
            configure(API_URL=started.url)
            return started

        yield start


@pytest.fixture
def worker(
    transactional_db: None, redis_url: str, tmp_path: Path
) -> Iterator[Callable[..., Worker]]:
    """`worker(pool="threads", concurrency=8, beat=True, env={})` starts a real worker process.

    It works on this test's database, with the settings of this moment: configure first.
    """
    with ExitStack() as running:
        count = 0

        def start(**options: Any) -> Worker:
            nonlocal count
            count += 1
            database = str(connection.settings_dict["NAME"])
            one = Worker(database, tmp_path / f"worker-{count}.log", **options)
            running.callback(one.end)
            return one.start()

        yield start
