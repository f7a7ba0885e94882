"""Nothing leaves in quiet hours, others go meanwhile, and what waited goes on by itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.utils import timezone

from csms_campaigns import conf
from csms_campaigns.engine import finishing, lanes, lifecycle, ticking, timetable
from csms_campaigns.engine.database import now
from csms_campaigns.engine.splitting import move_to_new_batch
from csms_campaigns.engine.taking import NOTHING, Taken, Wait, take
from csms_campaigns.engine.work import has_work
from csms_campaigns.models import (
    Batch,
    Campaign,
    GatewayAccount,
    Heartbeat,
    SendResult,
)
from csms_campaigns.states import BatchStatus, CampaignStatus
from tests import factories
from tests.engine.scenes import UNLIMITED, accepted, send, send_all

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
EAST, WEST = "Asia/Tokyo", "America/Los_Angeles"


@pytest.fixture(autouse=True)
def _unlimited(configure: Any) -> None:
    configure(**UNLIMITED, BATCH_SIZE=10, TIMEOUT=(2.5, 60))


def clock(offset: timedelta, zone: str = "UTC") -> time:
    """What the clock of the zone shows then; the hours that follow may be over midnight."""
    return timezone.localtime(
        timezone.now() + offset, timetable.zone_named(zone)
    ).time()


def set_hours(
    campaign: Campaign, since: timedelta, until: timedelta, zone: str = "UTC"
) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(
        send_from=clock(since, zone), send_until=clock(until, zone), time_zone=zone
    )


def opened(campaign: Campaign) -> None:
    set_hours(campaign, -HOUR, HOUR)


def closed(campaign: Campaign) -> None:
    set_hours(campaign, 2 * HOUR, 4 * HOUR)


def campaign(count: int = 12, name: str = "Everybody") -> Campaign:
    return factories.sending(lists=[factories.people(count, name)])


def status(campaign: Campaign) -> str:
    campaign.refresh_from_db()
    return campaign.status


# One campaign


def test_in_its_hours_it_goes() -> None:
    sent = campaign()
    opened(sent)
    assert send_all() == 2
    assert status(sent) == CampaignStatus.FINISHED


def test_outside_of_them_nothing_leaves_and_nothing_is_written() -> None:
    closed(campaign())
    wait = take("default")
    assert isinstance(wait, Wait)
    assert wait.for_hours
    assert wait.seconds == pytest.approx(2 * 3600, abs=5)
    assert not has_work("default")
    assert GatewayAccount.objects.filter(cum__gt=0).count() == 0
    assert set(Batch.objects.values_list("status", flat=True)) == {BatchStatus.PENDING}


def test_a_change_of_the_hours_holds_at_once() -> None:
    changed = campaign()
    closed(changed)
    assert isinstance(take("default"), Wait)
    opened(changed)
    send()
    closed(changed)
    assert isinstance(take("default"), Wait)


def test_on_a_day_that_is_not_chosen_nothing_leaves() -> None:
    changed = campaign()
    today = timezone.now().astimezone(UTC)
    days = {(today + n * HOUR).weekday() for n in (-1, 0, 1)}
    others = "".join(str(day) for day in range(7) if day not in days)
    Campaign.objects.update(send_days=others, time_zone="UTC")
    assert isinstance(take("default"), Wait)
    Campaign.objects.update(send_days="".join(str(day) for day in sorted(days)))
    assert isinstance(take("default"), Taken)
    assert status(changed) == CampaignStatus.SENDING


def test_the_last_request_is_over_in_the_hours(configure: Any) -> None:
    changed = campaign()
    set_hours(changed, -HOUR, timedelta(seconds=60))
    wait = take("default")
    assert isinstance(wait, Wait)
    assert wait.seconds == pytest.approx(23 * 3600, abs=5)
    configure(TIMEOUT=(2, 10))
    assert isinstance(take("default"), Taken)


def test_a_batch_that_was_claimed_in_time_just_goes() -> None:
    taken = take("default") if campaign() else None
    assert isinstance(taken, Taken)
    closed(Campaign.objects.get())
    finishing.finish(taken, accepted(taken))
    assert SendResult.objects.filter(status="sent").count() == 5


def test_the_hours_of_a_zone_are_those_of_its_clock() -> None:
    there = campaign()
    set_hours(there, -HOUR, HOUR, EAST)
    assert isinstance(take("default"), Taken)
    Campaign.objects.update(time_zone=WEST)
    found = take("default")
    shown = timezone.localtime(timezone.now(), timetable.zone_named(WEST)).time()
    since, until = Campaign.objects.values_list("send_from", "send_until").get()
    inside = since <= shown < until if since < until else not until <= shown < since
    assert isinstance(found, Wait) is not inside


def test_a_zone_that_this_machine_does_not_know_pauses_it() -> None:
    lost = campaign()
    opened(lost)
    Campaign.objects.update(time_zone="Mars/Phobos")
    assert take("default") == NOTHING
    assert status(lost) == CampaignStatus.PAUSED
    assert (
        lost.status_reason == "This machine does not know the time zone “Mars/Phobos”."
    )


# Beside others


def test_those_who_may_go_pass_by() -> None:
    asleep, awake = campaign(12, "A"), campaign(22, "B")
    closed(asleep)
    assert send_all() == 3
    assert status(awake) == CampaignStatus.FINISHED
    assert status(asleep) == CampaignStatus.SENDING
    assert isinstance(take("default"), Wait)


def test_the_wait_is_until_the_first_that_opens() -> None:
    early, late = campaign(3, "A"), campaign(3, "B")
    set_hours(late, 5 * HOUR, 6 * HOUR)
    set_hours(early, 3 * HOUR, 4 * HOUR)
    wait = take("default")
    assert isinstance(wait, Wait)
    assert wait.seconds == pytest.approx(3 * 3600, abs=5)


def test_what_is_launched_meanwhile_is_not_held_up() -> None:
    """A wait for hours is never written on the account, where it would hold up everything."""
    closed(campaign(3, "A"))
    Heartbeat.objects.create(name=lanes.BEAT, at=timezone.now())
    woken: list[str] = []
    lanes.run_lane("default", lambda alias, _count: bool(woken.append(alias)) or True)
    account = GatewayAccount.objects.get()
    assert (account.next_free_at, account.sleeper_until) == (None, None)
    assert woken == []
    campaign(3, "B")
    assert lanes.idle_lanes("default") == 4
    assert isinstance(take("default"), Taken)


# By itself


def woken_by_a_tick() -> list[str]:
    found: list[str] = []
    ticking.tick(
        lambda alias, _count: bool(found.append(alias)) or True, lambda _pk: True
    )
    return found


def test_the_tick_wakes_the_lanes_when_the_hours_begin() -> None:
    waiting = campaign()
    closed(waiting)
    assert woken_by_a_tick() == []
    opened(waiting)
    assert woken_by_a_tick() == ["default"]


class Stop:
    """Remembers how long it was asked to wait, and ends the lane after so many waits."""

    def __init__(
        self, most: int = 1, then: Callable[[], object] = lambda: None
    ) -> None:
        self.waited: list[float] = []
        self.most, self.then = most, then

    def is_set(self) -> bool:
        return len(self.waited) >= self.most

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout or 0)
        self.then()
        return self.is_set()


@pytest.mark.parametrize(("opens_in", "slept"), [(5, 5), (30, lanes.LOOK)])
def test_where_nobody_ticks_a_lane_sleeps_for_a_while(
    opens_in: float, slept: float
) -> None:
    set_hours(campaign(), timedelta(seconds=opens_in), HOUR)
    stop = Stop()
    lanes.run_lane("default", lambda _alias, _count: True, stop=stop)
    assert stop.waited == [pytest.approx(slept, abs=3)]


def test_where_somebody_ticks_no_lane_sleeps() -> None:
    set_hours(campaign(), timedelta(seconds=30), HOUR)
    Heartbeat.objects.create(name=lanes.BEAT, at=timezone.now())
    stop = Stop()
    lanes.run_lane("default", lambda _alias, _count: True, stop=stop)
    assert stop.waited == []
    assert lanes.idle_lanes("default") == 4


def test_the_only_lane_soon_sees_what_was_launched_while_it_slept(
    configure: Any, sandbox: Any
) -> None:
    gateway = sandbox()
    configure(**UNLIMITED, CONCURRENCY=1)
    set_hours(campaign(3, "A"), timedelta(seconds=50), HOUR)
    stop = Stop(most=2, then=lambda: campaign(3, "B"))
    lanes.run_lane("default", lambda _alias, _count: True, stop=stop)
    assert stop.waited[0] == lanes.LOOK
    assert gateway.state()["requests"] == 1


# Each in the zone of their number


def conf_of() -> conf.Account:
    return conf.account("default")


def in_zones(*names: str) -> Campaign:
    """A campaign with a batch of five and batches of ten, dealt out to the zones."""
    made = campaign(5 + 10 * (2 * len(names) - 1))
    for batch in Batch.objects.all():
        batch.time_zone = names[(batch.number - 1) % len(names)]
        batch.save()
    Campaign.objects.update(zones=list(names), in_recipients_zone=True)
    return made


def zone_at(hour: int) -> str:
    """A zone in which it is about that hour now."""
    utc = datetime.now(UTC).hour
    # Etc/GMT-3 is three hours ahead.
    ahead = (hour - utc + 11) % 24 - 11
    return f"Etc/GMT{'-' if ahead >= 0 else '+'}{abs(ahead)}"


DAY, NIGHT, DAWN = 14, 2, 7


def daytime(made: Campaign) -> None:
    Campaign.objects.filter(pk=made.pk).update(
        send_from=time(9), send_until=time(21), time_zone="UTC"
    )


def sent_in(zone: str) -> int:
    return Batch.objects.filter(time_zone=zone, status=BatchStatus.DONE).count()


def test_where_it_is_night_they_wait_and_the_others_go() -> None:
    day, night = zone_at(DAY), zone_at(NIGHT)
    daytime(in_zones(night, day))
    send_all()
    assert (sent_in(day), sent_in(night)) == (3, 0)
    assert isinstance(take("default"), Wait)


def test_the_first_request_is_small_whichever_zone_opens_first() -> None:
    day, night = zone_at(DAY), zone_at(NIGHT)
    daytime(in_zones(night, day))
    first = send()
    assert len(first.numbers) == 5
    rest = Batch.objects.get(split_from=first.batch_id)
    assert (rest.time_zone, rest.size) == (day, 5)


def test_the_wait_is_until_the_first_zone_opens() -> None:
    day, night, dawn = zone_at(DAY), zone_at(NIGHT), zone_at(DAWN)
    daytime(in_zones(night, dawn, day))
    send_all()
    wait = take("default")
    assert isinstance(wait, Wait)
    assert 3600 <= wait.seconds <= 2 * 3600
    found = timetable.at(Campaign.objects.get(), conf_of(), now())
    assert found.open == [day]
    assert found.opens_in == dawn


def test_a_zone_where_nobody_waits_any_more_is_not_waited_for() -> None:
    day, night, dawn = zone_at(DAY), zone_at(NIGHT), zone_at(DAWN)
    daytime(in_zones(night, dawn, day))
    Batch.objects.filter(time_zone=dawn).delete()
    send_all()
    wait = take("default")
    assert isinstance(wait, Wait)
    assert wait.seconds > 6 * 3600


def test_numbers_that_tell_no_zone_go_by_that_of_the_campaign() -> None:
    day, night = zone_at(DAY), zone_at(NIGHT)
    daytime(in_zones("", night))
    Campaign.objects.update(time_zone=day)
    send_all()
    assert (sent_in(""), sent_in(night)) == (2, 0)
    Campaign.objects.update(time_zone=night)
    assert isinstance(take("default"), Wait)


def test_the_zone_that_closes_first_goes_first() -> None:
    early, late = zone_at(18), zone_at(11)
    daytime(in_zones(late, early))
    zones = [Batch.objects.get(pk=send().batch_id).time_zone for _each in range(2)]
    assert zones == [early, early]


def test_without_hours_all_zones_go() -> None:
    made = in_zones(EAST, WEST, "")
    send_all()
    assert status(made) == CampaignStatus.FINISHED


def test_a_part_that_is_cut_off_stays_in_its_zone() -> None:
    in_zones(EAST, WEST)
    batch = Batch.objects.filter(time_zone=WEST).order_by("number").first()
    assert batch is not None
    ids = SendResult.objects.filter(batch=batch).values_list("pk", flat=True)
    assert move_to_new_batch(batch.pk, list(ids)[:2]).time_zone == WEST


def test_waiting_until_names_the_moment_and_the_zone() -> None:
    made = campaign()
    assert timetable.waiting_until(made, conf_of(), now()) is None
    closed(made)
    made.refresh_from_db()
    found = timetable.waiting_until(made, conf_of(), now())
    assert found is not None
    assert (found[0] - timezone.now()) / HOUR == pytest.approx(2, abs=0.01)
    assert found[1] == "UTC"
    opened(made)
    made.refresh_from_db()
    assert timetable.waiting_until(made, conf_of(), now()) is None


def test_pausing_and_cancelling_work_in_quiet_hours() -> None:
    made = campaign()
    closed(made)
    lifecycle.pause(made.pk)
    assert take("default") == NOTHING
    lifecycle.resume(made.pk)
    assert isinstance(take("default"), Wait)
    lifecycle.cancel(made.pk)
    assert take("default") == NOTHING
    assert SendResult.objects.filter(status="cancelled").count() == 12


# On a site that stores naive times


def test_it_holds_where_times_are_naive() -> None:
    moment = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
    naive = timezone.make_naive(moment)
    assert timetable.aware(naive) == timetable.aware(moment) == moment
