"""How the sandbox behaves: one frozen set of options, replaced whole by `control`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from csms_campaigns.sandbox.faults import read_faults
from csms_campaigns.sandbox.limits import DEFAULT_LIMITS, Window, read_limits

EXAMPLE_KEY = "cspro_your_secret_key_here"
DEFAULT_CREDITS = 1_000_000
CREDITS_PER = ("number", "segment")


@dataclass(frozen=True, slots=True)
class Options:
    api_key: frozenset[str] = frozenset({EXAMPLE_KEY})
    limits: tuple[Window, ...] = read_limits(DEFAULT_LIMITS)
    latency: tuple[float, float] = (0.0, 0.0)
    faults: str = ""
    credits: int = DEFAULT_CREDITS
    credits_per: str = "number"
    max_numbers: int = 0  # in one request; 0: as many as fit in a body
    magic: bool = True
    seed: int = 0

    def changed(self, values: Mapping[str, object]) -> Options:
        """Read and check every value before any is used; ValueError names the wrong."""
        unknown = set(values) - set(READERS)
        if unknown:
            names = ", ".join(sorted(READERS))
            msg = f"There is no option {min(unknown)!r}; the options are: {names}."
            raise ValueError(msg)
        return replace(self, **{n: READERS[n](v) for n, v in values.items()})  # type: ignore[arg-type]


def read_latency(value: object) -> tuple[float, float]:
    """Accept `0.05`, `"0.05"` or `"0.05-0.3"`; seconds."""
    parts = [value] if isinstance(value, float) else str(value).split("-")
    try:
        low, high = float(parts[0]), float(parts[-1])
    except ValueError:
        low, high = -1.0, -1.0
    if len(parts) > 2 or not 0 <= low <= high < 86400:
        msg = f"{value!r} is no latency: write seconds, like 0.05 or 0.05-0.3."
        raise ValueError(msg)
    return low, high


def _read_keys(value: object) -> frozenset[str]:
    if isinstance(value, Sequence | frozenset | set):
        keys = [value] if isinstance(value, str) else list(value)
        if keys and all(isinstance(key, str) and key for key in keys):
            return frozenset(keys)
    # The value itself may be a real key in a wrong shape: it is not repeated.
    msg = "api_key must be a text, or a list of texts, that is not empty."
    raise ValueError(msg)


def _read_spec(value: object) -> str:
    spec = str(value or "")
    read_faults(spec)
    return spec


def _read_whole(name: str, least: int | None) -> Callable[[object], int]:
    def read(value: object) -> int:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if isinstance(value, int) and whole and (least is None or value >= least):
            return value
        floor = "" if least is None else f" from {least}"
        msg = f"{name} must be a whole number{floor}, not {value!r}."
        raise ValueError(msg)

    return read


def _read_magic(value: object) -> bool:
    if isinstance(value, bool):
        return value
    msg = f"magic must be true or false, not {value!r}."
    raise ValueError(msg)


def _read_credits_per(value: object) -> str:
    if value in CREDITS_PER:
        return str(value)
    msg = f"credits_per must be number or segment, not {value!r}."
    raise ValueError(msg)


READERS: dict[str, Callable[[object], object]] = {
    "api_key": _read_keys,
    "limits": read_limits,
    "latency": read_latency,
    "faults": _read_spec,
    "credits": _read_whole("credits", 0),
    "credits_per": _read_credits_per,
    "max_numbers": _read_whole("max_numbers", 0),
    "magic": _read_magic,
    "seed": _read_whole("seed", None),
}
