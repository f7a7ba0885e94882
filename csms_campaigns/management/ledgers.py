"""`csms_campaign ledger`: one family, or all of them, one at a time."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, Final

from csms_campaigns.engine import lifecycle
from csms_campaigns.engine.ledger import family_ledger, family_ledgers

SHOWN: Final = 100


def add_arguments(parser: ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("id", type=int, nargs="?")
    which.add_argument("--all", action="store_true", help="every campaign")


def check(options: dict[str, Any]) -> dict[str, Any]:
    if options["all"]:
        return _check_all()
    return family_ledger(lifecycle.get(options["id"])).as_dict()


def _check_all() -> dict[str, Any]:
    families = campaigns = 0
    wrong: list[int] = []
    for found in family_ledgers():
        families += 1
        campaigns += len(found.ledgers)
        wrong += found.wrong[: SHOWN - len(wrong)]
    return {"families": families, "campaigns": campaigns, "wrong": wrong}
