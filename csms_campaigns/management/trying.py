"""`csms_campaign test`: a test send, and who it is that asks for something."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.translation import gettext as _

from csms_campaigns import conf, tasks
from csms_campaigns.engine.database import alias
from csms_campaigns.engine.errors import CampaignError
from csms_campaigns.engine.testing import send_test
from csms_campaigns.sms.numbers import InvalidNumber, normalise


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--to",
        action="append",
        required=True,
        metavar="NUMBER",
        help="may be repeated, up to ten times",
    )
    parser.add_argument(
        "--like", default="", metavar="NUMBER", help="the contact as whom it reads"
    )


def send(options: dict[str, Any]) -> dict[str, Any]:
    made = send_test(
        options["id"],
        [number(raw) for raw in options["to"]],
        like=number(options["like"]) if options["like"] else "",
        by=user(options),
    )
    transaction.on_commit(
        lambda: tasks.wake_lanes(made.account) and None, using=alias()
    )
    return {"id": made.pk, "message": made.message, "recipients": made.audience_count}


def number(raw: str) -> str:
    try:
        return normalise(raw, conf.default_region())
    except InvalidNumber as error:
        text = _("“%(number)s”: %(reason)s")
        words = {"number": raw.encode("utf-8", "replace").decode(), "reason": error}
        raise CampaignError(text % words, "bad_number") from error


def user(options: dict[str, Any]) -> Any:
    """Of `--user`; None without it."""
    name = options.get("user")
    if not name:
        return None
    model = get_user_model()
    found = model._default_manager.filter(**{model.USERNAME_FIELD: name}).first()
    if found is None:
        text = _("There is no user “%(name)s”.") % {"name": name}
        raise CampaignError(text, "no_such_user")
    return found
