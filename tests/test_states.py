"""The drawing of the states holds together."""

from __future__ import annotations

from typing import Any

import pytest

from csms_campaigns import states
from csms_campaigns.states import (
    BATCH_MOVES,
    CAMPAIGN_MOVES,
    BatchStatus,
    CampaignStatus,
    SendStatus,
    sources_of,
)

pytestmark = pytest.mark.once

C, B = CampaignStatus, BatchStatus
MOVES: list[tuple[Any, dict[Any, frozenset[Any]]]] = [
    (CampaignStatus, CAMPAIGN_MOVES),
    (BatchStatus, BATCH_MOVES),
]


def reachable(moves: dict[Any, frozenset[Any]], start: Any) -> set[Any]:
    found, fresh = {start}, {start}
    while fresh:
        fresh = {target for state in fresh for target in moves[state]} - found
        found |= fresh
    return found


@pytest.mark.parametrize(("states_", "moves"), MOVES)
def test_every_state_is_drawn_and_none_leads_to_itself(
    states_: Any, moves: dict[Any, frozenset[Any]]
) -> None:
    assert set(moves) == set(states_)
    assert not [state for state, targets in moves.items() if state in targets]


@pytest.mark.parametrize(
    ("moves", "start"), [(CAMPAIGN_MOVES, C.DRAFT), (BATCH_MOVES, B.PENDING)]
)
def test_every_state_can_be_reached(moves: Any, start: Any) -> None:
    assert reachable(moves, start) == set(moves)


def test_from_every_state_a_campaign_can_end() -> None:
    for state in C:
        assert reachable(CAMPAIGN_MOVES, state) & states.ENDED


def test_an_ended_campaign_stays_ended() -> None:
    assert {state for state in C if not CAMPAIGN_MOVES[state]} == states.ENDED


def test_every_unfinished_campaign_can_be_cancelled() -> None:
    assert set(sources_of(C.CANCELLED)) == set(C) - states.ENDED


def test_nothing_is_sent_that_was_not_reviewed() -> None:
    """Each way from a draft to sending leads over ready."""
    without = {s: t - {C.READY} for s, t in CAMPAIGN_MOVES.items()}
    assert C.SENDING not in reachable(without, C.DRAFT)


def test_what_was_sent_cannot_become_a_draft_again() -> None:
    assert reachable(CAMPAIGN_MOVES, C.SENDING) == {
        C.SENDING,
        C.PAUSED,
        C.FINISHED,
        C.CANCELLED,
    }


def test_an_unknown_batch_is_never_sent_again() -> None:
    assert reachable(BATCH_MOVES, B.UNKNOWN) == {B.UNKNOWN, B.DONE}
    assert reachable(BATCH_MOVES, B.DONE) == {B.DONE}


def test_groups_are_made_of_states_that_agree() -> None:
    assert states.ACTIVE < states.LAUNCHED
    assert not states.EDITABLE & states.LAUNCHED
    assert not states.ACTIVE & states.ENDED
    assert set(SendStatus) - states.FINAL_RESULTS == {SendStatus.PENDING}
    assert states.RETRYABLE_RESULTS < states.FINAL_RESULTS
    assert {s for s in B if not BATCH_MOVES[s] - {B.DONE}} | states.OPEN_BATCHES == set(
        B
    )


@pytest.mark.parametrize("target", C)
def test_the_sources_of_a_state(target: CampaignStatus) -> None:
    expected = {source for source in C if target in CAMPAIGN_MOVES[source]}
    assert set(sources_of(target)) == expected


@pytest.mark.parametrize(
    "choices",
    [
        states.CampaignStatus,
        states.CampaignKind,
        states.BatchStatus,
        states.SendStatus,
        states.SkipReason,
        states.Resolution,
        states.AttemptOutcome,
        states.BlockReason,
    ],
)
def test_every_value_fits_its_column_and_has_its_own_words(choices: Any) -> None:
    labels = [str(label) for label in choices.labels]
    assert all(labels)
    assert len(set(labels)) == len(labels)
    assert max(map(len, choices.values)) <= 20
