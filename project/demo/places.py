"""Where the demo's files and servers are, and the environment that tells its programs."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from csms_campaigns.conf import EXAMPLE_KEY

ROOT: Final = Path(__file__).resolve().parents[2]
MANAGE: Final = (sys.executable, str(ROOT / "manage.py"))

# The documented 100 a minute, scaled so that a person sees the pace: 26 requests take a minute.
LIMITS: Final = "6/15,600/3600,6000/86400"


@dataclass(frozen=True)
class Places:
    folder: Path
    site_port: int
    sandbox_port: int
    redis_url: str

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def site(self) -> str:
        return f"http://127.0.0.1:{self.site_port}/admin/"

    @property
    def sandbox(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}/"

    def own(self) -> dict[str, str]:
        """Overrides what is set outside: no real key, and no real database, is ever used."""
        return {
            "DJANGO_SETTINGS_MODULE": "project.settings",
            "CSMS_DEMO_DIR": str(self.folder),
            "DATABASE_URL": f"sqlite:///{self.folder}/site.sqlite3",
            "REDIS_URL": self.redis_url,
            "CSMS_API_KEY": EXAMPLE_KEY,
            "CSMS_API_URL": f"{self.sandbox}sms_system/api.php",
            "CSMS_RATE_LIMITS": LIMITS,
            "CSMS_BATCH_SIZE": "100",
            "CSMS_CONCURRENCY": "4",
            "CSMS_TIMEOUT": "2.5,10",
            "CSMS_MIN_GAP": "",
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            "HTTPS": "0",
            "DEBUG": "0",
            "PYTHONUNBUFFERED": "1",
        }

    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.own()}

    def write_for_shells(self) -> Path:
        """A file to source, so that other commands work on the running demo."""
        path = self.folder / "env"
        lines = [
            f"export {name}={shlex.quote(value)}\n"
            for name, value in self.own().items()
        ]
        path.write_text("".join(lines))
        return path
