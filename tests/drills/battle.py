"""One campaign, its workers, its gateway and a storm; at the end a comparison."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from csms_campaigns import tasks
from csms_campaigns.engine import audience, lifecycle
from csms_campaigns.engine.sums import sums
from csms_campaigns.engine.taking import LEASE_MARGIN
from csms_campaigns.models import OptOut, SendResult
from csms_campaigns.sandbox.limits import read_limits
from csms_campaigns.sandbox.server import Sandbox
from csms_campaigns.states import CampaignStatus, SendStatus
from project.demo.processes import Child
from tests import factories
from tests.drills.comparison import Comparison, compare
from tests.drills.processes import DrillWorker
from tests.drills.storm import Shock, Storm
from tests.servers import addresses, postgres
from tests.servers.session import start_redis

# One request in five, of every kind that the sandbox knows.
FAULTS = (
    "refuse=400:.004,key:.001,credits:.001,rate_limit=2:.01,rate_limit_date=2:.004,"
    "unavailable=1:.02,refuse_number:.01,"
    "reset_before:.006,500_before:.006,status=502:.004,redirect:.003,"
    "lost:.01,reset:.01,500:.006,broken_json:.008,html:.005,empty:.004,list:.003,"
    "huge:.003,wrong_length:.004,short_length:.004,slow=8:.004,drip:.003,"
    "slow=2:.01,chunked:.006,leave_out:.01,extra:.005,twice:.005,odd_numbers:.01,"
    "bad_counts:.005,success_false:.005,success_string:.003,credits_string:.003,"
    "credits_missing:.003,credits_negative:.001,fail:.01,fail_all:.003"
)
CREDITS = 10**9
WALK_IN = 0.5
"""Seconds between two looks at the campaign."""


@dataclass(frozen=True)
class Scale:
    recipients: int = 200_000
    workers: int = 4
    batch: int = 100
    limits: str = "50/10,200/60"
    seed: int = 1
    minutes: float = 40
    calm: bool = False
    timeout: tuple[float, float] = (1.0, 4.0)
    lanes: int = 8
    margin: float = LEASE_MARGIN
    """Of a lease, beyond the longest request."""
    accidents: tuple[float, float] = (3.0, 9.0)
    """Seconds between two."""
    latency: str = "0.05-0.6"
    tick: float = 5.0

    @property
    def freeze(self) -> float:
        return 2.5 + sum(self.timeout) + self.margin + 1.0


@dataclass
class Battle:
    """`with Battle(scale, folder, configure) as battle: battle.fight()`, then look at `compared`."""

    scale: Scale
    folder: Path
    configure: Callable[..., None]
    """Changes the options of the default account."""
    tell: Callable[[str], None] = lambda _line: None
    pauses: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    ended: bool = False
    compared: Comparison = field(default_factory=Comparison)

    def __enter__(self) -> Self:
        scale = self.scale
        options = {"faults": "" if scale.calm else FAULTS, "latency": scale.latency}
        self.gateway = Sandbox(
            api_key=settings.CSMS_CAMPAIGNS["ACCOUNTS"]["default"]["API_KEY"],
            **{"limits": scale.limits, "seed": scale.seed, **options},
            magic=False,
            credits=CREDITS,
        ).start()
        self.configure(**self._account())
        self.storm = Storm(
            start=self._worker,
            workers=scale.workers,
            every=scale.accidents,
            freeze=scale.freeze,
            seed=scale.seed,
            shocks=[] if scale.calm else self._shocks(),
        )
        self.redis_port = addresses.port_of(addresses.redis_url())
        self.broker: Child = self._start_broker()
        self.incarnations = 0
        return self

    def __exit__(self, *_error: object) -> None:
        self.storm.end()
        self.broker.kill()
        self.gateway.stop()

    def _account(self) -> dict[str, Any]:
        scale = self.scale
        return {
            "API_URL": self.gateway.url,
            "BATCH_SIZE": scale.batch,
            "CONCURRENCY": scale.lanes,
            "TIMEOUT": list(scale.timeout),
            "RATE_LIMITS": [list(w) for w in read_limits(scale.limits)],
            "MIN_GAP": None if scale.calm else 0,
        }

    def _worker(self, place: int) -> DrillWorker:
        self.incarnations += 1
        worker = DrillWorker(
            str(connection.settings_dict["NAME"]),
            self.folder / f"worker-{place}-{self.incarnations}.log",
            # Two beats; and the last worker has children, which die with it or without it.
            pool="prefork" if place == self.scale.workers - 1 else "threads",
            concurrency=4,
            beat=place < 2,
            margin=self.scale.margin,
            env={"TEST_TICK_SECONDS": str(self.scale.tick)},
        )
        worker.child.start()
        return worker

    # What happens once each, when so much of the campaign is done

    def _shocks(self) -> list[tuple[float, str, Shock]]:
        shocks: list[tuple[float, str, Shock]] = [
            (0.2, "Redis FLUSHALL", self._flush),
            (0.35, "Redis killed, back after 5 s", self._kill_broker),
            (0.45, "a person pauses and resumes", self._pause),
            (0.5, "people opt out", self._opt_out),
            (0.7, "Redis FLUSHALL", self._flush),
        ]
        if server := self._server():
            shocks.append((0.6, "PostgreSQL restarted at once", server.restart))
        return sorted(shocks, key=lambda shock: shock[0])

    def _server(self) -> postgres.PostgreSQL | None:
        return postgres.RUNNING.get(addresses.port_of(addresses.database_url()))

    def _start_broker(self) -> Child:
        return start_redis(self.redis_port, self.folder)

    def _flush(self) -> None:
        import redis

        with redis.Redis(port=self.redis_port) as client:
            client.flushall()

    def _kill_broker(self) -> None:
        self.broker.kill()
        self.back_at = time.monotonic() + 5
        while time.monotonic() < self.back_at:
            self._look()
        self.broker = self._start_broker()

    def _pause(self) -> None:
        if self._status() == CampaignStatus.SENDING:
            lifecycle.pause(self.campaign.pk)

    def _opt_out(self) -> None:
        """Those at the end of the queue: what was claimed before may be on its way."""
        waiting = SendResult.objects.filter(status=SendStatus.PENDING)
        chosen = list(waiting.order_by("-pk").values_list("phone", flat=True)[:200])
        factories.opt_out(phone for phone in chosen if phone)

    # The campaign

    def fight(self) -> None:
        self._write()
        self.storm.begin()
        lifecycle.launch(self.campaign.pk)
        tasks.wake_lanes("default")
        began = time.monotonic()
        deadline = began + self.scale.minutes * 60
        while not self.ended and time.monotonic() < deadline:
            self._look()
            done = self._done()
            if not self.scale.calm:
                self.storm.step(done)
        self.seconds = time.monotonic() - began
        self.storm.calm()
        self.gateway.wait_until_idle(60)
        read_timeout = self.scale.timeout[1]
        self.compared = compare(self.campaign, self.gateway, read_timeout=read_timeout)
        self._compare_opted_out()

    def _write(self) -> None:
        self.tell(f"Preparing {self.scale.recipients} recipients …")
        left = self.scale.recipients
        while left > 0:
            chosen = factories.people(min(left, 20_000))
            left -= 20_000
        factories.opt_out(
            factories.number(i) for i in range(7, self.scale.recipients, 101)
        )
        self.campaign = factories.draft(lists=[chosen])
        audience.review(self.campaign.pk)

    def _look(self) -> None:
        """As a person who sits before the page: what the system paused is resumed."""
        time.sleep(WALK_IN)
        status = self._status()
        self.ended = status == CampaignStatus.FINISHED
        if status == CampaignStatus.PAUSED:
            reason = self.campaign.status_reason.partition(":")[0]
            self.pauses[reason.strip(".")] += 1
            self.tell(f"Paused: {self.campaign.status_reason}")
            self._retried(lambda: lifecycle.resume(self.campaign.pk))
            tasks.wake_lanes("default")

    def _status(self) -> str:
        self._retried(self.campaign.refresh_from_db)
        return self.campaign.status

    def _done(self) -> float:
        found = self._retried(lambda: sums(self.campaign))
        part = 1 - found.pending / max(found.total, 1)
        self._say(part, found)
        return part

    def _say(self, part: float, found: Any) -> None:
        tenth = int(part * 20)
        if tenth > getattr(self, "_said", -1):
            self._said = tenth
            state = self.gateway.state()
            people = (
                f"{found.sent} sent, {found.failed} failed, {found.unknown} unknown"
            )
            self.tell(f"{part:3.0%}: {people}; {state['requests']} requests")

    def _retried(self, ask: Callable[[], Any]) -> Any:
        """The page of a person who presses *reload* until the database is back."""
        for _each in range(60):
            try:
                return ask()
            except (DatabaseError, InterfaceError):
                connection.close()
                time.sleep(WALK_IN)
        return ask()

    # The end

    def _compare_opted_out(self) -> None:
        """Whoever had opted out when the batch was claimed was left out of it."""
        opted_out = dict(OptOut.objects.values_list("phone", "created_at"))
        claimed = SendResult.objects.filter(
            phone__in=list(opted_out), batch__attempt__isnull=False
        ).exclude(status=SendStatus.SKIPPED)
        wrong = sum(
            stamped > opted_out[phone]
            for phone, stamped in claimed.values_list(
                "phone", "batch__attempt__stamped_at"
            )
        )
        self.compared.mistakes["texted after they had opted out"] = wrong

    @property
    def mistakes(self) -> dict[str, int]:
        found = {n: times for n, times in self.compared.mistakes.items() if times}
        if not self.ended:
            found["it did not end by itself"] = 1
        if died := self.storm.struck["warm stop that never ended"]:
            found["warm stops that never ended"] = died
        return found

    @property
    def is_won(self) -> bool:
        return not self.mistakes
