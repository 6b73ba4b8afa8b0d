"""What both kinds of run need before they begin: the pipeline, the media, and an execution to add to."""

from datetime import datetime

import msgspec

from gateway.core import inputs
from gateway.core.gathering import Gathering
from gateway.core.pipelines import Pipelines
from gateway.core.rates import Rates
from gateway.core.telling import Telling
from gateway.domain.access import Caller
from gateway.domain.audience import NOBODY, Audience
from gateway.domain.calls import Call
from gateway.domain.executions import NewExecution
from gateway.domain.ids import known_form, new_id
from gateway.domain.media import Brought, Media, MediaRecord, nth
from gateway.domain.pipelines import InputRole, Pipeline
from gateway.domain.runs import Run, RunState
from gateway.domain.tensors import Value
from gateway.errors import InvalidInput, MediaNotFound
from gateway.limits import MAX_MEDIA_PER_CALL
from gateway.ports import ExecutionStore


class Admitted(msgspec.Struct, frozen=True, kw_only=True):
    """A call that may run."""

    call: Call
    #: Whose executions are in sight of the caller; None is every one's.
    sees: str | None
    pipeline: Pipeline
    run: Run
    #: The execution it brings about; None where there was one before.
    new: NewExecution | None
    #: The media it brought, the text among them where the pipeline takes no text by name.
    media: tuple[Media, ...]
    #: The stored media it runs on, where it brought none.
    stored: tuple[MediaRecord, ...]
    #: Plain values of the pipeline's named inputs.
    inputs: dict[str, object]
    #: The same as tensors.
    named: tuple[Value, ...]
    #: Who is to be told of it.
    audience: Audience = NOBODY


class Gatekeeper:
    """Turns calls away, or lets them run."""

    def __init__(
        self, pipelines: Pipelines, executions: ExecutionStore, telling: Telling, rates: Rates, gathering: Gathering
    ):
        self._pipelines = pipelines
        self._rates = rates
        self._executions = executions
        self._telling = telling
        self._gathering = gathering

    async def admit(self, caller: Caller, call: Call, at: datetime, state: RunState) -> Admitted:
        """The call with all it needs; what it only names is fetched when nothing else speaks against it.

        Raises:
            PipelineNotFound, PipelineNotReady, ExecutionNotFound, MediaNotFound, FileNotFound, InvalidInput,
            TargetForbidden, UrlForbidden, UrlFailed, TooLarge, RateLimited: it may not run.
        """
        call.check()
        pipeline = await self._pipelines.runnable(call.pipeline_id)
        _check_kept(pipeline, call)
        stored = await self._stored(caller.sees, call)
        brought, given = _placed(pipeline, call)
        _check_conversion(pipeline, call)
        pipeline.check_inputs(given, len(brought) or len(stored), _read(pipeline, call, given))
        named = inputs.named_values(pipeline, given)
        audience = await self._telling.audience(caller.sees, call)
        await self._rates.of_pipeline(caller, pipeline)
        media = await self._gathering.gathered(caller.sees, call, brought)
        new = _new_execution(caller.owner, call, at) if call.execution_id is None else None
        execution_id = call.execution_id if new is None else new.execution_id
        assert execution_id is not None
        run = _run(pipeline, call, execution_id, at, state, len(media) or len(stored))
        return Admitted(
            call=call,
            sees=caller.sees,
            pipeline=pipeline,
            run=run,
            new=new,
            media=media,
            stored=stored,
            inputs=given,
            named=named,
            audience=audience,
        )

    async def _stored(self, sees: str | None, call: Call) -> tuple[MediaRecord, ...]:
        """The stored media a call means: those it names, or all, where it brings neither media nor text."""
        if call.execution_id is None:
            return ()
        if call.media or (call.text is not None and call.media_ids is None):
            await self._executions.get(sees, known_form(call.execution_id))
            return ()
        records = await self._executions.media(sees, known_form(call.execution_id))
        if call.media_ids is None:
            return _few_enough(tuple(records))
        by_id = {each.media_id: each for each in records}
        return tuple(_named(by_id, media_id, index) for index, media_id in enumerate(call.media_ids))


def _check_kept(pipeline: Pipeline, call: Call) -> None:
    """Refuse a call of which nothing is kept where what is made can only be fetched later."""
    if call.transient and pipeline.artifact_outputs:
        raise InvalidInput(
            "The pipeline makes artifacts, which are fetched by their ID; a transient call keeps none.",
            field="transient",
        )


def _few_enough(records: tuple[MediaRecord, ...]) -> tuple[MediaRecord, ...]:
    if len(records) > MAX_MEDIA_PER_CALL:
        raise InvalidInput(
            f"The execution has more media than the {MAX_MEDIA_PER_CALL} that a call takes: name some.",
            field="mediaIds",
        )
    return records


def _named(records: dict[str, MediaRecord], media_id: str, index: int) -> MediaRecord:
    if media_id not in records:
        raise MediaNotFound(field=f"mediaIds[{index}]")
    return records[media_id]


def _placed(pipeline: Pipeline, call: Call) -> tuple[tuple[Brought, ...], dict[str, object]]:
    """Media and named inputs, with the text and the seed where the pipeline has a place for them."""
    given = dict(call.inputs)
    media = call.media
    if call.text is not None:
        place = pipeline.free_text_input(given)
        if place is not None:
            given[place] = call.text
        elif pipeline.media_input is not None and pipeline.media_input.role is InputRole.MEDIA:
            media = (*media, Media(nth(len(media)), call.text.encode()))
        else:
            raise InvalidInput("The pipeline takes no text.", field="text")
    if call.seed_json is not None:
        place = _free(pipeline, InputRole.JSON, given)
        if place is not None:
            given[place] = msgspec.json.decode(call.seed_json)
    return media, given


def _free(pipeline: Pipeline, role: InputRole, given: dict[str, object]) -> str | None:
    named = pipeline.named_inputs.values()
    return next((each.name for each in named if each.role is role and each.name not in given), None)


def _read(pipeline: Pipeline, call: Call, given: dict[str, object]) -> str | None:
    """The input that gets the text of the media."""
    return pipeline.free_text_input(given) if call.simple_text else None


def _check_conversion(pipeline: Pipeline, call: Call) -> None:
    """Refuse a page range where nobody would look into the media.

    Raises:
        InvalidInput: there is one.
    """
    if call.simple_text or pipeline.takes_pictures(asked=call.image_conversion):
        return
    if call.page_range is not None or any(each.pages is not None for each in call.media):
        raise InvalidInput("The pipeline takes media whole: set tryImageConversion beside it.", field="pageRange")


def _new_execution(owner: str, call: Call, at: datetime) -> NewExecution:
    kept = not call.transient
    return NewExecution(
        execution_id=new_id(),
        created_at=at,
        tag=call.tag if kept else None,
        meta_data=call.meta_data if kept else None,
        transient=call.transient,
        ttl=call.ttl,
        hook_ids=call.hook_ids if kept else (),
        owner=owner,
    )


def _run(pipeline: Pipeline, call: Call, execution_id: str, at: datetime, state: RunState, media_count: int) -> Run:
    return Run(
        run_id=new_id(),
        execution_id=execution_id,
        pipeline_id=pipeline.pipeline_id,
        pipeline_version=pipeline.version,
        state=state,
        attempt=0 if state is RunState.QUEUED else 1,
        media_count=media_count,
        created_at=at,
        started_at=None if state is RunState.QUEUED else at,
        priority=call.priority,
        execute_after=call.execute_after,
    )
