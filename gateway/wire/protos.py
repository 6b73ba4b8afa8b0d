"""The domain's values as protobuf messages."""

import msgspec

from gateway.domain.executions import Execution
from gateway.domain.media import MediaRecord
from gateway.domain.pipelines import Definition, Input, Output, Pipeline
from gateway.v1 import executions_pb2, pipelines_pb2, runs_pb2
from gateway.wire.run_protos import error_message, state_number, timestamp


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
        created_at=timestamp(found.created_at),
        state=state_number(found.state) if found.state else runs_pb2.RUN_STATE_UNSPECIFIED,
        completed_at=timestamp(found.completed_at),
        duration=found.duration or 0.0,
        error=error_message(found.error),
        expires_at=timestamp(found.expires_at),
        hook_ids=found.hook_ids,
    )


def stored_media(found: MediaRecord) -> executions_pb2.StoredMedia:
    """The message of stored media."""
    return executions_pb2.StoredMedia(
        media_id=found.media_id,
        content_type=found.content_type,
        size=found.size,
        created_at=timestamp(found.created_at),
    )
