"""`manage.py csms_sandbox` as a process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from tests.polling import wait_until
from tests.sandbox.client import connect, get, raw_request, send

COMMAND = [sys.executable, "-m", "django", "csms_sandbox"]


def environment(**extra: str) -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if k != "CSMS_API_KEY"}
    return {**clean, "DJANGO_SETTINGS_MODULE": "tests.settings", **extra}


@contextmanager
def process(*options: str, **extra: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*COMMAND, *options],
        env=environment(**extra),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            running.kill()


@pytest.fixture
def command() -> Iterator[Callable[..., Any]]:
    """Start it with `--port 0 --json`; `.port` and `.process`."""
    with ExitStack() as stack:

        def run(*options: str, **extra: str) -> SimpleNamespace:
            running = stack.enter_context(
                process("--port", "0", "--json", *options, **extra)
            )
            addresses = json.loads(running.stdout.readline())
            port = int(re.search(r":(\d+)/", addresses["url"])[1])
            return SimpleNamespace(process=running, port=port, **addresses)

        yield run


def failure(*options: str) -> str:
    done = subprocess.run(
        [*COMMAND, *options],
        check=False,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_its_addresses_and_stops_cleanly(number):
    with process("--port", "0") as running:
        api, page = running.stdout.readline(), running.stdout.readline()
        found = re.fullmatch(r"Sandbox gateway: (http://127.0.0.1:\d+)/\S+\n", api)
        assert api.endswith("/sms_system/api.php\n")
        assert page.endswith(f"{found[1]}/\n")
        running.send_signal(number)
        out, err = running.communicate(timeout=30)
        assert (running.returncode, out, err) == (0, "", "")


def test_it_stops_in_the_middle_of_an_answer(command):
    sandbox = command("--faults", "slow=60")
    with connect(sandbox) as client:
        client.sendall(raw_request())
        wait_until(lambda: get(sandbox, "/sandbox/state.json").json["texts"])
        sandbox.process.terminate()
        assert sandbox.process.wait(30) == 0


def test_options_reach_the_gateway(command, tmp_path):
    log = tmp_path / "delivered.jsonl"
    sandbox = command(
        *("--credits", "50", "--limits", "7/60", "--no-magic", "--seed", "3"),
        *("--faults", "refuse@2", "--credits-per", "segment", "--latency", "0.01"),
        *("--max-numbers", "2", "--delivered-log", str(log)),
    )
    answer = send(sandbox, ["+12125550001"], "a" * 161)
    assert answer.json["remaining_credits"] == 48
    assert send(sandbox).json["code"] == "REQUEST_REFUSED"
    assert send(sandbox, ["1234567"] * 3).json["code"] == "TOO_MANY_NUMBERS"
    state = get(sandbox, "/sandbox/state.json").json
    assert list(state["max_in_window"]) == ["7/60"]
    sandbox.process.kill()
    assert json.loads(log.read_text())["phone"] == "+12125550001"


def test_the_accepted_keys(command):
    sandbox = command(CSMS_API_KEY="cspro_mine")
    assert send(sandbox).status == 200
    assert send(sandbox, key="cspro_mine").status == 200
    assert send(sandbox, key="other").status == 401
    only = command("--api-key", "cspro_only", CSMS_API_KEY="cspro_mine")
    assert send(only).status == 401
    assert send(only, key="cspro_mine").status == 401
    assert send(only, key="cspro_only").status == 200


def test_a_port_in_use_is_one_clear_sentence(gateway):
    assert failure("--port", str(gateway.port)) == (
        f"CommandError: Port {gateway.port} is in use: stop the program that uses it, "
        "or choose another one with --port.\n"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--limits", "x"], "is no limit: write requests/seconds"),
        (["--faults", "x"], "There is no fault 'x'"),
        (["--latency", "x"], "is no latency"),
        (["--credits", "-1"], "credits must be a whole number"),
        (["--port", "70000"], "The port must be a number from 0 to 65535."),
        (["--port", "0", "--delivered-log", "/dev/null/x"], "choose another file"),
        (["--port", "0", "--host", "192.0.2.1"], "can't listen on 192.0.2.1, port 0"),
    ],
)
def test_wrong_options_are_one_clear_sentence(options, message):
    assert message in failure(*options)
