"""The children that evaluate transforms: started at first use, kept warm, killed at their limit and replaced."""

import asyncio
import logging
from typing import Final

from gateway import metrics
from gateway.adapters.jsonata.child import Child, ChildGone
from gateway.adapters.jsonata.frames import Outcome, Refusal, refusal
from gateway.adapters.jsonata.sentences import invalid, past_limit
from gateway.errors import Draining, Internal, TransformInvalid, TransformLimit
from gateway.limits import (
    MAX_TRANSFORM_BYTES,
    MAX_TRANSFORM_CHARACTERS,
    TRANSFORM_CHILDREN,
    TRANSFORM_MEMORY,
    TRANSFORM_TIMEOUT,
)

log: Final = logging.getLogger(__name__)


class TransformPool:
    """A `Transformer` on spawned children; calls past their number wait in the order they came."""

    def __init__(
        self,
        *,
        children: int = TRANSFORM_CHILDREN,
        memory: int = TRANSFORM_MEMORY,
        timeout: float = TRANSFORM_TIMEOUT,
        max_result: int = MAX_TRANSFORM_BYTES,
    ):
        self._memory, self._timeout, self._max_result = memory, timeout, max_result
        #: The places that are free; last in, first out, so that a warm child is found before an empty place.
        self._free: asyncio.LifoQueue[Child | None] = asyncio.LifoQueue()
        for _ in range(children):
            self._free.put_nowait(None)
        self._children: set[Child] = set()
        self._replacing: set[asyncio.Task[None]] = set()
        self._closed = False

    async def transform(self, expression: str, document: bytes) -> bytes | None:
        """See `Transformer.transform`."""
        encoded = _encoded(expression)
        child = await self._take()
        try:
            async with asyncio.timeout(self._timeout):
                outcome, payload = await child.ask(encoded, document)
        except TimeoutError:
            metrics.OUT_OF_TIME.inc()
            raise TransformLimit(past_limit(Refusal("time"))) from None
        except ChildGone:
            self._refuse_when_closed()
            metrics.OUT_OF_MEMORY.inc()
            raise TransformLimit(past_limit(Refusal("memory"))) from None
        finally:
            self._give_back(child)
        return _result(outcome, payload)

    async def close(self) -> None:
        """See `Transformer.close`; calls in hand end with `Draining`."""
        self._closed = True
        for task in self._replacing:
            task.cancel()
        await asyncio.gather(*self._replacing, return_exceptions=True)
        await asyncio.gather(*map(self._bury, list(self._children)))

    def pids(self) -> set[int]:
        """The process numbers of the children there are."""
        return {child.pid for child in self._children}

    async def _take(self) -> Child:
        child = await self._free.get()
        if child is not None and child.usable and not self._closed:
            return child
        try:
            self._refuse_when_closed()
            if child is not None:
                await self._bury(child)
            return await self._start()
        except BaseException:
            self._free.put_nowait(None)
            raise

    async def _start(self) -> Child:
        try:
            child = await Child.start(self._memory, self._max_result)
        except (ChildGone, OSError) as failure:
            log.exception("transform.child_not_started")
            raise Internal from failure
        self._children.add(child)
        metrics.TRANSFORM_CHILDREN.inc()
        if self._closed:
            await self._bury(child)
            raise Draining
        return child

    def _give_back(self, child: Child) -> None:
        if child.usable or self._closed:
            self._free.put_nowait(child)
            return
        child.kill()
        task = asyncio.create_task(self._replace(child))
        self._replacing.add(task)
        task.add_done_callback(self._replacing.discard)

    async def _replace(self, child: Child) -> None:
        fresh = None
        try:
            fresh = await self._start()
        except Internal:
            pass  # it is logged; who takes the empty place tries again
        finally:
            self._free.put_nowait(fresh)
        await self._bury(child)

    async def _bury(self, child: Child) -> None:
        await child.end()
        if child in self._children:
            self._children.remove(child)
            metrics.TRANSFORM_CHILDREN.dec()

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise Draining


def _encoded(expression: str) -> bytes:
    if len(expression) > MAX_TRANSFORM_CHARACTERS:
        raise TransformInvalid(f"The transform has more than {MAX_TRANSFORM_CHARACTERS} characters.")
    try:
        return expression.encode()
    except UnicodeEncodeError as failure:
        raise TransformInvalid(invalid(Refusal("surrogate", failure.start))) from None


def _result(outcome: Outcome, payload: bytes) -> bytes | None:
    if outcome is Outcome.INVALID:
        raise TransformInvalid(invalid(refusal(payload)))
    if outcome is Outcome.LIMIT:
        raise TransformLimit(past_limit(refusal(payload)))
    return payload if outcome is Outcome.RESULT else None
