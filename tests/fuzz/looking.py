"""Mutants, one after the other, before the gateway's own decoder: what came of them, and what they took."""

import asyncio
import collections
from collections.abc import Iterable

import msgspec
import psutil

from gateway.errors import MediaLimit, MediaUnreadable, MediaUnsupported
from gateway.limits import MIB
from gateway.ports import ImageDecoder

#: Seconds after which a decoder is taken for hung.
_HUNG = 60.0


class Verdict(msgspec.Struct, frozen=True):
    """How many ended in which way, by type and ending; and the most memory above the beginning, in MiB."""

    endings: dict[str, int]
    peak: float


async def looked_at(mutants: Iterable[tuple[str, bytes]], images: ImageDecoder) -> Verdict:
    """What came of these.

    Raises:
        Exception: any that is none of the refusals that there are.
        TimeoutError: one hung.
    """
    before = _resident()
    endings: collections.Counter[str] = collections.Counter()
    peak = before
    for name, data in mutants:
        endings[f"{name.partition('-')[0]} {await _ending(data, images)}"] += 1
        peak = max(peak, _resident())
    return Verdict(dict(endings), (peak - before) / MIB)


async def _ending(data: bytes, images: ImageDecoder) -> str:
    try:
        async with asyncio.timeout(_HUNG):
            pixels = await images.decode("X", data)
    except (MediaLimit, MediaUnreadable, MediaUnsupported) as refused:
        return refused.code
    assert pixels.size == pixels.elements
    return "read"


def _resident() -> float:
    """Bytes that this process and its children hold."""
    own = psutil.Process()
    total = float(own.memory_info().rss)
    for child in own.children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total
