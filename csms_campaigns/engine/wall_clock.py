"""A time that somebody read off the clock of a zone: which moment is it?"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from django.utils.translation import gettext as _

from csms_campaigns.engine.errors import CampaignError


def moment_of(naive: datetime, zone: tzinfo) -> datetime:
    """In UTC. `CampaignError` for a time that the zone's clock leaves out, or shows twice."""
    first, second = (naive.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    words = {"time": naive.strftime("%Y-%m-%d %H:%M"), "zone": str(zone)}
    try:
        moment = first.astimezone(UTC)
        shown = moment.astimezone(zone).replace(tzinfo=None)
    except OverflowError as error:
        text = _("“%(time)s” is too far away: choose an earlier time.")
        raise CampaignError(text % words, "bad_time") from error
    if shown != naive:
        text = _(
            "%(time)s does not exist in %(zone)s: the clock is put forward then. Choose "
            "another time."
        )
        raise CampaignError(text % words, "no_such_time")
    if first.utcoffset() != second.utcoffset():
        text = _(
            "%(time)s comes twice in %(zone)s: the clock is put back then. Choose another "
            "time."
        )
        raise CampaignError(text % words, "ambiguous_time")
    return moment
