"""An import's figures and examples in words, for its pages and their feed alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from csms_campaigns.admin.words import file_size, isolated, number, percent
from csms_campaigns.contacts_io.problems import sentence
from csms_campaigns.models import ContactImport
from csms_campaigns.states import ENDED_IMPORTS, ImportStage, ImportStep

KINDS: Final[dict[str, tuple[Any, Any]]] = {
    "created": (gettext_lazy("New"), gettext_lazy("Numbers that nobody has yet.")),
    "updated": (
        gettext_lazy("Changed"),
        gettext_lazy("Known numbers with a new name or attribute."),
    ),
    "unchanged": (
        gettext_lazy("Unchanged"),
        gettext_lazy("Known numbers; the file says nothing new."),
    ),
    "duplicates": (
        gettext_lazy("Repeated"),
        gettext_lazy("Further rows with a number of the same file; they are merged."),
    ),
    "invalid": (
        gettext_lazy("Left out"),
        gettext_lazy("Rows with a problem. The report says what to do about each."),
    ),
    "opted_out": (
        gettext_lazy("Opted out"),
        gettext_lazy("Counted above too: they are kept, and never texted."),
    ),
}
PARTS: Final = (
    (ImportStep.READING, 0.0, 0.35),
    (ImportStep.WRITING, 0.35, 0.9),
    (ImportStep.LISTS, 0.9, 0.95),
    (ImportStep.REPORT, 0.95, 1.0),
)
"""The share of each step in the bar."""


@dataclass
class Kind:
    name: str
    label: Any
    meaning: Any
    shown: str
    examples: list[dict[str, Any]] = field(default_factory=list)


def kinds(counts: dict[str, Any], examples: dict[str, Any]) -> list[Kind]:
    return [
        Kind(
            name,
            label,
            meaning,
            number(counts.get(name) or 0),
            [_example(name, found) for found in examples.get(name, ())],
        )
        for name, (label, meaning) in KINDS.items()
    ]


def _example(kind: str, found: dict[str, Any]) -> dict[str, Any]:
    return {
        "line": isolated(number(found["line"])),
        "phone": isolated(found["phone"]),
        "name": found.get("name", ""),
        "changes": [_change(*change) for change in found.get("changes", ())],
        "detail": _detail(kind, found),
    }


def _change(what: str, before: str, after: str) -> dict[str, Any]:
    return {"what": what or _("name"), "before": before, "after": after}


def _detail(kind: str, found: dict[str, Any]) -> str:
    if kind == "invalid":
        return sentence(found["code"], found["column"])
    if kind != "duplicates":
        return ""
    line = {"line": number(found["first_line"])}
    if found["is_other"]:
        return _("Also in line %(line)s, with another name: two people?") % line
    return _("Also in line %(line)s.") % line


def problems(planned: dict[str, Any]) -> list[tuple[str, SafeString]]:
    """Each sort of problem, with how many rows have it."""
    found = planned.get("problems", {})
    column = _("A column")
    return [(sentence(code, column), isolated(number(n))) for code, n in found.items()]


def removed(counts: dict[str, Any]) -> str:
    return number(counts.get("removed") or 0)


def share(job: ContactImport) -> float:
    """Of the whole work, as far as it can be told; 1 at the end."""
    if job.stage in ENDED_IMPORTS:
        return 1.0
    for step, begin, end in PARTS:
        if job.step == step:
            part = min(job.done / job.total, 1.0) if job.total else 0.0
            return begin + (end - begin) * part
    return 0.0


def texts(job: ContactImport) -> dict[str, str]:
    """By the name under which the page shows them."""
    found = share(job)
    step = job.get_step_display() if job.step else _("Waiting for a worker")
    written = {name: number(job.counts.get(name) or 0) for name in KINDS}
    tenth = {"step": step, "percent": int(found * 10) * 10}
    return {
        **written,
        "step": str(step),
        "percent": percent(int(found * 100), 100),
        "summary": _("%(step)s: %(percent)d percent done.") % tenth,
    }


def feed(job: ContactImport) -> dict[str, Any]:
    return {
        "status": job.stage,
        "ended": job.stage in ENDED_IMPORTS,
        "texts": texts(job),
        "bar": {"done": ["0", f"{100 * share(job):.2f}"]},
    }


def size(job: ContactImport) -> str:
    return file_size(job.size)


def is_waiting(job: ContactImport) -> bool:
    return job.stage in {ImportStage.UPLOADED, ImportStage.CHECKED}
