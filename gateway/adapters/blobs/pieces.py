"""Bytes that come in pieces of any size, in pieces of about one size."""

from collections.abc import AsyncIterator

from gateway.limits import BLOB_PIECE_BYTES


async def gathered(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes, in pieces that are worth a write."""
    waiting, size = [], 0
    async for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= BLOB_PIECE_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)
