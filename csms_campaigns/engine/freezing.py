"""The chosen people are frozen, with their final texts: contacts, then the site's audiences."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from csms_campaigns import conf
from csms_campaigns.engine import opt_out_links, people, site_people
from csms_campaigns.engine.batching import Batcher
from csms_campaigns.engine.composition import compiled_message, is_by_zone
from csms_campaigns.engine.keeping import kept
from csms_campaigns.engine.people import Person
from csms_campaigns.engine.plain import PlainWriter
from csms_campaigns.engine.selection import Selection
from csms_campaigns.engine.writing import Tally, write_slice
from csms_campaigns.models import Campaign


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
        message = self.batcher.message
        if not message.names and not self.batcher.by_zone:
            text = self.batcher.final(message.fill({}))
            ours = (self.campaign.pk, self.token, self.chosen)
            PlainWriter(*ours, text, self.batcher, self.tally).write()
            return
        with _collected_by_hand() as collect:
            for found in people.slices(self.chosen, self.batcher.wanted):
                self._write_slice(found)
                collect()

    def _write_audience(self, name: str) -> None:
        wanted, without = self.batcher.wanted, self.chosen.exclude_ids
        with kept(self.campaign.pk, self.token), _collected_by_hand() as collect:
            found = site_people.slices(name, self.campaign.pk, wanted, without)
            for one in found:
                self._write_slice(one)
                collect()

    def _write_slice(self, found: list[Person]) -> None:
        ours = (self.campaign.pk, self.token, self.tally)
        write_slice(*ours, map(self.batcher.row, found), len(found))


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
