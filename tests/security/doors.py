"""Every page, button and feed of the app, and which permissions open it.

A door is opened by any one of its permissions, beside the right to see what it is about. What is
not in the table is a failed test, so nobody adds a page without saying who may enter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

NOBODY: Final[frozenset[str]] = frozenset()
OWN: Final = ""


@dataclass(frozen=True)
class Door:
    """Codenames of permissions; None: this method does nothing here."""

    get: frozenset[str] | None
    post: frozenset[str] | None
    row: str | None = OWN
    """The model whose row its address names."""


def read(*permissions: str, row: str | None = OWN) -> Door:
    return Door(frozenset(permissions), None, row)


def button(*permissions: str, row: str | None = OWN) -> Door:
    return Door(None, frozenset(permissions), row)


def form(*permissions: str, row: str | None = OWN) -> Door:
    found = frozenset(permissions)
    return Door(found, found, row)


def seen(model: str) -> frozenset[str]:
    return frozenset({f"view_{model}", f"change_{model}"})


def usual(model: str) -> Iterator[tuple[str, Door]]:
    """Those of any ModelAdmin."""
    yield "changelist", Door(seen(model), seen(model), row=None)
    yield "history", read(*seen(model))
    yield "change", Door(seen(model), frozenset({f"change_{model}"}))
    yield "add", form(f"add_{model}", row=None)
    yield "delete", form(f"delete_{model}")


def kept(model: str) -> Iterator[tuple[str, Door]]:
    """Rows that only the engine writes."""
    yield from usual(model)
    yield "change", Door(seen(model), NOBODY)
    yield "add", Door(NOBODY, NOBODY, row=None)
    yield "delete", Door(NOBODY, NOBODY)


LAUNCH, RESOLVE = "launch_campaign", "resolve_campaign"
CHANGE, ADD = "change_campaign", "add_campaign"
SEEN: Final = seen("campaign")
IMPORT: Final = "add_contactimport"
IMPORTS: Final = frozenset({*seen("contactimport"), IMPORT})

DOORS: Final[dict[str, dict[str, Door]]] = {
    "campaign": {
        **dict(usual("campaign")),
        "compose": button(ADD, CHANGE, row=None),
        "copy": button(ADD),
        "review": Door(SEEN, frozenset({CHANGE})),
        "progress": read(*SEEN),
        "progress_json": read(*SEEN),
        "course_json": read(*SEEN),
        "overview_json": read(*SEEN, row=None),
        **{
            name: button(LAUNCH)
            for name in (
                *("launch", "schedule", "unschedule", "pause", "resume", "cancel"),
            )
        },
        "archive": button(CHANGE),
        "unarchive": button(CHANGE),
        "hours": form(LAUNCH),
        "test": form(LAUNCH),
        "test_json": read(LAUNCH),
        "unknown": form(RESOLVE),
        "retry": form(RESOLVE),
    },
    "contact": {
        **dict(usual("contact")),
        "erase": form("delete_contact"),
        "export": button("view_sendresult"),
        "opt_out": button("add_optout"),
        "opt_in": button("delete_optout"),
        "put": form("change_contact", row=None),
        "selection": read(*seen("contact"), row="contactselection"),
        "invalid": form("change_contact", row=None),
    },
    "contactlist": dict(usual("contactlist")),
    "optout": {
        **dict(usual("optout")),
        "change": Door(seen("optout"), NOBODY),
        "upload": form("add_optout", row=None),
    },
    "contactimport": {
        **dict(usual("contactimport")),
        "changelist": Door(IMPORTS, IMPORTS, row=None),
        "history": read(*IMPORTS),
        "change": read(*IMPORTS),
        "add": form(IMPORT, row=None),
        "columns": form(IMPORT),
        "confirm": button(IMPORT),
        "cancel": button(IMPORT),
        "progress_json": read(*IMPORTS),
        "report": read("view_contact"),
    },
    "messagetemplate": {
        **dict(usual("messagetemplate")),
        "compose": button("add_messagetemplate", "change_messagetemplate", row=None),
    },
    "sendresult": {
        **dict(kept("sendresult")),
        "export": button("export_sendresult", row=None),
        "causes": read(*seen("sendresult"), row="campaign"),
    },
    **{model: dict(kept(model)) for model in ("gatewayaccount", "batch", "attempt")},
}

ACTIONS: Final[dict[str, dict[str, frozenset[str]]]] = {}
"""Of the list pages: the permission that shows each action. Models without any are left out."""

PUBLIC: Final = {
    "health": "anybody: it says only ok or failing",
    "metrics": "who knows METRICS_TOKEN, or staff who may see campaigns",
    "opt_out": "whoever has the link",
}
"""The pages of csms_campaigns.urls, and who may open them."""
