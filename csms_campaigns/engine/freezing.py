"""The chosen people are frozen, with their final texts: contacts, then the site's audiences."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from csms_campaigns import conf
from csms_campaigns.engine import opt_out_links, people, site_people
from csms_campaigns.engine.batching import Batcher, Row
from csms_campaigns.engine.composition import compiled_message, is_by_zone
from csms_campaigns.engine.database import is_postgresql
from csms_campaigns.engine.keeping import kept
from csms_campaigns.engine.people import Person
from csms_campaigns.engine.selection import Selection
from csms_campaigns.engine.writing import Tally, write_slice
from csms_campaigns.models import Campaign

T = TypeVar("T")


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
        with _collected_by_hand() as collect, _maker() as make:
            coming = make(self._rows, self._read(0), collect)
            while found := coming.result():
                last = found[-1].person.contact_id or 0
                begin = partial(make, self._rows, self._read(last), collect)
                coming = self._write_slice(found, begin)

    def _read(self, after: int) -> Callable[[], list[Person]]:
        return people.read(self.chosen, after, self.batcher.wanted)

    def _rows(
        self, found: Callable[[], list[Person]], collect: Callable[[], object]
    ) -> list[Row]:
        collect()
        return self.batcher.assign(found())

    def _write_audience(self, name: str) -> None:
        wanted, without = self.batcher.wanted, self.chosen.exclude_ids
        with kept(self.campaign.pk, self.token), _collected_by_hand() as collect:
            found = site_people.slices(name, self.campaign.pk, wanted, without)
            for one in found:
                self._write_slice(self.batcher.assign(one), collect)

    def _write_slice(self, found: list[Row], meanwhile: Callable[[], T]) -> T:
        ours = (self.campaign.pk, self.token, self.tally)
        return write_slice(*ours, found, meanwhile)


@contextmanager
def _maker() -> Iterator[Callable[..., Future[list[Row]]]]:
    """Runs what it is given in a thread, one after the other: texts are filled in and counted
    while the server writes the slice before. The thread touches no database.

    SQLite works in this process, and its cursors belong to one thread: nothing is to be won.
    """
    if is_postgresql():
        with ThreadPoolExecutor(1, "csms-texts") as threads:
            yield threads.submit
    else:
        yield _at_once


def _at_once(do: Callable[..., list[Row]], *given: Any) -> Future[list[Row]]:
    done: Future[list[Row]] = Future()
    done.set_result(do(*given))
    return done


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
