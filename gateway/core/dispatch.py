"""Sending the media of a run to Triton and making entries' contents of what comes back."""

import asyncio
import functools
from collections.abc import Mapping

import msgspec

from gateway import metrics, tracing
from gateway.core import inputs, results
from gateway.core.artifacts import Artifacts, parted
from gateway.core.converting import Converter, Places
from gateway.core.healing import Healing
from gateway.core.looking import Asked
from gateway.core.together import together
from gateway.domain.artifacts import Artifact
from gateway.domain.calls import Parameter
from gateway.domain.conversion import Conversion
from gateway.domain.media import Media
from gateway.domain.pipelines import Pipeline
from gateway.domain.runs import RunError
from gateway.domain.tensors import Value
from gateway.errors import (
    MediaRefused,
    MediaUnsupported,
    PipelineNotReady,
    RunTimeout,
    TritonFailed,
    WiringInvalid,
)
from gateway.limits import MAX_TENSOR_ELEMENTS
from gateway.ports import Dispatch, Inference, InferenceEngine


class Work(msgspec.Struct, frozen=True):
    """What a run asks of Triton: one inference per page of its media, or one where the pipeline takes none."""

    run_id: str
    pipeline: Pipeline
    media: tuple[Media, ...]
    named: tuple[Value, ...]
    parameters: Mapping[str, Parameter]
    #: One per inference; the engine fills them in.
    dispatches: list[Dispatch]
    conversion: Conversion = Conversion()
    #: What went wrong with pages of media of which others went well.
    errors: list[RunError] = []
    #: What was made beside the contents, by the place of the entry that names it.
    artifacts: dict[int, list[Artifact]] = {}
    #: Whether more than the record of the run is kept.
    keeps: bool = True

    @property
    def made(self) -> tuple[Artifact, ...]:
        """All artifacts, in the order of their entries."""
        return tuple(each for index in sorted(self.artifacts) for each in self.artifacts_of(index))

    def artifacts_of(self, index: int) -> list[Artifact]:
        """Those of one entry, page by page."""
        return sorted(self.artifacts.get(index, ()), key=lambda each: each.page or 0)


class Dispatcher:
    """Runs the inferences of one run, several at a time, within its deadline."""

    def __init__(self, engine: InferenceEngine, converter: Converter, healing: Healing, artifacts: Artifacts):
        self._engine = engine
        self._converter = converter
        self._healing = healing
        self._artifacts = artifacts

    async def contents(self, work: Work, seconds: float) -> list[bytes]:
        """The content of each entry, in call order.

        Raises:
            RunTimeout: the deadline passed.
            ModelDied: a model died and was not alive again within the deadline, or died of the second try, too.
            MediaRefused, TritonFailed, ...: the first inference that failed.
        """
        try:
            async with asyncio.timeout(seconds):
                return results.whole(await self._all(work))
        except TimeoutError:
            raise next(filter(None, (each.held_up for each in work.dispatches)), timed_out(seconds)) from None

    async def _all(self, work: Work) -> list[bytes]:
        places = self._converter.places()
        if len(work.media) < 2:
            return [await self._one(work, 0, work.media[0] if work.media else None, places)]
        return await together(self._one(work, index, media, places) for index, media in enumerate(work.media))

    async def _one(self, work: Work, index: int, media: Media | None, places: Places) -> bytes:
        """The content of the entry of one media."""
        try:
            asked = None if media is None else Asked(work.pipeline, work.conversion, media, work.named)
            if asked is not None and asked.needs_a_look():
                infer = functools.partial(self._infer, work, index)
                content, errors = await self._converter.entry(asked, infer, places)
                work.errors.extend(msgspec.structs.replace(each, field=f"media[{index}]") for each in errors)
                return content
            async with places.inferences:
                return await self._infer(work, index, _as_it_came(work, media))
        except (MediaRefused, MediaUnsupported) as error:
            error.field = f"media[{index}]"
            raise

    async def _infer(self, work: Work, index: int, values: tuple[Value, ...], page: int | None = None) -> bytes:
        """What Triton says of one media, or one page of it."""
        dispatch = Dispatch()
        work.dispatches.append(dispatch)
        metrics.INFERENCES.inc()
        try:
            request = Inference(work.pipeline.pipeline_id, values, _name(work, index, page), work.parameters)
            with tracing.span("inference", tracing.CLIENT, pipeline=request.model, media=index):
                answer = await self._answer(work.pipeline, request, dispatch)
            return await self._content(work, index, answer, None if page is None else page + 1)
        except MediaRefused as error:
            if error.step is not None and error.step not in work.pipeline.models:
                # Not one of our steps' refusals, whatever it looks like.
                raise TritonFailed from error
            raise
        finally:
            metrics.INFERENCES.dec()
            metrics.QUEUE.observe(dispatch.waited)
            metrics.TRITON.observe(dispatch.computed)

    async def _content(self, work: Work, index: int, answer: list[Value], page: int | None = None) -> bytes:
        """What stands in the entry, but for its artifacts, which are stored."""
        aside, rest = parted(work.pipeline, answer)
        if not aside:
            return results.content(work.pipeline, answer)
        if not work.keeps:
            raise WiringInvalid(
                f"An output is no part of an observation, or has more than {MAX_TENSOR_ELEMENTS} "
                "elements: a transient call cannot keep it.",
                field=aside[0].name,
            )
        content = results.content(work.pipeline, rest) if rest else b"{}"
        made = await self._artifacts.stored(work.pipeline, work.run_id, aside, content, page)
        work.artifacts.setdefault(index, []).extend(made)
        return content

    async def _answer(self, pipeline: Pipeline, request: Inference, dispatch: Dispatch) -> list[Value]:
        """Triton's answer; where a model died meanwhile, that of a second try after its healing."""
        begun = self._healing.clock()
        try:
            async with self._healing.told(pipeline.models):
                return await self._vouched(pipeline, request, dispatch)
        except PipelineNotReady as error:
            dispatch.held_up = error
            await self._healing.mend(error, pipeline.models, begun)
            dispatch.held_up = None
        except TimeoutError:
            # A model was healed, and this may stand in the queue of the one that died.
            pass
        return await self._vouched(pipeline, request, dispatch)

    async def _vouched(self, pipeline: Pipeline, request: Inference, dispatch: Dispatch) -> list[Value]:
        """An answer that is certainly the one to this request."""
        answer = await self._engine.infer(request, dispatch)
        await self._healing.vouch(pipeline.models)
        return answer


def timed_out(seconds: float) -> RunTimeout:
    """The error of a run that had this long."""
    return RunTimeout(f"The run did not end within its deadline of {seconds:.3g} s.")


def _as_it_came(work: Work, media: Media | None) -> tuple[Value, ...]:
    entry = work.pipeline.media_input
    if media is None or entry is None:
        return work.named
    return (inputs.encoded_value(entry, media.data), *work.named)


def _name(work: Work, index: int, page: int | None) -> str:
    """The ID of a request to Triton, by which its answer is known again."""
    name = f"{work.run_id}-{index}" if index or page is not None else work.run_id
    return name if page is None else f"{name}-{page}"
