"""A few people of each kind, so that a dry run can be believed: what is new, what changes."""

from __future__ import annotations

import json
from typing import Any, Final

from csms_campaigns.contacts_io.people import Person
from csms_campaigns.contacts_io.rows import rows
from csms_campaigns.contacts_io.spool import Slice, Spool
from csms_campaigns.contacts_io.upsert import Outcome
from csms_campaigns.models import Contact

SHOWN: Final = 5
CHANGES_SHOWN: Final = 4
LONGEST: Final = 60

KINDS: Final = {
    Outcome.CREATED: "created",
    Outcome.UPDATED: "updated",
    Outcome.UNCHANGED: "unchanged",
}


class Examples:
    """Lists of `{"line", "phone", "name", …}` by kind."""

    def __init__(self) -> None:
        self._found: dict[str, list[dict[str, Any]]] = {
            **{kind: [] for kind in KINDS.values()},
            "opted_out": [],
        }

    def add(self, slice_: Slice, outcomes: bytearray) -> None:
        if all(len(found) >= SHOWN for found in self._found.values()):
            return
        for i, outcome in enumerate(outcomes):
            kinds = [KINDS[Outcome(outcome & 3)]]
            if outcome & Outcome.OPTED_OUT:
                kinds.append("opted_out")
            for kind in kinds:
                if len(self._found[kind]) < SHOWN:
                    example = _example(slice_.people[i], slice_.lines[i])
                    if kind == "updated":
                        example["changes"] = _changes(slice_.people[i])
                    self._found[kind].append(example)

    def all(self, spool: Spool) -> dict[str, list[dict[str, Any]]]:
        invalid = [
            {"line": b.line, "phone": b.phone, "code": b.code, "column": b.column}
            for b in spool.bad(SHOWN)
        ]
        duplicates = [
            _example(person, twin.line)
            | {"first_line": twin.first_line, "is_other": bool(twin.is_other)}
            for twin, person in spool.twins(SHOWN)
        ]
        return {**self._found, "invalid": invalid, "duplicates": duplicates}


def _example(person: Person, line: int) -> dict[str, Any]:
    return {"line": line, "phone": person.phone, "name": person.name[:LONGEST]}


def _changes(person: Person) -> list[list[str]]:
    """(what, before, after); "" is the name."""
    contact = rows(Contact).filter(phone=person.phone).first()
    if contact is None:
        return []
    found = []
    if person.name and person.name != contact.name:
        found.append(["", contact.name, person.name])
    for name, value in json.loads(person.attributes).items():
        before = str(contact.attributes.get(name, ""))
        if value != before:
            found.append([name, before, value])
    return [[text[:LONGEST] for text in change] for change in found[:CHANGES_SHOWN]]
