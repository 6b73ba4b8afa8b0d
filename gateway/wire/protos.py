"""Protobuf messages to and from the domain's values."""

from datetime import datetime

import msgspec
from google.protobuf.timestamp_pb2 import Timestamp

from gateway import metrics
from gateway.domain.calls import Call
from gateway.domain.executions import Execution
from gateway.domain.media import MediaRecord
from gateway.domain.pipelines import Definition, Input, Output, Pipeline
from gateway.domain.runs import Run, RunError, RunState, Timings
from gateway.errors import InvalidInput
from gateway.v1 import executions_pb2, media_pb2, pipelines_pb2, runs_pb2
from gateway.wire.calls import checked_call, checked_media
from gateway.wire.media import decode_media, not_empty


@metrics.timed(metrics.DECODE)
def call(request: pipelines_pb2.ExecuteSyncRequest, timeout: float) -> Call:
    """The call that a request asks for; `timeout` is what is left of its deadline.

    Raises:
        InvalidInput, ObservationInvalid: it is not one.
    """
    media = [_media(each, f"media[{index}]") for index, each in enumerate(checked_media(list(request.media)))]
    return checked_call(
        pipeline_id=request.pipeline_id,
        execution_id=request.execution_id or None,
        media=media,
        media_ids=list(request.media_ids) or None,
        inputs=json_object(request.inputs, "inputs") or {},
        text=request.text or None,
        observation=request.observation or None,
        tag=request.tag or None,
        meta_data=meta_data(request.meta_data),
        idempotent=request.idempotent,
        transient=request.transient,
        parameters=json_object(request.runtime_parameters, "runtimeParameters") or {},
        timeout=timeout,
    )


def meta_data(raw: bytes) -> bytes | None:
    """The caller's own data, as it came.

    Raises:
        InvalidInput: it is not one JSON object.
    """
    return None if json_object(raw, "metaData") is None else raw


def _media(media: media_pb2.Media, field: str) -> bytes:
    kind = media.WhichOneof("content")
    if kind == "base64":
        return decode_media(media.base64, field)
    if kind == "uri":
        if media.uri[:5].lower() != "data:":
            raise InvalidInput("Only data URLs are fetched.", field=field)
        return decode_media(media.uri, field)
    return not_empty(media.data, field)


def json_object(raw: bytes, field: str) -> dict[str, object] | None:
    """One JSON object; None where there is none.

    Raises:
        InvalidInput: it is something else.
    """
    if not raw:
        return None
    try:
        return msgspec.json.decode(raw, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidInput("The field is not one JSON object.", field=field) from None


def pipeline(found: Pipeline) -> pipelines_pb2.Pipeline:
    """The message of a pipeline."""
    return pipelines_pb2.Pipeline(
        pipeline_id=found.pipeline_id,
        description=found.description,
        tag=found.tag,
        version=found.version,
        status=pipelines_pb2.PipelineStatus.Value(f"PIPELINE_STATUS_{found.status}"),
        reason=found.reason,
        inputs=[_tensor(each, optional=each.optional) for each in found.inputs],
        outputs=[_tensor(each, optional=False) for each in found.outputs],
        model_versions=found.model_versions,
        transform=found.transform,
    )


def _tensor(tensor: Input | Output, *, optional: bool) -> pipelines_pb2.Tensor:
    return pipelines_pb2.Tensor(
        name=tensor.name, datatype=tensor.datatype, shape=tensor.shape, role=str(tensor.role), optional=optional
    )


def definition(found: Definition) -> pipelines_pb2.PipelineDefinition:
    """The message of a graph."""
    return pipelines_pb2.PipelineDefinition(
        pipeline_definition_id=found.pipeline_definition_id,
        nodes=[
            pipelines_pb2.Node(
                model_id=node.model_id,
                model_name=node.model_name,
                model_version=node.model_version,
                inputs=[_node_tensor(each.input_name, each.datatype, each.input_shape) for each in node.inputs],
                outputs=[_node_tensor(each.output_name, each.datatype, each.output_shape) for each in node.outputs],
            )
            for node in found.nodes
        ],
        edges=[pipelines_pb2.Edge(**msgspec.structs.asdict(each)) for each in found.edges],
    )


def _node_tensor(name: str, datatype: str, shape: tuple[int, ...]) -> pipelines_pb2.NodeTensor:
    return pipelines_pb2.NodeTensor(name=name, datatype=datatype, shape=shape)


def execution(found: Execution) -> executions_pb2.Execution:
    """The message of an execution."""
    return executions_pb2.Execution(
        execution_id=found.execution_id,
        tag=found.tag or "",
        meta_data=found.meta_data or b"",
        created_at=_timestamp(found.created_at),
        state=_state(found.state) if found.state else runs_pb2.RUN_STATE_UNSPECIFIED,
        completed_at=_timestamp(found.completed_at),
        duration=found.duration or 0.0,
        error=_error(found.error),
    )


def stored_media(found: MediaRecord) -> executions_pb2.StoredMedia:
    """The message of stored media."""
    return executions_pb2.StoredMedia(
        media_id=found.media_id,
        content_type=found.content_type,
        size=found.size,
        created_at=_timestamp(found.created_at),
    )


def run_state(state: runs_pb2.RunState.ValueType) -> RunState | None:
    """The state that a filter names; None is any.

    Raises:
        InvalidInput: there is no such state.
    """
    if state == runs_pb2.RUN_STATE_UNSPECIFIED:
        return None
    try:
        return RunState(runs_pb2.RunState.Name(state).removeprefix("RUN_STATE_").lower())
    except ValueError:
        raise InvalidInput("There is no such state.", field="state") from None


def run(found: Run) -> runs_pb2.Run:
    """The message of a run."""
    return runs_pb2.Run(
        run_id=found.run_id,
        execution_id=found.execution_id,
        pipeline_id=found.pipeline_id,
        pipeline_version=found.pipeline_version,
        state=_state(found.state),
        attempt=found.attempt,
        media_count=found.media_count,
        created_at=_timestamp(found.created_at),
        started_at=_timestamp(found.started_at),
        completed_at=_timestamp(found.completed_at),
        timings=_timings(found.timings),
        model_versions=found.model_versions,
        error=_error(found.error),
    )


def _state(state: RunState) -> runs_pb2.RunState.ValueType:
    return runs_pb2.RunState.Value(f"RUN_STATE_{state.upper()}")


def _timestamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


def _timings(timings: Timings | None) -> runs_pb2.Timings | None:
    return runs_pb2.Timings(**msgspec.structs.asdict(timings)) if timings else None


def _error(error: RunError | None) -> runs_pb2.RunError | None:
    return runs_pb2.RunError(code=error.code, message=error.message, field=error.field or "") if error else None
