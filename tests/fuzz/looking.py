"""Mutants, one after the other, before the gateway's own decoders: what came of them, and what they took."""

import asyncio
import collections
import contextlib
from collections.abc import Awaitable, Callable, Iterable

import msgspec
import psutil

from gateway.domain.conversion import PDF
from gateway.domain.media_types import sniff
from gateway.errors import MediaLimit, MediaUnreadable, MediaUnsupported
from gateway.limits import MIB
from gateway.ports import MediaReader

#: Seconds after which a decoder is taken for hung.
_HUNG = 120.0
#: Pages of each that are rendered.
_PAGES = 2


class Verdict(msgspec.Struct, frozen=True):
    """How many ended in which way, by type and ending; and the most memory of children and of their parent, in MiB."""

    endings: dict[str, int]
    #: Of all children at once.
    children: float
    #: Of the process itself, above the beginning.
    growth: float


async def looked_at(
    mutants: Iterable[tuple[str, bytes]], reader: MediaReader, pids: Callable[[], Iterable[int]]
) -> Verdict:
    """What came of these; `pids` tells which children the reader has.

    Raises:
        Exception: any that is none of the refusals that there are.
        TimeoutError: one hung.
    """
    own = psutil.Process()
    before = own.memory_info().rss
    endings: collections.Counter[str] = collections.Counter()
    children = growth = 0.0
    for name, data in mutants:
        kind = name.partition("-")[0]
        endings.update([f"{kind} {ending}" for ending in await _endings(sniff(data) or _declared(kind), data, reader)])
        children = max(children, sum(map(_resident, pids())))
        growth = max(growth, own.memory_info().rss - before)
    return Verdict(dict(endings), children / MIB, growth / MIB)


def _declared(kind: str) -> str:
    return PDF if kind == "pdf" else f"image/{kind}"


async def _endings(kind: str, data: bytes, reader: MediaReader) -> list[str]:
    """What came of everything that a run may ask of a media."""
    async with reader.opened(data, kind) as media:
        endings = [await _ending(media.describe())]
        for page in range(_PAGES):
            endings += [await _ending(media.page(page)), await _ending(media.pixels("X", page))]
        return [*endings, await _ending(media.text([0]))]


async def _ending(work: Awaitable[object]) -> str:
    try:
        async with asyncio.timeout(_HUNG):
            await work
    except (MediaLimit, MediaUnreadable, MediaUnsupported) as refused:
        return refused.code
    return "read"


def _resident(pid: int) -> float:
    """Bytes that a process holds; none where it has just ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return float(psutil.Process(pid).memory_info().rss)
    return 0.0
