"""How many people are chosen, while they are being chosen: quick, and honest about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet

from csms_campaigns.engine import site_audiences
from csms_campaigns.engine.bounded import TooSlow, bounded
from csms_campaigns.engine.database import rows
from csms_campaigns.engine.planner import refresh_statistics
from csms_campaigns.engine.selection import Members, is_member, members_of, people_in
from csms_campaigns.models import Contact, OptOut

PATIENCE: Final = 0.5
"""Seconds for each exact count; then some parts are counted, and the rest is estimated."""
PARTS: Final = 20
SHARE: Final = 50
"""One of so many ids stands in one of the parts."""


@dataclass(frozen=True, slots=True)
class AudienceSize:
    """`people` will be texted, as far as the database knows; the rest is left out.

    Not exact: an estimate, or people of several sources, who may be the same. `uncounted`
    are the audiences of the site whose people only the review counts.
    """

    people: int = 0
    opted_out: int = 0
    excluded: int = 0
    is_exact: bool = True
    uncounted: tuple[str, ...] = ()


def audience_size(
    list_ids: Iterable[int],
    exclude_ids: Iterable[int] = (),
    audiences: Iterable[str] = (),
    patience: float = PATIENCE,
) -> AudienceSize:
    """For a form: about a second at most, whatever the number of people."""
    lists, without, names = list(list_ids), list(exclude_ids), list(audiences)
    try:
        with bounded(patience):
            chosen, excluded, opted_out = _count(lists, without)
        is_exact = True
    except TooSlow:
        refresh_statistics()
        chosen, excluded, opted_out = _estimate(lists, without)
        is_exact = False
    counts = {name: _count_audience(name, patience) for name in names}
    return AudienceSize(
        people=chosen - excluded - opted_out + sum(n or 0 for n in counts.values()),
        opted_out=opted_out,
        excluded=excluded,
        is_exact=is_exact and not names,
        uncounted=tuple(name for name, n in counts.items() if n is None),
    )


def _count(lists: list[int], without: list[int]) -> tuple[int, int, int]:
    """Everybody chosen; of them the excluded, and of the others the opted out."""
    if not lists:
        return 0, 0, 0
    members, excluded = members_of(lists), 0
    if without:
        other = members_of(without).filter(contact=OuterRef("contact"))
        excluded = _people(members.filter(Exists(other)), lists)
    opted_out = people_in(lists, exclude_ids=without).filter(Exists(_opt_outs()))
    return _people(members, lists), excluded, opted_out.count()


def _people(members: Members, lists: list[int]) -> int:
    """In one list everybody stands once, and the index alone answers."""
    if len(lists) == 1:
        return members.count()
    return members.values("contact_id").distinct().count()


def _opt_outs() -> QuerySet[OptOut]:
    return rows(OptOut).filter(phone=OuterRef("phone"))


def _estimate(lists: list[int], without: list[int]) -> tuple[int, int, int]:
    """From parts that are spread evenly over all ids; each person costs three look-ups."""
    chosen = rows(Contact).filter(is_member(lists))
    chosen = chosen.annotate(out=is_member(without), stop=Exists(_opt_outs()))
    sums = {
        "all": Count("pk"),
        "excluded": Count("pk", filter=Q(out=True)),
        "opted_out": Count("pk", filter=Q(out=False, stop=True)),
    }
    total = dict.fromkeys(sums, 0)
    for first, last in _parts():
        found = chosen.filter(pk__gte=first, pk__lt=last).aggregate(**sums)
        total = {name: total[name] + found[name] * SHARE for name in sums}
    return total["all"], total["excluded"], total["opted_out"]


def _parts() -> Iterator[tuple[int, int]]:
    """First ids, and those behind the last."""
    ends = rows(Contact).aggregate(first=Min("pk"), last=Max("pk"))
    if ends["first"] is None:
        return
    step = (ends["last"] + 1 - ends["first"]) / PARTS
    for number in range(PARTS):
        first = ends["first"] + number * step
        yield round(first), round(first + step / SHARE)


def _count_audience(name: str, patience: float) -> int | None:
    try:
        with bounded(patience):
            return site_audiences.count(name)
    except TooSlow:
        return None
