"""Whoever does not answer is not waited for."""

from __future__ import annotations

import threading

import pytest

from csms_campaigns.diagnosis.patience import NoAnswer, within

pytestmark = pytest.mark.once


def test_an_answer_in_time() -> None:
    assert within(30, lambda: 7) == 7


def test_an_error_is_the_callers() -> None:
    def fail() -> None:
        raise LookupError("needle")  # noqa: EM101

    with pytest.raises(LookupError, match="needle"):
        within(30, fail)


def test_no_answer() -> None:
    never = threading.Event()
    with pytest.raises(NoAnswer):
        within(0.05, never.wait)
    never.set()
