from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from csms_campaigns.sandbox.server import Sandbox


@pytest.fixture
def start() -> Iterator[Callable[..., Sandbox]]:
    """`start(faults=…)` runs a gateway until the test ends."""
    with ExitStack() as running:
        yield lambda **options: running.enter_context(Sandbox(**options))


@pytest.fixture
def gateway(start: Callable[..., Sandbox]) -> Any:
    return start()
