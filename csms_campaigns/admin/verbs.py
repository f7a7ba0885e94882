"""What the buttons of a campaign do, and in which words they ask and report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from csms_campaigns.engine import archiving, lifecycle
from csms_campaigns.states import CampaignStatus as State
from csms_campaigns.states import sources_of


@dataclass(frozen=True)
class Verb:
    """`confirms`: the button first leads to a page that repeats what will happen.

    `atomic`: the change and its entry in the history are one transaction. `wakes`: there
    is work for the lanes afterwards.
    """

    do: Callable[..., None]
    log: Any
    sources: frozenset[State] = frozenset()
    confirms: bool = False
    question: Any = ""
    explanation: Any = ""
    button: Any = ""
    danger: bool = False
    atomic: bool = True
    wakes: bool = False


VERBS: Final[dict[str, Verb]] = {
    "launch": Verb(
        do=lifecycle.launch,
        log=_("Launched."),
        sources=frozenset({State.READY}),
        confirms=True,
        question=_("Launch this campaign now?"),
        explanation=_("What is sent cannot be taken back."),
        button=_("Yes, launch now"),
        wakes=True,
    ),
    "unschedule": Verb(do=lifecycle.unschedule, log=_("The schedule is taken back.")),
    "pause": Verb(
        do=lifecycle.pause,
        log=_("Paused. Requests that are under way are still answered."),
    ),
    "resume": Verb(do=lifecycle.resume, log=_("Resumed."), wakes=True),
    "cancel": Verb(
        do=lifecycle.cancel,
        log=_("Cancelled."),
        sources=frozenset(sources_of(State.CANCELLED)),
        confirms=True,
        question=_("Cancel this campaign?"),
        explanation=_(
            "Nobody who is still waiting will be texted. A cancelled campaign cannot "
            "be resumed."
        ),
        button=_("Yes, cancel it"),
        danger=True,
        # It commits its state first, then works in slices: one transaction would lock them all.
        atomic=False,
    ),
    "archive": Verb(do=archiving.archive, log=_("Archived.")),
    "unarchive": Verb(do=archiving.unarchive, log=_("Taken out of the archive.")),
}
