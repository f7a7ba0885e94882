"""Evidence, as staff read it."""

from __future__ import annotations

from fractions import Fraction

import pytest

from csms_campaigns.admin.evidence_words import cost_in_words, evidence_in_words
from csms_campaigns.engine.evidence import Cost, Evidence, Per, Price, Unclear

NUMBER = Price(Per.NUMBER, Fraction(1), 9)
SEGMENT = Price(Per.SEGMENT, Fraction(3, 2), 1200)


@pytest.mark.parametrize(
    ("charged", "verdict"),
    [
        (0, "Probably none of them was charged."),
        (1200, "Probably all of them were charged."),
        (40, "About 40 of the 1,200 unknown were charged."),
    ],
)
def test_a_verdict_with_its_figures(charged: int, verdict: str) -> None:
    cost = Cost((NUMBER,), 9)
    found = Evidence(None, cost, 1200, 2, 80 + charged, Fraction(80), charged)
    said = evidence_in_words(found)
    assert said["verdict"] == verdict
    assert said["reasons"].startswith("In 2 requests with 1,200 unknown, the credits")
    assert said["reasons"].endswith("the sends that are known explain 80.")


@pytest.mark.parametrize("why", list(Unclear))
def test_every_reason_to_be_unclear_has_a_sentence(why: Unclear) -> None:
    said = evidence_in_words(Evidence(why, Cost()))
    assert said["verdict"].startswith("Unclear: ")
    assert said["reasons"] == ""


@pytest.mark.parametrize(
    ("cost", "said"),
    [
        (Cost(), "What a number costs is not known yet."),
        (
            Cost((NUMBER,), 10),
            "Credits for each number, however long the text: 1 (9 of 10 observations agree).",
        ),
        (
            Cost((SEGMENT,), 1200),
            "Credits for each segment: 1.5 (1,200 of 1,200 observations agree).",
        ),
        (
            Cost((NUMBER, SEGMENT), 9),
            "Credits for a text of one segment: 1; whether longer ones cost more is not"
            + " known (9 of 9 observations agree).",
        ),
    ],
)
def test_a_cost_says_how_sure_it_is(cost: Cost, said: str) -> None:
    assert cost_in_words(cost) == said
