"""The JSON of the REST door: what comes in and what goes out."""

from typing import Any, Final

import msgspec

from gateway.domain.calls import Call
from gateway.domain.executions import Execution
from gateway.domain.ids import rfc3339
from gateway.domain.media import given
from gateway.domain.pipelines import Definition, Input, Output, Pipeline, PipelineStatus
from gateway.domain.runs import Run, RunError, RunState, Timings
from gateway.errors import InvalidInput
from gateway.limits import MAX_MEDIA_PER_CALL, MAX_META_DATA_BYTES, MAX_SYNC_TIMEOUT, MAX_TAG_CHARACTERS
from gateway.wire.json import decode
from gateway.wire.media import decode_media


class ExecuteBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The body of every execute call; null is absent."""

    media: list[str] | None = None
    inputs: dict[str, Any] | None = None
    tag: str | None = None
    meta_data: dict[str, msgspec.Raw] | None = None
    timeout: float | None = None


_execute_body: Final = msgspec.json.Decoder(ExecuteBody)


def call(pipeline_id: str, body: bytes | bytearray, default_timeout: float) -> Call:
    """The call that a body asks for.

    Raises:
        Malformed, InvalidInput: it is not one.
    """
    asked = decode(body, _execute_body)
    return checked_call(
        pipeline_id,
        [decode_media(text, f"media[{index}]") for index, text in enumerate(checked_media(asked.media or []))],
        inputs={name: value for name, value in (asked.inputs or {}).items() if value is not None},
        tag=asked.tag,
        meta_data=None if asked.meta_data is None else _utf8(msgspec.json.encode(asked.meta_data), "metaData"),
        timeout=default_timeout if asked.timeout is None else asked.timeout,
    )


def _utf8(raw: bytes, field: str) -> bytes:
    # msgspec does not look into the strings of what it keeps raw.
    try:
        raw.decode()
    except UnicodeDecodeError:
        raise InvalidInput("The field is not UTF-8.", field=field) from None
    return raw


def checked_media(media: list[Any]) -> list[Any]:
    """`media`, unless there are too many.

    Raises:
        InvalidInput: there are.
    """
    if len(media) > MAX_MEDIA_PER_CALL:
        raise InvalidInput(f"A call takes at most {MAX_MEDIA_PER_CALL} media.", field="media")
    return media


def checked_call(
    pipeline_id: str,
    media: list[bytes],
    *,
    inputs: dict[str, object],
    tag: str | None,
    meta_data: bytes | None,
    timeout: float,
) -> Call:
    """A call whose plain fields are within their limits; both doors end here.

    Raises:
        InvalidInput: one is not.
    """
    if tag is not None and (len(tag) > MAX_TAG_CHARACTERS or "\0" in tag):
        raise InvalidInput(f"The tag is longer than {MAX_TAG_CHARACTERS} characters, or holds NUL.", field="tag")
    if meta_data is not None and len(meta_data) > MAX_META_DATA_BYTES:
        raise InvalidInput(f"The metadata is larger than {MAX_META_DATA_BYTES} bytes.", field="metaData")
    if not 0 < timeout <= MAX_SYNC_TIMEOUT:
        raise InvalidInput(f"The timeout is not between 0 and {MAX_SYNC_TIMEOUT:g} seconds.", field="timeout")
    return Call(
        pipeline_id=pipeline_id,
        media=given(media),
        inputs=inputs,
        tag=tag,
        meta_data=meta_data,
        timeout=timeout,
    )


class PipelineView(msgspec.Struct, rename="camel", omit_defaults=True):
    """A pipeline as the wire shows it."""

    pipeline_id: str
    name: str
    status: PipelineStatus
    version: int | None
    inputs: tuple[Input, ...] | None
    outputs: tuple[Output, ...] | None
    model_versions: dict[str, str] | None
    description: str = ""
    tag: str = ""
    reason: str = ""


class PipelineDetail(msgspec.Struct, rename="camel"):
    """A pipeline with its graph, in the shape Cambrion gives it."""

    pipeline: PipelineView
    pipeline_definition: Definition


class Envelope(msgspec.Struct, rename="camel"):
    """The answer of an execute call under `?envelope=true`."""

    execution_id: str
    run_id: str
    observation: msgspec.Raw


class ExecutionView(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """An execution as the wire shows it; absent is what there is none of."""

    execution_id: str
    created_at: str
    tag: str | None = None
    meta_data: msgspec.Raw | None = None
    status: str | None = None
    completed_at: str | None = None
    duration: float | None = None
    error: RunError | None = None


class RunView(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """A run as the wire shows it."""

    run_id: str
    execution_id: str
    pipeline_id: str
    pipeline_version: int | None
    state: RunState
    attempt: int
    media_count: int | None
    created_at: str
    started_at: str | None = None
    completed_at: str | None = None
    timings: Timings | None = None
    model_versions: dict[str, str] | None
    error: RunError | None = None


def pipeline_view(pipeline: Pipeline) -> PipelineView:
    """The wire's form of a pipeline."""
    return PipelineView(
        pipeline_id=pipeline.pipeline_id,
        name=pipeline.pipeline_id,
        description=pipeline.description,
        tag=pipeline.tag,
        status=pipeline.status,
        reason=pipeline.reason,
        version=pipeline.version,
        inputs=pipeline.inputs,
        outputs=pipeline.outputs,
        model_versions=pipeline.model_versions,
    )


def execution_view(execution: Execution) -> ExecutionView:
    """The wire's form of an execution."""
    meta_data = execution.meta_data
    return ExecutionView(
        execution_id=execution.execution_id,
        created_at=rfc3339(execution.created_at),
        tag=execution.tag,
        meta_data=None if meta_data is None else msgspec.Raw(meta_data),
        status=execution.state.upper() if execution.state else None,
        completed_at=rfc3339(execution.completed_at) if execution.completed_at else None,
        duration=execution.duration,
        error=execution.error,
    )


def run_view(run: Run) -> RunView:
    """The wire's form of a run."""
    return RunView(
        run_id=run.run_id,
        execution_id=run.execution_id,
        pipeline_id=run.pipeline_id,
        pipeline_version=run.pipeline_version,
        state=run.state,
        attempt=run.attempt,
        media_count=run.media_count,
        created_at=rfc3339(run.created_at),
        started_at=rfc3339(run.started_at) if run.started_at else None,
        completed_at=rfc3339(run.completed_at) if run.completed_at else None,
        timings=run.timings,
        model_versions=run.model_versions,
        error=run.error,
    )
