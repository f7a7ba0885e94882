"""Rows by the thousand: what is written is what was given, whatever letters it has."""

from __future__ import annotations

from typing import Any

import pytest

from csms_campaigns.engine import bulk
from csms_campaigns.models import Batch, Campaign, SendResult

pytestmark = pytest.mark.django_db

TEXTS = [
    "plain",
    "two\nlines\r\nthree",
    "tab\there",
    "a \\ and \\n and \\N and \\.",
    "\\.",
    "'quoted' \"twice\" 100% {name} %s",
    "مرحبا 🙂",
    "",
    " ",
    "ends in \\",
]
COLUMNS = ("id", "number", "message", "segments", "size")


@pytest.fixture
def campaign() -> Campaign:
    return Campaign.objects.create(name="Spring", message="Hello")


def written(campaign: Campaign) -> list[str]:
    ids = bulk.new_ids(Batch, len(TEXTS))
    lines = [(pk, i + 1, TEXTS[i], 1, i) for i, pk in enumerate(ids)]
    bulk.insert(Batch, COLUMNS, lines, {"campaign_id": campaign.pk})
    batches = Batch.objects.order_by("number")
    assert [batch.pk for batch in batches] == ids
    assert [batch.size for batch in batches] == list(range(len(TEXTS)))
    return [batch.message for batch in batches]


def test_every_letter_arrives(campaign: Campaign) -> None:
    assert written(campaign) == TEXTS


def test_in_pieces_too(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PIECE", 3)
    assert written(campaign) == TEXTS


def test_with_an_older_driver(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """psycopg2 has no such COPY."""
    monkeypatch.setattr(bulk, "_can_copy", lambda _cursor: False)
    assert written(campaign) == TEXTS


def test_what_is_not_given_is_as_if_the_model_had_made_it(campaign: Campaign) -> None:
    made = Batch.objects.create(campaign=campaign, number=1, message="m", segments=1)
    bulk.insert(
        Batch,
        ("number", "message", "segments"),
        [(2, "m", 1)],
        {"campaign_id": campaign.pk},
    )
    other = Batch.objects.get(number=2)
    own = {"id", "number"}
    for field in Batch._meta.concrete_fields:
        if field.attname not in own:
            assert getattr(other, field.attname) == getattr(made, field.attname)


def test_null_and_an_empty_text_are_two_things(campaign: Campaign) -> None:
    lines: list[Any] = [
        (None, None, "skipped", "invalid_phone", "x"),
        (7, "+12125550101", "pending", "", ""),
    ]
    columns = ("contact_id", "phone", "status", "skip_reason", "error")
    bulk.insert(SendResult, columns, lines, {"campaign_id": campaign.pk})
    names = ("contact", "phone", "name", "batch")
    found = SendResult.objects.order_by("pk").values_list(*names)
    assert list(found) == [(None, None, "", None), (7, "+12125550101", "", None)]


def test_no_rows(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    same = {"campaign_id": campaign.pk}
    bulk.insert(Batch, COLUMNS, [], same)
    monkeypatch.setattr(bulk, "_can_copy", lambda _cursor: False)
    bulk.insert(Batch, COLUMNS, [], same)
    assert bulk.new_ids(Batch, 0) == []
    assert not Batch.objects.exists()


def test_ids_are_ascending_and_not_given_again(campaign: Campaign) -> None:
    first = written_ids(campaign, 3)
    second = written_ids(campaign, 3, number=4)
    by_model = Batch.objects.create(
        campaign=campaign, number=7, message="m", segments=1
    )
    assert first == sorted(first)
    assert first[-1] < second[0]
    assert by_model.pk > second[-1]


def written_ids(campaign: Campaign, count: int, number: int = 1) -> list[int]:
    ids = bulk.new_ids(Batch, count)
    lines = [(pk, number + i, "m", 1, 0) for i, pk in enumerate(ids)]
    bulk.insert(Batch, COLUMNS, lines, {"campaign_id": campaign.pk})
    return ids


def test_ids_of_rows_that_are_gone_do_not_come_back(campaign: Campaign) -> None:
    before = written_ids(campaign, 3)
    Batch.objects.all()._raw_delete("default")
    assert written_ids(campaign, 1)[0] > before[-1]


def test_it_is_a_statement_for_thousands(
    campaign: Campaign, django_assert_max_num_queries: Any
) -> None:
    ids = bulk.new_ids(Batch, 5000)
    lines = ((pk, i, "m", 1, 0) for i, pk in enumerate(ids))
    with django_assert_max_num_queries(1):
        bulk.insert(Batch, COLUMNS, lines, {"campaign_id": campaign.pk})
    assert Batch.objects.count() == 5000
