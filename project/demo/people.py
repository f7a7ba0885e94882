"""Two thousand made-up contacts. Their numbers reach the sandbox only."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

LIST: Final = "Customers"
HEADER: Final = ("phone", "name", "city")
OPTED_OUT: Final = tuple(f"+1312555{number:04}" for number in range(150, 162))

ENGLISH: Final = (
    [
        "Emma",
        "Liam",
        "Olivia",
        "Noah",
        "Ava",
        "James",
        "Mia",
        "Lucas",
        "Chloe",
        "Henry",
        "Ella",
        "Jack",
        "Grace",
        "Leo",
    ],
    [
        "Walker",
        "Reed",
        "Carter",
        "Brooks",
        "Hayes",
        "Foster",
        "Bennett",
        "Price",
        "Ward",
        "Murphy",
        "Cole",
    ],
)
ARABIC: Final = (
    [
        "محمد",
        "نورة",
        "أحمد",
        "سارة",
        "خالد",
        "ليلى",
        "عمر",
        "هند",
        "يوسف",
        "مريم",
        "فهد",
        "ريم",
        "سعود",
        "دانة",
    ],
    [
        "العتيبي",
        "الحربي",
        "القحطاني",
        "الغامدي",
        "الشهري",
        "الدوسري",
        "الزهراني",
        "المطيري",
        "الشمري",
    ],
)


@dataclass(frozen=True)
class Town:
    city: str
    people: int
    prefix: str
    names: tuple[list[str], list[str]] = ENGLISH
    magic: tuple[str, ...] = ()
    """Last digits of numbers that the sandbox treats in its own way: see docs/sandbox.md."""

    def phones(self) -> Iterator[str]:
        yield from (self.prefix + ending for ending in self.magic)
        ordinary = (f"{self.prefix}{number:04}" for number in range(100, 10_000))
        yield from islice(ordinary, self.people - len(self.magic))

    def rows(self) -> Iterator[tuple[str, str, str]]:
        first, last = self.names
        for index, phone in enumerate(self.phones()):
            name = f"{first[index % len(first)]} {last[index // 3 % len(last)]}"
            yield phone, name, self.city


# A request holds people of one city, so an answer that is lost leaves the fewest unknown in
# the smallest city.
TOWNS: Final = (
    Town("New York", 320, "+1212555", magic=("0001",)),
    Town("Chicago", 260, "+1312555", magic=("0001", "0006")),
    Town("Houston", 230, "+1713555"),
    Town("Phoenix", 180, "+1602555", magic=("0006",)),
    Town("Seattle", 140, "+1206555", magic=("0001",)),
    Town("Denver", 100, "+1303555"),
    Town("Santa Fe", 38, "+1505555", magic=("0003",)),
    Town("الرياض", 310, "+96650000", ARABIC, magic=("0001",)),
    Town("جدة", 240, "+96653000", ARABIC),
    Town("الدمام", 150, "+96655000", ARABIC, magic=("0006",)),
    Town("أبها", 30, "+96656000", ARABIC),
    Town("", 2, "+1415555"),  # nobody knows where they live: they are left out
)


def rows() -> Iterator[tuple[str, str, str]]:
    for town in TOWNS:
        yield from town.rows()


def customers() -> Iterator[tuple[str, str, str, int]]:
    """Those of the shop: name, number as it was typed in, city, points. A third are contacts."""
    for index, (phone, name, city) in enumerate(rows()):
        if index % 20 == 0:
            yield name, phone, city, index % 1000
        elif index % 20 in {7, 13}:
            area, local = f"{917 + index % 3}", f"{index % 9000 + 1000:04}"
            yield name, f"({area}) 555-{local}", "New York", index % 1000


def write(path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(rows())
