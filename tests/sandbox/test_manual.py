"""docs/sandbox.md names all that there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from csms_campaigns.sandbox.faults import FAULTS
from csms_campaigns.sandbox.options import READERS
from csms_campaigns.sandbox.record import Clock, Record
from csms_campaigns.sandbox.rules import MAGIC, REFUSED_WITH_ITS_REQUEST

MANUAL = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text()


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_has_its_row_with_its_default(name):
    value = FAULTS[name].value
    shown = f"| `{name}`" if value is None else f"| `{name}={value:g}`"
    assert shown in MANUAL


@pytest.mark.parametrize("ending", [*MAGIC, REFUSED_WITH_ITS_REQUEST])
def test_every_magic_number_has_its_row(ending):
    assert f"| `…{ending}`" in MANUAL


@pytest.mark.parametrize(
    "option",
    [
        "port", "host", "limits", "latency", "faults", "credits", "credits-per",
        "max-numbers", "api-key", "no-magic", "seed", "delivered-log", "json",
    ],
)  # fmt: skip
def test_every_option_has_its_row(option):
    assert f"| `--{option}" in MANUAL


@pytest.mark.parametrize("name", READERS)
def test_everything_that_control_takes_is_named(name):
    assert f"`{name}`" in MANUAL


@pytest.mark.parametrize(
    "name", [*Record(Clock()).counts(), "credits", "in_flight", "max_in_window"]
)
def test_every_figure_of_the_state_is_explained(name):
    assert f"`{name}`" in MANUAL
