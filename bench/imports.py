"""Importing contacts, against a bare parse + COPY + INSERT … ON CONFLICT of the same file.

The baseline checks no number, finds no repeated row but by the database, and cannot say what it
did. On SQLite it is parse + executemany of the same INSERT.
"""

from __future__ import annotations

import csv
import json
import random
import tempfile
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from bench.databases import set_up
from bench.frame import Figure, apart, stopwatch

ALLOWED: Final = 2.0
"""At least half the speed of the baseline."""

TURNS: Final = 3

_UPSERT = """
INSERT INTO {contact} AS c (phone, name, attributes, created_at, updated_at)
SELECT {distinct} phone, name, attributes, {now}, {now} FROM bare
 WHERE true {order}
    ON CONFLICT (phone) DO UPDATE SET name = excluded.name, {merge}
       updated_at = excluded.updated_at
"""
_POSTGRESQL: Final = {
    "distinct": "DISTINCT ON (phone)",
    "order": "ORDER BY phone, line DESC",
    "merge": "attributes = c.attributes || excluded.attributes,",
    "now": "now()",
}
_SQLITE: Final = {
    "distinct": "",
    "order": "",
    "merge": "attributes = json_patch(c.attributes, excluded.attributes),",
    "now": "datetime('now')",
}


def run(url: str, size: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="csms-bench-") as folder:
        path = Path(folder, "people.csv")
        write_file(path, size)
        return [
            *_compared(url, path, size, "new", known=False),
            *_compared(url, path, size, "unchanged", known=True),
            *_more(url, Path(folder), path, size),
        ]


def _compared(
    url: str, path: Path, size: int, what: str, *, known: bool
) -> Iterator[Figure]:
    """By turns, and the best of each counts: no machine is quiet all the time."""
    bare, ours = [], []
    for _turn in range(TURNS):
        bare.append(apart(baseline, url, path, known).answer)
        ours.append(apart(load, url, path, known))
    best = min(ours, key=attrgetter("answer"))
    yield Figure(
        f"{size:,} rows, {what}",
        best.answer,
        "s",
        min(bare),
        ALLOWED,
        f"{size / best.answer:,.0f} rows a second, {best.peak_mb:,.0f} MB",
    )


def _more(url: str, folder: Path, path: Path, size: int) -> Iterator[Figure]:
    with_list = apart(load, url, path, False, "Everybody").answer
    yield Figure(f"{size:,} rows, new, into a list", with_list, "s")
    uploaded = apart(upload, url, path)
    for name, seconds in uploaded.answer.items():
        yield Figure(f"{size:,} rows in the admin: {name}", seconds, "s")
    small = folder / "small.csv"
    write_file(small, size // 100)
    few = apart(load, url, small, False).peak_mb
    many = apart(load, url, path, False).peak_mb
    yield Figure("memory, against a hundredth of the rows", many, "MB", few, 2.0)
    sheet = folder / "people.xlsx"
    write_sheet(sheet, size)
    excel = apart(load, url, sheet, False)
    note = f"{excel.peak_mb:,.0f} MB"
    yield Figure(f"{size:,} rows, new, from Excel", excel.answer, "s", note=note)


def people(size: int) -> Iterator[tuple[str, str, str]]:
    numbers = list(range(size))
    random.Random(1).shuffle(numbers)  # noqa: S311 - a shuffled file, no secret
    for i in numbers:
        yield f"+1212{2_000_000 + i}", f"Name Surname {i}", f"City {i % 50}"


def write_file(path: Path, size: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["phone", "name", "city"])
        writer.writerows(people(size))


def write_sheet(path: Path, size: int) -> None:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(["phone", "name", "city"])
    for person in people(size):
        sheet.append(person)
    book.save(path)


def empty() -> None:
    from django.db import connection

    from csms_campaigns.models import Contact, ContactImport, ContactList, ImportChunk

    models = (Contact.lists.through, ContactList, Contact, ImportChunk, ContactImport)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            names = ", ".join(model._meta.db_table for model in models)
            cursor.execute(f"TRUNCATE {names} CASCADE")
            cursor.execute("CHECKPOINT")
            return
        for model in models:
            model.objects.all()._raw_delete("default")
        cursor.execute("VACUUM")


def baseline(url: str, path: Path, known: bool) -> float:
    set_up(url)
    empty()
    if known:
        _bare(path)
    with stopwatch() as watch:
        _bare(path)
    return watch.wall


def _bare(path: Path) -> None:
    from django.db import connection, transaction

    from csms_campaigns.models import Contact

    is_postgresql = connection.vendor == "postgresql"
    shape = "line int, phone varchar(16), name varchar(200), attributes "
    words = _POSTGRESQL if is_postgresql else _SQLITE
    with transaction.atomic(), connection.cursor() as cursor:
        kind = "jsonb" if is_postgresql else "text"
        cursor.execute(f"CREATE TEMPORARY TABLE bare ({shape}{kind})")
        if is_postgresql:
            with cursor.copy("COPY bare FROM STDIN") as copy:
                for row in _rows(path):
                    copy.write_row(row)
        else:
            cursor.executemany("INSERT INTO bare VALUES (%s, %s, %s, %s)", _rows(path))
        cursor.execute(_UPSERT.format(contact=Contact._meta.db_table, **words))
        cursor.execute("DROP TABLE bare")


def _rows(path: Path) -> Iterator[tuple[Any, ...]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader)
        for line, (phone, name, city) in enumerate(reader):
            yield line, phone, name, json.dumps({"city": city})


def load(url: str, path: Path, known: bool, list_name: str | None = None) -> float:
    set_up(url)
    from csms_campaigns.contacts_io.importing import import_contacts

    empty()
    if known:
        import_contacts(path)
    with stopwatch() as watch:
        import_contacts(path, list_name=list_name)
    return watch.wall


def upload(url: str, path: Path) -> dict[str, float]:
    """As a worker does it for the admin, with a report of every row."""
    set_up(url)
    from csms_campaigns.contacts_io import jobs, running
    from csms_campaigns.contacts_io.headers import match
    from csms_campaigns.contacts_io.jobs import Choice

    empty()
    with stopwatch() as uploading, path.open("rb") as stream:
        job = jobs.upload(stream, name=path.name)
    choice = Choice(match(["phone", "name", "city"]), "US")
    token = jobs.begin_check(job.pk, choice)
    with stopwatch() as checking:
        running.run_once(job.pk, str(token))
    token = jobs.confirm(job.pk)
    with stopwatch() as importing:
        running.run_once(job.pk, str(token))
    return {
        "upload": uploading.wall,
        "check": checking.wall,
        "import and report": importing.wall,
    }
