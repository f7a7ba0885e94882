from __future__ import annotations

import pytest

from csms_campaigns.sms.storing import storable


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", ""),
        ("STOP\n", "STOP\n"),
        ("أوقف\u200f", "أوقف\u200f"),
        ("a\0b\0", "ab"),
        ("\ud83d\ude00", "\U0001f600"),
        ("a\udcff", "a\ufffd"),
        ("\ufeffa", "\ufeffa"),
        ("\U0001f600\ud83d", "\U0001f600\ufffd"),
    ],
)
def test_what_is_kept_of_a_text(text: str, kept: str) -> None:
    assert storable(text) == kept
    kept.encode()
