from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from csms_campaigns.gateway.client import GatewayClient
from tests.gateway import KEY
from tests.servers.wire import Script, Wire


@pytest.fixture
def wire() -> Iterator[Callable[..., Wire]]:
    """`wire(script, tls=False)` starts a peer that does what the script says."""
    with ExitStack() as running:

        def start(script: Script, **options: bool) -> Wire:
            return running.enter_context(Wire(script, **options))

        yield start


@pytest.fixture
def client() -> Callable[..., GatewayClient]:
    def make(url: str, timeout: tuple[float, float] = (2.0, 5.0)) -> GatewayClient:
        return GatewayClient(url, KEY, timeout)

    return make
