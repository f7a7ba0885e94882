"""Files for the tests of import and export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

FileMaker = Callable[..., Path]


@pytest.fixture
def csv_file(tmp_path: Path) -> FileMaker:
    """`csv_file(text_or_bytes, encoding="utf-8", name="people.csv")` writes it as it is."""

    def make(
        content: str | bytes, encoding: str = "utf-8", name: str = "people.csv"
    ) -> Path:
        path = tmp_path / name
        data = content.encode(encoding) if isinstance(content, str) else content
        path.write_bytes(data)
        return path

    return make
