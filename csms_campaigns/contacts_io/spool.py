"""Where the people of a file wait until the whole file has been read.

A private SQLite file of the system's temporary folder, which deletes itself. It makes three
things true at a million rows in constant memory: a file that turns out to be broken on its
last line has changed nothing; repeated numbers are found exactly, however far apart; and
people come back in the order of their numbers, so that two imports at once lock contacts in
the same order. The site's own database sees only finished slices: no temporary tables, so a
pooler in transaction mode is no obstacle, and a dry run needs no right to write.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import attrgetter
from typing import Final

from django.utils.translation import gettext as _

from csms_campaigns.contacts_io.errors import ImportFailed
from csms_campaigns.contacts_io.people import Person

SLICE_ROWS: Final = 10_000
SLICE_CHARACTERS: Final = 4_000_000


class Spool:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._waiting: list[Person] = []
        self._characters = 0
        self.count = 0

    def add(self, person: Person) -> None:
        self._waiting.append(person)
        self._characters += _size(person)
        self.count += 1
        if _is_full(len(self._waiting), self._characters):
            self._flush()

    def slices(self) -> Iterator[tuple[list[Person], int]]:
        """Each person once, in order of the numbers, with the count of rows behind a slice."""
        self._flush()
        people: list[Person] = []
        characters = row_count = 0
        for _number, rows in groupby(self._sorted(), key=attrgetter("number")):
            person, rows_of_person = _fold(rows)
            people.append(person)
            row_count += rows_of_person
            characters += _size(person)
            if _is_full(len(people), characters):
                yield people, row_count
                people, characters, row_count = [], 0, 0
        if people:
            yield people, row_count

    def _flush(self) -> None:
        self._connection.executemany(
            "INSERT INTO person VALUES (?, ?, ?)", self._waiting
        )
        self._waiting = []
        self._characters = 0

    def _sorted(self) -> Iterator[Person]:
        rows = self._connection.execute("SELECT * FROM person ORDER BY number, rowid")
        return map(Person._make, rows)


@contextmanager
def open_spool() -> Iterator[Spool]:
    connection = sqlite3.connect("", isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -8192")
        connection.execute("CREATE TABLE person (number INTEGER, name, attributes)")
        connection.execute("BEGIN")
        yield Spool(connection)
    except sqlite3.OperationalError as error:
        # Django wraps the errors of its own databases, so this one is the spool's.
        message = _("There is no room for a temporary copy of the file: %(error)s.")
        raise ImportFailed(message % {"error": error}, "no_room") from error
    finally:
        connection.close()


def _fold(rows: Iterator[Person]) -> tuple[Person, int]:
    """As if imported line by line: the last value that isn't blank stays."""
    person, count = next(rows), 1
    for row in rows:
        values = json.loads(person.attributes) | json.loads(row.attributes)
        name = row.name or person.name
        person, count = Person(row.number, name, json.dumps(values)), count + 1
    return person, count


def _size(person: Person) -> int:
    return len(person.name) + len(person.attributes)


def _is_full(rows: int, characters: int) -> bool:
    return rows >= SLICE_ROWS or characters >= SLICE_CHARACTERS
