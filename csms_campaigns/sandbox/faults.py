"""Which fault strikes which request: the names, the syntax and the draw.

What each fault does is in `answers.py`. A draw depends only on the seed and the
request's number, so threads can't change which request is struck.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import NamedTuple


class Kind(NamedTuple):
    meaning: str
    value: float | None = None  # the default; None: the fault takes no value


FAULTS: dict[str, Kind] = {
    # Refused: nothing is delivered, the client is told so.
    "refuse": Kind("a refusal with an unknown code; value: the HTTP status", 400),
    "key": Kind("the documented refusal of the key"),
    "credits": Kind("a refusal for want of credits"),
    "rate_limit": Kind("HTTP 429; value: Retry-After in seconds", 1),
    "rate_limit_date": Kind("the same with Retry-After as a date", 1),
    "unavailable": Kind("HTTP 503 with a refusal; value: Retry-After", 1),
    "refuse_number": Kind("a refusal of the request that names one number"),
    # Nothing is delivered, and the client can't be sure of it (or must not follow).
    "reset_before": Kind("RST before the body is read"),
    "500_before": Kind("HTTP 500 with an HTML page"),
    "status": Kind("an HTML page; value: the HTTP status", 403),
    "redirect": Kind("HTTP 307 to /sandbox/redirected, which counts visits"),
    # Delivered, but the answer says nothing.
    "lost": Kind("closes the connection without an answer"),
    "reset": Kind("RST after the body was read"),
    "500": Kind("delivers the first half, then HTTP 500 with an HTML page"),
    "broken_json": Kind("an answer cut off in the middle, with the right length"),
    "html": Kind("HTTP 200 with an HTML page"),
    "empty": Kind("HTTP 200 with {}"),
    "list": Kind("HTTP 200 with []"),
    "huge": Kind("a body without end"),
    "wrong_length": Kind("Content-Length larger than the body, then closes"),
    "short_length": Kind("Content-Length smaller than the body, then closes"),
    # Delivered and answered in an unusual way.
    "slow": Kind("answers late; value: seconds", 2),
    "drip": Kind("one byte at a time; value: seconds between two", 0.5),
    "chunked": Kind("the right answer in chunks"),
    "leave_out": Kind("one number is missing from the results"),
    "extra": Kind("one number more in the results"),
    "twice": Kind("one number stands twice in the results"),
    "odd_numbers": Kind("no plus, integers, spaces, and another order"),
    "bad_counts": Kind("counts that contradict the results"),
    "success_false": Kind("success is false, though there are results"),
    "success_string": Kind('success is the string "true"'),
    "credits_string": Kind("remaining_credits is a string"),
    "credits_missing": Kind("no remaining_credits"),
    "credits_negative": Kind("remaining_credits is -5"),
    # Numbers that fail.
    "fail": Kind("one number of the request fails"),
    "fail_all": Kind("all numbers of the request fail"),
}

STATUSES = frozenset({"refuse", "status"})  # their value is an HTTP status
NUMBER = r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+"
RULE = re.compile(
    rf"(?P<name>[a-z0-9_]+)(=(?P<value>{NUMBER}))?"
    rf"(:(?P<probability>{NUMBER})|@(?P<number>[0-9]+))?"
)


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    value: float
    pick: float = 0.0  # in [0, 1): which number of the request is struck

    def __str__(self) -> str:
        return self.name

    def position(self, count: int) -> int:
        return int(self.pick * count)


class Rule(NamedTuple):
    fault: Fault
    probability: float
    number: int | None  # of the request, from 1


class FaultPlan:
    def __init__(self, rules: tuple[Rule, ...] = (), seed: int = 0) -> None:
        self._seed = seed
        self._named = {r.number: r.fault for r in rules if r.number is not None}
        self._drawn = [r for r in rules if r.number is None]

    def draw(self, number: int) -> Fault | None:
        """A rule with `@number` goes before those with a probability."""
        if not self._named and not self._drawn:
            return None
        dice = random.Random(f"{self._seed}:{number}")  # noqa: S311 - faults, no secrets
        pick, chance = dice.random(), dice.random()
        fault = self._named.get(number) or self._by_chance(chance)
        return fault and Fault(fault.name, fault.value, pick)

    def _by_chance(self, chance: float) -> Fault | None:
        for rule in self._drawn:
            if chance < rule.probability:
                return rule.fault
            chance -= rule.probability
        return None


def read_faults(spec: str, seed: int = 0) -> FaultPlan:
    """Read `name[=value][:probability | @request]`, separated by commas."""
    rules = tuple(_read_rule(part) for part in map(str.strip, spec.split(",")) if part)
    if sum(rule.probability for rule in rules) > 1 + 1e-9:
        msg = "The probabilities of the faults add up to more than 1: lower them."
        raise ValueError(msg)
    return FaultPlan(rules, seed)


def read_fault(text: str) -> Fault:
    return _read_rule(text).fault


def _read_rule(text: str) -> Rule:
    match = RULE.fullmatch(text)
    if match is None:
        msg = f"{text!r} is no fault: write name:0.05, name@7 or name=value:0.05."
        raise ValueError(msg)
    number = int(match["number"]) if match["number"] else None
    if number == 0:
        msg = f"{text!r} strikes nothing: requests are counted from 1."
        raise ValueError(msg)
    fault = Fault(match["name"], _read_value(match["name"], match["value"]))
    chance = float(match["probability"] or 1) if number is None else 0.0
    return Rule(fault, chance, number)


def _read_value(name: str, value: str | None) -> float:
    if name not in FAULTS:
        msg = f"There is no fault {name!r}; the faults are: {', '.join(FAULTS)}."
        raise ValueError(msg)
    default = FAULTS[name].value
    if value is not None and default is None:
        msg = f"The fault {name!r} takes no value: leave out ={value}."
        raise ValueError(msg)
    if name in STATUSES and not re.fullmatch("[2-5][0-9][0-9]", value or "400"):
        msg = f"{value} is no HTTP status: write a number from 200 to 599."
        raise ValueError(msg)
    return float(value or default or 0)
