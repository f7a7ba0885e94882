"""What strangers write and no database keeps: a NUL, half of a surrogate pair. One such
character would undo all that is written with it."""

from __future__ import annotations


def storable(text: str) -> str:
    """Without NUL; pairs are joined, and half of one becomes U+FFFD."""
    if text.isprintable():
        return text
    without = text.replace("\0", "")
    return without.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
