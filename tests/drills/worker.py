"""`python -m tests.drills.worker …` is `celery …` in a process with a clock of its own choice."""

from __future__ import annotations

import os

from tests.drills import clock

if skew := float(os.environ.get("DRILL_CLOCK", "0")):
    clock.install(skew)

from celery.__main__ import main

if __name__ == "__main__":
    main()
