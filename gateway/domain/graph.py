"""The graph of a pipeline, drawn from the tensors its steps share."""

from collections.abc import Iterator

from gateway.domain.pipelines import Definition, Edge, Node, NodeInput, NodeOutput, NodeType, Pipeline

#: The ends of the graph where the caller stands.
CALLER_IN = "input"
CALLER_OUT = "output"

_Handle = tuple[str, str]


def definition(pipeline: Pipeline) -> Definition:
    """Nodes and edges of `pipeline`; a model called twice is two nodes, the second named `model#2`."""
    names = _node_names(pipeline)
    return Definition(pipeline.pipeline_id, _nodes(pipeline, names), tuple(_edges(pipeline, names)))


def _node_names(pipeline: Pipeline) -> list[str]:
    names: list[str] = []
    for step in pipeline.steps:
        again = sum(name.split("#")[0] == step.model for name in names)
        names.append(f"{step.model}#{again + 1}" if again else step.model)
    return names


def _nodes(pipeline: Pipeline, names: list[str]) -> tuple[Node, ...]:
    return tuple(
        Node(
            model_id=name,
            model_name=step.model,
            model_version=step.model_version,
            inputs=tuple(NodeInput(p.name, p.shape, node_type(p.datatype), p.datatype) for p in step.inputs),
            outputs=tuple(NodeOutput(p.name, p.shape, node_type(p.datatype), p.datatype) for p in step.outputs),
        )
        for name, step in zip(names, pipeline.steps, strict=True)
    )


def _edges(pipeline: Pipeline, names: list[str]) -> Iterator[Edge]:
    sources: dict[str, _Handle] = {each.name: (CALLER_IN, each.name) for each in pipeline.inputs}
    targets: list[tuple[str, _Handle]] = []
    for name, step in zip(names, pipeline.steps, strict=True):
        sources |= {port.tensor: (name, port.name) for port in step.outputs}
        targets += [(port.tensor, (name, port.name)) for port in step.inputs]
    targets += [(each.name, (CALLER_OUT, each.name)) for each in pipeline.outputs]
    for tensor, (target, target_handle) in targets:
        if tensor in sources:
            source, source_handle = sources[tensor]
            yield Edge(f"{source}-{tensor}-{target}", tensor, source, target, source_handle, target_handle)


def node_type(datatype: str) -> NodeType:
    """Cambrion's word for a Triton datatype."""
    if datatype == "BYTES":
        return "STRING"
    return "FLOAT_TENSOR" if datatype in ("FP16", "FP32", "FP64", "BF16") else "INT_TENSOR"
