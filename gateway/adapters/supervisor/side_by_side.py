"""The processes of a gateway that serve side by side: started together, kept running, stopped together."""

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType

from gateway.adapters.supervisor.serving import HURRY, STOP, ServingProcess

#: Seconds that a process has beyond its drain, and after it was told to hurry, before it is killed.
GRACE_S = 10.0


class SideBySide:
    """Several processes that serve as one."""

    def __init__(
        self, processes: Sequence[ServingProcess], report: Callable[[str], None], drain: float, hurry: asyncio.Event
    ) -> None:
        self._processes = processes
        self._report = report
        #: Seconds that they may take to end what they have in hand, unless somebody is in a hurry.
        self._drain = drain
        self._hurry = hurry
        self._watches: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start them all, and wait until all are ready.

        Raises:
            CannotStart, OSError: one of them is not; then none is left.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for each in self._processes:
                    group.create_task(each.start())
        except ExceptionGroup as failed:
            await self._kill()
            raise failed.exceptions[0] from None
        except BaseException:
            await self._kill()
            raise
        self._watches = [asyncio.create_task(each.keep_running(self._report)) for each in self._processes]

    async def stop(self) -> None:
        """Tell all at once to end what they have in hand, and wait until none is left."""
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._watches, return_exceptions=True)
        self._tell(STOP)
        ended = asyncio.gather(*(each.wait() for each in self._processes))
        hurried = asyncio.create_task(self._hurry.wait())
        try:
            await asyncio.wait((ended, hurried), timeout=self._drain + GRACE_S, return_when=asyncio.FIRST_COMPLETED)
            self._tell(HURRY)
            await asyncio.wait((ended,), timeout=GRACE_S)
        finally:
            hurried.cancel()
            await self._kill()
            await ended

    def _tell(self, order: bytes) -> None:
        for each in self._processes:
            each.tell(order)

    async def _kill(self) -> None:
        await asyncio.gather(*(each.kill() for each in self._processes))

    async def __aenter__(self) -> "SideBySide":
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
