"""Where the people of a file wait until the whole file has been read.

A private SQLite file of the system's temporary folder, which deletes itself. It makes three
things true at a million rows in constant memory: a file that turns out to be broken on its
last line has changed nothing; repeated numbers are found exactly, however far apart; and
people come back in the order of their numbers, so that two imports at once lock contacts in
the same order, and one that died is continued behind the last number that it wrote.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from heapq import merge
from operator import itemgetter
from typing import Final, NamedTuple

from django.utils.translation import gettext as _

from csms_campaigns.contacts_io.errors import BadRow, ImportFailed
from csms_campaigns.contacts_io.people import Person

SLICE_ROWS: Final = 20_000
SLICE_CHARACTERS: Final = 4_000_000
WAITING_ROWS: Final = 5_000

_TABLES: Final = (
    "CREATE TABLE person (ordinal INTEGER PRIMARY KEY, line, number INTEGER, name, attributes)",
    "CREATE TABLE bad (ordinal INTEGER PRIMARY KEY, line, phone, code, name)",
    "CREATE TABLE twin (ordinal INTEGER PRIMARY KEY, line, first_line, is_other)",
)


@dataclass
class Slice:
    """People in the order of their numbers; `ordinals` and `lines` are of each one's first row."""

    people: list[Person] = field(default_factory=list)
    ordinals: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    twin_count: int = 0

    @property
    def row_count(self) -> int:
        return len(self.people) + self.twin_count


class Bad(NamedTuple):
    ordinal: int
    line: int
    phone: str
    code: str
    column: str


class Twin(NamedTuple):
    """A further row with a number; `is_other` if it has another name than the row before."""

    ordinal: int
    line: int
    first_line: int
    is_other: bool


class SpooledRow(NamedTuple):
    """`phone` as it was written where `code` says what is wrong, else in E.164."""

    ordinal: int
    line: int
    phone: str
    code: str
    column: str
    first_line: int
    is_other: bool


class Spool:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._waiting: list[tuple[int, int, int, str, str]] = []
        self._twins: list[Twin] = []
        self._characters = 0
        self.count = 0
        self.bad_count = 0

    @property
    def row_count(self) -> int:
        return self.count + self.bad_count

    def add(self, line: int, person: Person) -> None:
        number, name, attributes = person
        ordinal = self.count + self.bad_count
        self._waiting.append((ordinal, line, number, name, attributes))
        self._characters += len(name) + len(attributes)
        self.count += 1
        if len(self._waiting) >= WAITING_ROWS or self._characters >= SLICE_CHARACTERS:
            self._flush()

    def add_bad(self, line: int, phone: str, problem: BadRow) -> None:
        row = Bad(self.row_count, line, phone[:200], problem.code, problem.column)
        self._connection.execute("INSERT INTO bad VALUES (?, ?, ?, ?, ?)", row)
        self.bad_count += 1

    def slices(self, boundary: int = 0) -> Iterator[Slice]:
        """Each person once. No slice holds numbers on both sides of the boundary."""
        self._flush()
        self._connection.execute("DELETE FROM twin")
        slice_, last, first_line, room = Slice(), 0, 0, SLICE_CHARACTERS
        for ordinal, line, number, name, attributes in self._sorted():
            if number == last:
                self._fold(slice_, (ordinal, line, first_line), name, attributes)
                continue
            people = slice_.people
            if len(people) >= SLICE_ROWS or room <= 0 or last <= boundary < number:
                if people:
                    self._flush_twins()
                    yield slice_
                slice_, room = Slice(), SLICE_CHARACTERS
                people = slice_.people
            last, first_line = number, line
            people.append(Person(number, name, attributes))
            slice_.ordinals.append(ordinal)
            slice_.lines.append(line)
            room -= len(name) + len(attributes)
        self._flush_twins()
        if slice_.people:
            yield slice_

    def holds(self, numbers: Sequence[int]) -> set[int]:
        """Those of the numbers that stand in the file."""
        rows = self._connection.execute(
            "SELECT DISTINCT number FROM person INDEXED BY person_number"
            " WHERE number IN (SELECT value FROM json_each(?))",
            [json.dumps(numbers)],
        )
        return {number for (number,) in rows}

    def index(self) -> None:
        """For `holds`; made only where lists are replaced."""
        self._connection.execute(
            "CREATE INDEX IF NOT EXISTS person_number ON person (number)"
        )

    def bad(self, limit: int = -1) -> Iterator[Bad]:
        rows = self._connection.execute(
            "SELECT * FROM bad ORDER BY ordinal LIMIT ?", [limit]
        )
        return map(Bad._make, rows)

    def problems(self) -> dict[str, int]:
        """How many rows have which problem, the most frequent first."""
        rows = self._connection.execute(
            "SELECT code, count(*) FROM bad GROUP BY code ORDER BY 2 DESC, 1"
        )
        return dict(rows.fetchall())

    def twins(self, limit: int) -> list[tuple[Twin, Person]]:
        """Those with two names first: they may be two people."""
        rows = self._connection.execute(
            "SELECT t.*, p.number, p.name, p.attributes FROM twin t"
            " JOIN person p USING (ordinal) ORDER BY is_other DESC, ordinal LIMIT ?",
            [limit],
        )
        return [(Twin(*row[:4]), Person(*row[4:])) for row in rows]

    def rows(self) -> Iterator[SpooledRow]:
        """All rows in their order, once the slices were walked through."""
        people = self._connection.execute(
            "SELECT p.ordinal, p.line, '+' || number, '', '',"
            " coalesce(first_line, 0), coalesce(is_other, 0)"
            " FROM person p LEFT JOIN twin t USING (ordinal) ORDER BY p.ordinal"
        )
        bad = self._connection.execute(
            "SELECT ordinal, line, phone, code, name, 0, 0 FROM bad ORDER BY ordinal"
        )
        return map(SpooledRow._make, merge(people, bad, key=itemgetter(0)))

    def _fold(
        self, slice_: Slice, place: tuple[int, int, int], name: str, attributes: str
    ) -> None:
        """As if imported line by line: the last value that isn't blank stays."""
        before = slice_.people[-1]
        if attributes != before.attributes:
            merged = json.loads(before.attributes) | json.loads(attributes)
            attributes = json.dumps(merged)
        is_other = bool(name and before.name and name != before.name)
        slice_.people[-1] = Person(before.number, name or before.name, attributes)
        slice_.twin_count += 1
        self._twins.append(Twin(*place, is_other))
        if len(self._twins) >= WAITING_ROWS:
            self._flush_twins()

    def _flush(self) -> None:
        self._connection.executemany(
            "INSERT INTO person VALUES (?, ?, ?, ?, ?)", self._waiting
        )
        self._waiting = []
        self._characters = 0

    def _flush_twins(self) -> None:
        self._connection.executemany(
            "INSERT INTO twin VALUES (?, ?, ?, ?)", self._twins
        )
        self._twins = []

    def _sorted(self) -> Iterator[tuple[int, int, int, str, str]]:
        return self._connection.execute("SELECT * FROM person ORDER BY number, ordinal")


@contextmanager
def open_spool() -> Iterator[Spool]:
    connection = sqlite3.connect("", isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -8192")
        for table in _TABLES:
            connection.execute(table)
        connection.execute("BEGIN")
        yield Spool(connection)
    except sqlite3.OperationalError as error:
        # Django wraps the errors of its own databases, so this one is the spool's.
        message = _("There is no room for a temporary copy of the file: %(error)s.")
        raise ImportFailed(message % {"error": error}, "no_room") from error
    finally:
        connection.close()
