"""Files in pieces, as binary rows of the database: every machine can read them, no web server
hands them out, and they go with the import."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final, cast

from csms_campaigns.contacts_io.rows import alias, rows
from csms_campaigns.models import ImportChunk
from csms_campaigns.states import ChunkKind

SIZE: Final = 512 * 1024


def write_file(import_id: int, stream: BinaryIO) -> int:
    """From where the stream stands; how many bytes it held."""
    size = number = 0
    while data := stream.read(SIZE):
        write(import_id, ChunkKind.FILE, number, data)
        size, number = size + len(data), number + 1
    return size


def write(import_id: int, kind: ChunkKind, number: int, data: bytes) -> None:
    rows(ImportChunk).create(
        contact_import_id=import_id, kind=kind, number=number, data=data
    )


def read(import_id: int, kind: ChunkKind) -> Iterator[bytes]:
    """One piece in memory at a time."""
    chunks = rows(ImportChunk).filter(contact_import=import_id, kind=kind)
    for number in chunks.order_by("number").values_list("number", flat=True):
        yield bytes(chunks.values_list("data", flat=True).get(number=number))


def remove(import_id: int, kinds: Iterable[ChunkKind]) -> None:
    chosen = rows(ImportChunk).filter(contact_import=import_id, kind__in=list(kinds))
    # Not `delete`, which would load the data where a site listens to its signals.
    chosen._raw_delete(alias())


@contextmanager
def opened(import_id: int) -> Iterator[BinaryIO]:
    """The uploaded file as a local one, which deletes itself."""
    with tempfile.TemporaryFile() as copy:
        for data in read(import_id, ChunkKind.FILE):
            copy.write(data)
        copy.seek(0)
        yield cast(BinaryIO, copy)
