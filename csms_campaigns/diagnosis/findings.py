"""What a look has found: one line for people, a code for programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """`text` says what is so, `advice` what to do. `subject` is an alias or an id, if any."""

    code: str
    level: Level
    text: str
    advice: str = ""
    subject: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def fine(area: str, text: str, subject: str = "") -> Finding:
    return Finding(area, Level.OK, text, subject=subject)


def warning(code: str, text: str, advice: str, subject: str = "") -> Finding:
    return Finding(code, Level.WARNING, text, advice, subject)


def problem(code: str, text: str, advice: str, subject: str = "") -> Finding:
    return Finding(code, Level.PROBLEM, text, advice, subject)


CODES: Final = frozenset(
    {
        "settings.check",
        "database.unreachable",
        "database.slow",
        "database.migrations",
        "database.clock",
        "database.old",
        "broker.unreachable",
        "workers.none",
        "workers.hidden",
        "workers.wrong_queue",
        "workers.foreign",
        "workers.settings",
        "workers.database",
        "workers.version",
        "workers.clock",
        "workers.few",
        "tick.never",
        "tick.late",
        "gateway.unreachable",
        "account.blocked",
        "account.clock",
        "account.gone",
        "batches.stalled",
        "campaigns.preparing",
        "campaigns.overdue",
        "campaigns.still",
        "campaigns.paused",
        "ledger.wrong",
        "witness.silent",
        "doctor.failed",
    }
)
"""Of warnings and problems. A finding that all is well has its area alone, such as `database`."""


def count(findings: Iterable[Finding], level: Level) -> int:
    return sum(finding.level == level for finding in findings)
