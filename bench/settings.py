"""A site for the benchmarks: that of the tests, on the database of the run."""

from __future__ import annotations

import os

os.environ.setdefault("TEST_DATABASE_URL", os.environ["BENCH_DATABASE_URL"])
os.environ.setdefault("TEST_REDIS_URL", "redis://127.0.0.1:9/0")
os.environ.setdefault("CSMS_TEST_SCRATCH", "/nonexistent")

from tests.settings import *
