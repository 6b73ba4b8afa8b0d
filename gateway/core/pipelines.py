"""The pipelines there are: discovered from Triton, and never forgotten once seen."""

import asyncio
import logging
import time
from collections.abc import Iterable

import msgspec

from gateway.domain.access import Caller
from gateway.domain.pipelines import Pipeline, PipelineStatus
from gateway.errors import (
    InvalidInput,
    PipelineNotFound,
    PipelineNotReady,
    RuntimeUnsupported,
    StorageUnavailable,
    TritonUnavailable,
)
from gateway.limits import DISCOVERY_FRESHNESS, DISCOVERY_INTERVAL
from gateway.ports import PipelineSource, PipelineStore

log = logging.getLogger(__name__)


class Pipelines:
    """Knows every pipeline; `watch` keeps the knowledge fresh."""

    def __init__(self, source: PipelineSource, store: PipelineStore):
        self._source = source
        self._store = store
        self._known: dict[str, Pipeline] = {}
        #: Models that Triton lists but hides, so that nobody can say yet whether they are pipelines.
        self._hidden: frozenset[str] = frozenset()
        #: Seen, but not yet kept: the store did not answer.
        self._unsaved: dict[str, Pipeline] = {}
        #: As the store has them, or will have them soon.
        self._kept: dict[str, Pipeline] = {}
        #: Those that Triton has no more, and those of them that the store does not know to be gone.
        self._gone: frozenset[str] = frozenset()
        self._untold: frozenset[str] = frozenset()
        self._reachable = False
        self._looked_at = float("-inf")
        self._look = asyncio.Lock()
        self._wake = asyncio.Event()

    async def recall(self) -> None:
        """Take up what earlier processes have seen; all of it is unavailable until Triton says otherwise."""
        self._kept = {each.pipeline_id: each for each in await self._store.load()}
        self._known |= {name: _unreachable(each) for name, each in self._kept.items()}
        self._gone = await self._store.gone()

    async def watch(self) -> None:
        """Look at Triton's models again and again, at once when `suspect` was called; ends when cancelled."""
        while True:
            try:
                await self.refresh()
            except Exception:
                log.exception("pipelines.refresh_failed")
            try:
                await asyncio.wait_for(self._wake.wait(), DISCOVERY_INTERVAL)
            except TimeoutError:
                continue

    def suspect(self) -> None:
        """Have `watch` look again soon: an inference met a state that the last look did not show."""
        self._wake.set()

    async def refresh(self, unless_within: float = 0.0) -> None:
        """Look at Triton's models now, unless somebody did so within the last seconds."""
        async with self._look:
            if time.monotonic() - self._looked_at < unless_within:
                return
            self._wake.clear()
            try:
                discovery = await self._source.discover(self._known)
            except TritonUnavailable:
                self._lose_sight()
            else:
                await self._take_in(discovery.pipelines, discovery.hidden)
            finally:
                self._looked_at = time.monotonic()

    def _lose_sight(self) -> None:
        if self._reachable:
            log.warning("triton.unreachable")
        self._reachable = False
        self._known = {name: _unreachable(each) for name, each in self._known.items()}

    async def _take_in(self, seen: Iterable[Pipeline], hidden: frozenset[str]) -> None:
        if not self._reachable:
            log.info("triton.reachable")
        self._reachable = True
        self._hidden = hidden
        now = {each.pipeline_id: each for each in seen}
        gone = {name: _missing(each) for name, each in self._known.items() if name not in now}
        self._known = now | gone
        news = [each for each in now.values() if self._is_news(each)]
        for each in news:
            log.info("pipeline.discovered", extra={"pipeline_id": each.pipeline_id, "status": each.status})
        # One that Triton lists but does not show is still there.
        lost = frozenset(gone) - hidden
        self._untold = (self._untold | lost - self._gone) & lost
        self._gone = lost
        self._unsaved |= {each.pipeline_id: each for each in news}
        self._kept |= self._unsaved
        await self._keep()

    def _is_news(self, seen: Pipeline) -> bool:
        """Whether the store is to hear of it; what is known of the config of one that is not ready may not be all."""
        kept = self._kept.get(seen.pipeline_id)
        if kept is None or seen.pipeline_id in self._gone:
            return True
        return seen.status is PipelineStatus.READY and kept.config != seen.config

    async def _keep(self) -> None:
        """Have the store remember what is new; what it does not take now is offered again at the next look."""
        if not self._unsaved and not self._untold:
            return
        try:
            await self._store.save(list(self._unsaved.values()), sorted(self._untold))
        except StorageUnavailable:
            log.warning("pipelines.not_kept", extra={"count": len(self._unsaved) + len(self._untold)})
        else:
            self._unsaved, self._untold = {}, frozenset()

    def names(self) -> list[str]:
        """The name of every pipeline, in order."""
        return sorted(self._known)

    def list(self, caller: Caller) -> list[Pipeline]:
        """Every pipeline that the caller may use, by name."""
        return [self._known[name] for name in self.names() if caller.may_use(name)]

    async def get(self, caller: Caller, pipeline_id: str) -> Pipeline:
        """One pipeline, whatever its status.

        Raises:
            Forbidden: the caller may not use it.
            PipelineNotFound: Triton never had it.
            PipelineNotReady: Triton lists a model of this name but does not show it.
            TritonUnavailable: nobody knows it, and Triton cannot be asked.
        """
        caller.check_pipeline(pipeline_id)
        return await self._found(pipeline_id)

    async def _found(self, pipeline_id: str) -> Pipeline:
        known = self._known.get(pipeline_id)
        if known is None:
            await self.refresh(unless_within=DISCOVERY_FRESHNESS)
            known = self._known.get(pipeline_id)
        if known is not None:
            return known
        if not self._reachable:
            raise TritonUnavailable
        raise PipelineNotReady if pipeline_id in self._hidden else PipelineNotFound

    async def runnable(self, pipeline_id: str) -> Pipeline:
        """One pipeline that can be run now.

        Raises:
            PipelineNotFound, PipelineNotReady, TritonUnavailable: as `get`, and for its status.
            RuntimeUnsupported: its ensemble answers in many parts.
        """
        pipeline = self._known.get(pipeline_id) or await self._found(pipeline_id)
        if pipeline.decoupled:
            raise RuntimeUnsupported("The ensemble is decoupled: it answers in many parts, which cannot be run yet.")
        if pipeline.status is PipelineStatus.READY:
            return pipeline
        raise PipelineNotReady if self._reachable else TritonUnavailable

    def can_run(self, pipeline_id: str) -> bool:
        """Whether a pipeline can be run now, as far as the last look tells."""
        known = self._known.get(pipeline_id)
        return known is not None and known.status is PipelineStatus.READY

    async def transform(self, caller: Caller, pipeline_id: str, asked: str | None) -> str:
        """The transform that a call means: its own, else the pipeline's.

        Raises:
            PipelineNotFound, PipelineNotReady, TritonUnavailable: as `get`.
            InvalidInput: there is neither.
        """
        expression = asked if asked is not None else (await self.get(caller, pipeline_id)).transform
        if not expression:
            raise InvalidInput("The call names no transform, and the pipeline has none.", field="transform")
        return expression

    def concurrency(self, pipeline_id: str) -> int | None:
        """How many calls of it may be in hand at once; None where nobody knows it or its config does not say."""
        known = self._known.get(pipeline_id)
        return known.concurrency if known is not None else None

    async def ready(self) -> bool:
        """Whether Triton answers."""
        return await self._source.ready()


def _unreachable(pipeline: Pipeline) -> Pipeline:
    return msgspec.structs.replace(pipeline, status=PipelineStatus.UNAVAILABLE, reason="Triton is not reachable")


def _missing(pipeline: Pipeline) -> Pipeline:
    return msgspec.structs.replace(pipeline, status=PipelineStatus.UNAVAILABLE, reason="Triton has it no more")
