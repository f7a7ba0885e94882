"""A SECRET_KEY for a site that was given none: made once, kept in a file that only we can read."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from django.core.management.utils import get_random_secret_key


def kept_in(folder: Path) -> str:
    path = folder / "secret-key"
    if not path.exists():
        _make(path)
    return path.read_text()


def _make(path: Path) -> None:
    # Linked into place when it is whole: two processes may start at once, and the first one wins.
    handle, draft = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(get_random_secret_key())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)
