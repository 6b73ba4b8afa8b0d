"""The JSON that the REST door sends: records as callers see them; absent is what there is none of."""

import msgspec

from gateway.domain.executions import Execution
from gateway.domain.ids import rfc3339
from gateway.domain.media import MediaRecord
from gateway.domain.pipelines import Definition, Input, Output, Pipeline, PipelineStatus
from gateway.domain.runs import RunError


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
    #: The JSONata expression that executeSync/transform uses where a call names none.
    transform: str = ""


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
    expires_at: str | None = None
    hook_ids: tuple[str, ...] | None = None


def pipeline_view(pipeline: Pipeline) -> PipelineView:
    """The wire's form of a pipeline."""
    return PipelineView(
        pipeline_id=pipeline.pipeline_id,
        name=pipeline.pipeline_id,
        description=pipeline.description,
        tag=pipeline.tag,
        status=pipeline.status,
        reason=pipeline.reason,
        transform=pipeline.transform,
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
        expires_at=rfc3339(execution.expires_at) if execution.expires_at else None,
        hook_ids=execution.hook_ids or None,
    )


class AcceptedView(msgspec.Struct, rename="camel"):
    """The answer of executeAsync."""

    execution_id: str
    run_id: str


class MediaView(msgspec.Struct, rename="camel"):
    """Stored media as the wire shows it."""

    media_id: str
    content_type: str
    size: int
    created_at: str


class UploadedView(msgspec.Struct, rename="camel"):
    """The answer of an upload: the first media, and all of them."""

    media_id: str
    media_ids: list[str]


def media_view(record: MediaRecord) -> MediaView:
    """The wire's form of stored media."""
    return MediaView(record.media_id, record.content_type, record.size, rfc3339(record.created_at))
