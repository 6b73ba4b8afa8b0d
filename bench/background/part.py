"""The background's part of the bench: both services started, measured and stopped."""

import contextlib
from typing import Final

from bench.background.contenders import gateway, handwritten
from bench.background.figures import Background, background
from bench.background.rounds import Rounds, Size
from bench.contenders import Site
from bench.ground import MEDIA
from bench.progress import Progress
from bench.records import create_database

CONTENDERS: Final = 2


async def measured(site: Site, size: Size, rounds: int, progress: Progress) -> Background:
    """The figures of the background.

    Raises:
        BenchFailed: a service did not start, or a run was refused, lost, failed, or appended twice.
    """
    assert site.endpoints.database_url is not None
    async with contextlib.AsyncExitStack() as cleanup:
        contenders = []
        for plan, name in ((gateway, "bench_background"), (handwritten, "bench_handwritten_background")):
            contender = plan(site, await create_database(site.endpoints.database_url, name))
            cleanup.push_async_callback(contender.server.stop)
            await contender.start()
            contenders.append(contender)
        progress.line("both services for the background run")
        found = await Rounds(contenders, MEDIA.read_bytes(), size, progress).run(rounds)
    return background(size, rounds, found)
