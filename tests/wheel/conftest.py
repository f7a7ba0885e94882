from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from project.demo.processes import free_port
from tests.docs.markdown import ROOT
from tests.project.family import survivors
from tests.servers.addresses import port_of
from tests.wheel.fresh_site import FreshSite


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built from this checkout without a download."""
    folder = tmp_path_factory.mktemp("wheel")
    words = ["--no-deps", "--no-build-isolation", "--no-index", "-q", "-w", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *words, str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture
def fresh_site(
    wheel: Path, tmp_path: Path, redis_url: str
) -> Iterator[Callable[..., FreshSite]]:
    """`fresh_site(**variables)`: an empty folder with the wheel installed; nothing outlives it."""
    made: list[FreshSite] = []

    def make(**variables: str) -> FreshSite:
        ports = {"6379": port_of(redis_url), "8025": free_port(), "8000": free_port()}
        site = FreshSite(tmp_path, wheel, ports, variables)
        made.append(site)
        site.install()
        return site

    yield make
    for site in made:
        site.stop()
        assert survivors(site.families) == []
