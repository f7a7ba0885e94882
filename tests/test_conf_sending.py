"""The settings of quiet hours and of a second pair of eyes."""

from __future__ import annotations

from typing import Any

import pytest

from csms_campaigns import conf

pytestmark = pytest.mark.once


@pytest.fixture
def told(settings: Any) -> Any:
    def tell(**options: Any) -> list[str]:
        settings.CSMS_CAMPAIGNS = {**settings.CSMS_CAMPAIGNS, **options}
        return list(conf.problems())

    return tell


@pytest.mark.parametrize(
    "presets",
    [
        None,
        {},
        {"Office": ("09:00", "18:00", "60123")},
        {"Evening": ["", "23:59", ""], "Always": ("", "", "")},
    ],
)
def test_presets(told: Any, presets: Any) -> None:
    assert told(QUIET_HOURS_PRESETS=presets) == []
    found = conf.quiet_hours_presets()
    assert found == (
        presets and {name: tuple(p) for name, p in presets.items()} or presets
    )


@pytest.mark.parametrize(
    "presets",
    [
        [],
        "Office",
        {"Office": "09:00-18:00"},
        {"Office": ("9", "18:00", "")},
        {"Office": ("09:00", "24:00", "")},
        {"Office": ("09:00", "18:00", "7")},
        {"Office": ("09:00", "18:00")},
        {"Office": (9, 18, "")},
        {" ": ("", "", "")},
        {3: ("", "", "")},
    ],
)
def test_presets_that_are_none(told: Any, presets: Any) -> None:
    (problem,) = told(QUIET_HOURS_PRESETS=presets)
    assert problem.startswith(
        "CSMS_CAMPAIGNS['QUIET_HOURS_PRESETS'] is wrong: set it to"
    )


def test_a_second_pair_of_eyes_is_off_unless_it_is_asked_for(told: Any) -> None:
    assert conf.second_pair_of_eyes() is False
    assert told(SECOND_PAIR_OF_EYES=True) == []
    assert conf.second_pair_of_eyes() is True


def test_what_is_no_switch_is_an_error_and_means_on(told: Any) -> None:
    """A slip must not let people launch what they wrote."""
    (problem,) = told(SECOND_PAIR_OF_EYES="yes")
    assert "True or False" in problem
    assert conf.second_pair_of_eyes() is True
