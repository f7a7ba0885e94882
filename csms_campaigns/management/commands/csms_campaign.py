"""Campaigns on the command line: the same engine calls as the admin."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from csms_campaigns import tasks
from csms_campaigns.contacts_io.exporting import write_file
from csms_campaigns.engine import audience, lifecycle
from csms_campaigns.engine.database import alias, rows
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.progress import progress
from csms_campaigns.engine.wall_clock import moment_of
from csms_campaigns.management import again, ledgers, trying
from csms_campaigns.models import Campaign, ContactList

Answer = dict[str, Any]


def create(options: Answer) -> Answer:
    campaign = lifecycle.create(
        name=options["name"],
        message=options["message"],
        lists=_lists(options["list"]),
        account=options["account"],
        audiences=[_shown(name) for name in options["audience"]],
        exclude_lists=_lists(options["exclude_list"]),
        by=trying.user(options),
    )
    return {"id": campaign.pk}


def _lists(names: list[str]) -> list[ContactList]:
    wanted = [name for name in names if _is_text(name)]
    found = {c.name: c for c in rows(ContactList).filter(name__in=wanted)}
    for name in names:
        if name not in found:
            text = _("There is no contact list “%(name)s”.") % {"name": _shown(name)}
            raise CampaignError(text, "no_such_list")
    return list(found.values())


def review(options: Answer) -> Answer:
    return audience.review(options["id"]).as_dict()


def launch(options: Answer) -> Answer:
    at = _moment(options["at"]) if options["at"] else None
    lifecycle.launch(options["id"], at=at, by=trying.user(options))
    return _woken(options["id"])


def pause(options: Answer) -> Answer:
    lifecycle.pause(options["id"], by=trying.user(options))
    return _state(options["id"])


def resume(options: Answer) -> Answer:
    lifecycle.resume(options["id"])
    return _woken(options["id"])


def cancel(options: Answer) -> Answer:
    lifecycle.cancel(options["id"], by=trying.user(options))
    return _state(options["id"])


def status(options: Answer) -> Answer:
    return progress(_campaign(options["id"])).as_dict()


def export(options: Answer) -> Answer:
    campaign, path = _campaign(options["id"]), Path(options["output"])
    try:
        write_file(campaign, path)
    except OSError as error:
        text = _("%(path)s cannot be written: %(reason)s.")
        raise CampaignError(
            text % {"path": path, "reason": error.strerror}, "not_writable"
        ) from error
    return {"rows": campaign.audience_count, "output": str(path)}


VERBS: Final[dict[str, Callable[[Answer], Answer]]] = {
    "create": create,
    "review": review,
    "test": trying.send,
    "launch": launch,
    "pause": pause,
    "resume": resume,
    "cancel": cancel,
    "status": status,
    "export": export,
    "retry-failed": again.retry_failed,
    "resolve-unknown": again.resolve_unknown,
    "ledger": ledgers.check,
}


BY_SOMEBODY: Final = (
    *("create", "test", "launch", "pause", "cancel", "retry-failed"),
    "resolve-unknown",
)
"""The engine keeps who asked for it."""

PLAIN: Final = {
    "create": ["id"],
    "retry-failed": ["id"],
    "resolve-unknown": ["id", "count"],
}
"""What a shell script wants to read, and nothing else."""


def _campaign(campaign_id: int) -> Campaign:
    return lifecycle.get(campaign_id)


def _state(campaign_id: int) -> Answer:
    campaign = _campaign(campaign_id)
    return {"status": campaign.status, "status_reason": campaign.status_reason}


def _woken(campaign_id: int) -> Answer:
    campaign = _campaign(campaign_id)
    transaction.on_commit(
        lambda: tasks.wake_lanes(campaign.account) and None, using=alias()
    )
    return _state(campaign_id)


def _moment(text: str) -> datetime:
    """ISO 8601; a time without an offset is in the site's time zone."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        sentence = _("“%(text)s” is not a time such as 2026-12-31T09:00+03:00.")
        raise CampaignError(sentence % {"text": text}, "bad_time")
    if timezone.is_naive(moment):
        return moment_of(moment, timezone.get_current_timezone())
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        sentence = _("“%(text)s” is too far away: choose an earlier time.")
        raise CampaignError(sentence % {"text": text}, "bad_time") from error


class Command(BaseCommand):
    help = "Create, review, launch and watch campaigns."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        found = {name: verbs.add_parser(name) for name in VERBS}
        for name, verb in found.items():
            verb.add_argument(
                "--json", action="store_true", help="one JSON object for machines"
            )
            if name not in {"create", "ledger"}:
                verb.add_argument("id", type=int)
        _create_arguments(found["create"])
        found["launch"].add_argument(
            "--at", metavar="ISO", help="such as 2026-12-31T09:00+03:00"
        )
        for name in BY_SOMEBODY:
            found[name].add_argument("--user", metavar="NAME", help="who asks for it")
        found["export"].add_argument(
            "--output", required=True, metavar="FILE", help=".xlsx for Excel, else CSV"
        )
        trying.add_arguments(found["test"])
        again.add_arguments(found)
        ledgers.add_arguments(found["ledger"])

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        try:
            answer = VERBS[options["verb"]](options)
        except CampaignError as error:
            if options["json"]:
                said = {"error": str(error), "code": error.code}
                self.stdout.write(json.dumps(said, ensure_ascii=False))
            raise CommandError(str(error)) from error
        self.stdout.write(self._written(answer, options))
        if answer.get("wrong"):
            raise CommandError(_("The ledger of a campaign does not add up."))

    def _written(self, answer: Answer, options: Answer) -> str:
        if options["json"]:
            return json.dumps(answer, ensure_ascii=False)
        if plain := PLAIN.get(options["verb"]):
            return next(str(answer[name]) for name in plain if name in answer)
        return "\n".join(f"{name}: {_plain(value)}" for name, value in answer.items())


def _shown(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _is_text(text: str) -> bool:
    """Bytes of a terminal that are no UTF-8 arrive as halves of surrogate pairs."""
    return _shown(text) == text


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items()) or "0"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return "–" if value in (None, "") else str(value)


def _create_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--name", required=True)
    parser.add_argument("--message", required=True)
    for option, words in {
        "--list": "may be repeated; a list or an audience is required",
        "--audience": "a name from AUDIENCES; may be repeated",
        "--exclude-list": "who is in it is left out; may be repeated",
    }.items():
        parser.add_argument(
            option, default=[], action="append", metavar="NAME", help=words
        )
    parser.add_argument("--account", default="default", metavar="ALIAS")
