"""The synchronous part of the bench: all contenders started, measured and stopped."""

import contextlib
from typing import Final

import msgspec

from bench.contenders import Contender, Gateway, Handwritten, Site, checked, direct
from bench.figures import Figures, figures
from bench.ground import MEDIA
from bench.load import Load
from bench.progress import Progress
from bench.ratios import Ratio, ratios
from bench.records import create_database
from bench.rounds import Rounds

CONTENDERS: Final = 5


class Synchronous(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The synchronous part of a result."""

    seconds: float
    rounds: int
    connections: int
    figures: list[Figures]
    ratios: list[Ratio]

    @property
    def conditions(self) -> str:
        """How it was measured, in one line."""
        each = f"{self.rounds} interleaved rounds of {self.seconds:g} s each"
        return f"executeSync, {self.connections} connections, {each}."


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured."""

    seconds: float
    rounds: int
    connections: int
    warm_up: float


async def measured(site: Site, size: Size, progress: Progress) -> Synchronous:
    """The figures of executeSync.

    Raises:
        BenchFailed: a service did not start, a request failed, or a record is missing.
    """
    async with contextlib.AsyncExitStack() as cleanup:
        contenders = await _started(site, cleanup, progress)
        rounds = Rounds(contenders, Load(site.work, size.connections), progress)
        counted = await rounds.run(size.rounds, size.seconds, size.warm_up)
    found = {each.name: figures(each.name, counted) for each in contenders}
    return Synchronous(
        seconds=size.seconds,
        rounds=size.rounds,
        connections=size.connections,
        figures=list(found.values()),
        ratios=ratios(found),
    )


async def _started(site: Site, cleanup: contextlib.AsyncExitStack, progress: Progress) -> list[Contender]:
    """All contenders, running, each seen to answer rightly."""
    assert site.endpoints.database_url is not None
    media = MEDIA.read_bytes()
    contenders = direct(site.endpoints, media)
    for kind, name in ((Gateway, "bench_gateway"), (Handwritten, "bench_handwritten")):
        service = kind.plan(site, await create_database(site.endpoints.database_url, name))
        cleanup.push_async_callback(service.server.stop)
        await service.start()
        contenders += service.contenders(media)
    progress.line("all contenders run; each is asked once")
    return await checked(contenders)
