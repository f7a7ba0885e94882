"""`python -m bench [NAME …] [--db postgres|sqlite] [--size 1000000]`"""

from __future__ import annotations

import argparse
import importlib

from bench.databases import database
from bench.frame import machine, say, table

NAMES = (
    "prepare",
    "imports",
    "engine",
    "status",
    "memory",
    "launch",
    "idle",
    "pages",
    "exports",
)
ENGINES = ("postgres", "sqlite")


def main() -> int:
    """1 if a ratio is more than allowed."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--db", choices=ENGINES, action="append")
    parser.add_argument("--size", type=int, default=1_000_000, help="recipients")
    given = parser.parse_args()
    unknown = sorted(set(given.names) - set(NAMES))
    if unknown:
        parser.error(f"there is no {unknown[0]}: choose from {', '.join(NAMES)}")
    say(machine())
    is_kept = True
    for name in given.names or NAMES:
        module = importlib.import_module(f"bench.{name}")
        for engine in given.db or ENGINES:
            with database(engine) as url:
                figures = module.run(url, given.size)
            table(f"{name}, {engine}", figures)
            is_kept = is_kept and all(figure.is_kept for figure in figures)
    return 0 if is_kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
