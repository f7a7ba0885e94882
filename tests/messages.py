"""Are the compiled translations those of the texts beside them? `python -m tests.messages`."""

from __future__ import annotations

import gettext
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def catalog(path: Path) -> dict[object, object]:
    # Compared by content: other versions of gettext lay the same texts out in another way.
    with path.open("rb") as file:
        return dict(gettext.GNUTranslations(file)._catalog)  # type: ignore[attr-defined]


def problems() -> Iterator[str]:
    for source in sorted(ROOT.glob("*/locale/*/LC_MESSAGES/django.po")):
        name, compiled = source.relative_to(ROOT), source.with_suffix(".mo")
        with tempfile.TemporaryDirectory() as folder:
            fresh = Path(folder, "fresh.mo")
            command = ["msgfmt", "--check", "-o", str(fresh), str(source)]
            if subprocess.run(command, check=False).returncode:
                yield f"{name} has errors."
            elif not compiled.exists() or catalog(fresh) != catalog(compiled):
                yield f"{name} has changed since it was compiled: run make messages."


def main() -> str | None:
    if shutil.which("msgfmt") is None:
        return "Install gettext: its program msgfmt is needed."
    return "\n".join(problems()) or None


if __name__ == "__main__":
    sys.exit(main())
