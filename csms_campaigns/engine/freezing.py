"""The chosen people are frozen, with their final texts: contacts, then the site's audiences."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from django.db import Error

from csms_campaigns import conf
from csms_campaigns.engine import opt_out_links, people, site_people
from csms_campaigns.engine.batching import Batcher, Row
from csms_campaigns.engine.composition import compiled_message, is_by_zone
from csms_campaigns.engine.database import connection, is_postgresql, rows
from csms_campaigns.engine.keeping import kept
from csms_campaigns.engine.selection import Selection
from csms_campaigns.engine.writing import Tally, write_slice
from csms_campaigns.models import Campaign

logger = logging.getLogger("csms_campaigns.engine")


@dataclass
class Freezer:
    campaign: Campaign
    token: UUID
    chosen: Selection
    batcher: Batcher
    tally: Tally = field(default_factory=Tally)

    def write(self) -> Tally:
        if self.chosen.list_ids:
            self._write_contacts()
        for name in self.chosen.audiences:
            self._write_audience(name)
        return self.tally

    def _write_contacts(self) -> None:
        ours = (self.campaign.pk, self.token)
        with _collected_by_hand() as collect, _beside(*ours) as begin:
            coming = Coming(begin)
            coming.begin(partial(self._rows, 0, collect))
            while found := coming.rows():
                last = found[-1].contact_id or 0
                following = partial(self._rows, last, collect)
                self._write_slice(found, partial(coming.begin, following))

    def _rows(self, after: int, collect: Callable[[], object]) -> list[Row]:
        collect()
        found = people.read(self.chosen, after, self.batcher.wanted)
        return self.batcher.assign(found)

    def _write_audience(self, name: str) -> None:
        wanted, without = self.batcher.wanted, self.chosen.exclude_ids
        with kept(self.campaign.pk, self.token), _collected_by_hand() as collect:
            found = site_people.slices(name, self.campaign.pk, wanted, without)
            for one in found:
                self._write_slice(self.batcher.assign(one), collect)

    def _write_slice(self, found: list[Row], meanwhile: Callable[[], object]) -> None:
        ours = (self.campaign.pk, self.token, self.tally)
        write_slice(*ours, found, meanwhile)


Answer = Callable[[], list[Row]]
"""Gives the rows; it may wait until they are there."""
Begin = Callable[[Answer], Answer]


class Coming:
    """The slice after the one that is written."""

    def __init__(self, begin: Begin) -> None:
        self._begin = begin

    def begin(self, do: Answer) -> None:
        self.rows = self._begin(do)


@contextmanager
def _beside(campaign_id: int, token: UUID) -> Iterator[Begin]:
    """Begins what it is given in a thread with a connection of its own: the next people are
    read and their texts are made while the server writes those before.

    SQLite works in this process, and nothing is to be won. Inside a transaction of the caller's
    nobody else sees the lists as we do. Then it is done when its answer is asked for.
    """
    if not is_postgresql() or connection().in_atomic_block:
        yield _later
        return
    with ThreadPoolExecutor(1, "csms-people") as thread:
        try:
            can_see = thread.submit(_sees, campaign_id, token).result()
            yield (lambda do: thread.submit(do).result) if can_see else _later
        finally:
            thread.submit(_close).result()


def _later(do: Answer) -> Answer:
    return do


def _close() -> None:
    connection().close()


def _sees(campaign_id: int, token: UUID) -> bool:
    """Does this thread's connection reach the same rows? A server may have none left to give,
    and a site may choose the schema of a tenant for each connection."""
    try:
        ours = rows(Campaign).filter(pk=campaign_id, prepare_token=token)
        return ours.exists()
    except Error:
        logger.warning("Campaign %s is prepared with one connection", campaign_id)
        return False


@contextmanager
def _collected_by_hand() -> Iterator[Callable[[], object]]:
    """A slice makes 60,000 objects without a cycle, and Python would walk over all that the
    process holds to find none: half of the time (measured). So it looks after each slice."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield partial(gc.collect, 1)
    finally:
        if was_enabled:
            gc.enable()


def write_chosen(campaign: Campaign, token: UUID) -> Tally:
    """`TokenLost` if another one prepares it; `CampaignError` for an audience of the site."""
    message = compiled_message(campaign.message)
    is_personal = opt_out_links.OF_PERSON in message.names
    batcher = Batcher(
        opt_out_links.with_campaign_link(message, campaign.pk),
        conf.account(campaign.account).batch_size,
        by_zone=is_by_zone(campaign),
        smart=campaign.smart_encoding,
        personal_link=opt_out_links.maker() if is_personal else None,
    )
    return Freezer(campaign, token, Selection.of(campaign), batcher).write()
