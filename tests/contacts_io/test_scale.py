"""Ten times the rows: the same memory, and no query more for a row."""

from __future__ import annotations

import gc
import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from csms_campaigns.contacts_io import slices, spool
from csms_campaigns.contacts_io.exporting import write_results
from csms_campaigns.contacts_io.importing import import_contacts
from csms_campaigns.models import Campaign, SendResult

pytestmark = pytest.mark.django_db

FEW, MANY = 5_000, 50_000
SLICE = 1_000


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SLICE_ROWS", SLICE)
    monkeypatch.setattr(slices, "SLICE_ROWS", SLICE)


def peak_of(work: Callable[[], Any]) -> int:
    """Bytes of Python's memory at the most, beyond what was there before."""
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def people(folder: Path, count: int, start: int = 0) -> Path:
    """Each tenth row is invalid, and each tenth repeats the number before it."""
    path = folder / f"{start}-{count}.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("phone,name,city\n")
        for i in range(start, start + count):
            number = "bad" if i % 10 == 3 else f"+1212{2000000 + i - (i % 10 == 7)}"
            file.write(f"{number},Name {i},City {i % 50}\n")
    return path


def add_results(campaign: Campaign, count: int) -> None:
    SendResult.objects.bulk_create(
        (
            SendResult(campaign=campaign, phone=f"+1212{2000000 + i}", error="x" * 50)
            for i in range(count)
        ),
        batch_size=2_000,
    )


def test_an_import_takes_the_same_memory_for_ten_times_the_rows(tmp_path: Path) -> None:
    # Files of one size class first: patterns and statements are compiled once.
    import_contacts(people(tmp_path, 100), errors=tmp_path / "errors.csv")
    few, many = (
        peak_of(lambda path=path: import_contacts(path, errors=tmp_path / "errors.csv"))
        for path in (people(tmp_path, FEW), people(tmp_path, MANY, start=100_000))
    )
    assert many < few * 1.5


def test_an_export_too(tmp_path: Path) -> None:
    small, large = (Campaign.objects.create(name=name) for name in ("small", "large"))
    add_results(small, FEW)
    add_results(large, MANY)

    def export(campaign: Campaign) -> None:
        with (tmp_path / "out.csv").open("w", newline="") as stream:
            write_results(campaign, stream)

    export(small)
    few, many = (peak_of(lambda c=c: export(c)) for c in (small, large))
    assert many < few * 1.5


def queries_of(work: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as queries:
        work()
    return len(queries)


def test_a_slice_costs_the_same_queries_whatever_it_holds(tmp_path: Path) -> None:
    def load(count: int, start: int) -> Callable[[], Any]:
        path = people(tmp_path, count, start)
        return lambda: import_contacts(path, list_name="All")

    load(10, 0)()
    one_person = queries_of(load(1, 1_000))
    one_slice = queries_of(load(SLICE, 2_000))
    ten_slices = queries_of(load(10 * SLICE, 10_000))
    assert one_person == one_slice
    # The list is looked up once; 8 of 10 rows are people.
    per_slice = one_slice - 1
    assert ten_slices == 1 + per_slice * 8


def test_an_export_is_written_as_it_is_read() -> None:
    campaign = Campaign.objects.create(name="large")
    add_results(campaign, 3 * SLICE)
    ids = SendResult.objects.order_by("id").values_list("id", flat=True)
    campaign.first_result_id = ids[0]
    campaign.last_result_id = ids[3 * SLICE - 1]

    seen: list[int] = []

    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            seen.append(len(queries))
            return super().write(text)

    with CaptureQueriesContext(connection) as queries:
        write_results(campaign, Stream(newline=""))
    assert seen == [0, 1, 2, 3]
