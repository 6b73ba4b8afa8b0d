"""A pipeline: a Triton ensemble that callers run, with what goes in and what comes out of it."""

import enum
from collections.abc import Container, Iterable
from functools import cached_property
from typing import Literal

import msgspec

from gateway.domain.rates import Rate
from gateway.errors import InvalidInput


class PipelineStatus(enum.StrEnum):
    """Whether a pipeline can be run now."""

    READY = "READY"
    LOADING = "LOADING"
    UNAVAILABLE = "UNAVAILABLE"


class InputRole(enum.StrEnum):
    """What a caller gives for an input."""

    #: The encoded file as it came; decoding belongs to the ensemble's first step.
    MEDIA = "media"
    #: UINT8 pixels, height x width x channels, decoded by the gateway.
    IMAGE = "image"
    TEXT = "text"
    JSON = "json"
    #: A number, or nested arrays of numbers of the input's shape.
    NUMBER = "number"
    BOOLEAN = "boolean"


class OutputRole(enum.StrEnum):
    """What an output becomes in an entry of the observation."""

    #: A JSON object in the vocabulary of an observation, taken in as it came.
    OBSERVATION = "observation"
    LABEL = "label"
    TEXT = "text"
    JSON = "json"
    TENSOR = "tensor"
    #: Encoded bytes, such as an image, that are stored and fetched by an ID; the entry names them.
    ARTIFACT = "artifact"
    #: Decided by what comes: see `gateway.core.results`.
    AUTO = "auto"


class Input(msgspec.Struct, frozen=True, rename="camel"):
    """One input tensor; `shape` may hold -1 and counts a batch dimension where the model has one."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    role: InputRole
    optional: bool = False


class Output(msgspec.Struct, frozen=True, rename="camel"):
    """One output tensor; `shape` may hold -1."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    role: OutputRole


class Port(msgspec.Struct, frozen=True):
    """A tensor of one step's model, and the ensemble tensor it is joined to."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    tensor: str


class Step(msgspec.Struct, frozen=True):
    """One place in the pipeline where one model is called; `model_version` -1 is Triton's latest."""

    model: str
    model_version: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


class Pipeline(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What is known of one pipeline, from Triton's config of its ensemble."""

    pipeline_id: str
    description: str = ""
    tag: str = ""
    #: The JSONata expression for calls of executeSync/transform that name none.
    transform: str = ""
    #: How many of its calls, and of its runs in one worker, may be in hand at once; None where its config does not say.
    concurrency: int | None = None
    #: It takes images alone: pages of PDFs and TIFFs are rendered for it, whether or not a call asks for that.
    image_conversion: bool = False
    #: How many calls of it one key may make in a time; None where its config does not say.
    rate: Rate | None = None
    #: A published version; 0 is the draft, which is what Triton's repository holds.
    version: int = 0
    status: PipelineStatus = PipelineStatus.READY
    #: Why it is not ready, in Triton's words; for operators.
    reason: str = ""
    decoupled: bool = False
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    steps: tuple[Step, ...]
    #: The version of each model that answers now.
    model_versions: dict[str, str] = {}

    @property
    def config(self) -> "Pipeline":
        """What its config says, whatever becomes of its models."""
        return msgspec.structs.replace(self, status=PipelineStatus.READY, reason="", model_versions={})

    @cached_property
    def media_input(self) -> Input | None:
        """The input that one media of a call goes to, if the pipeline takes media at all."""
        takes_media = (InputRole.MEDIA, InputRole.IMAGE)
        return next((each for each in self.inputs if each.role in takes_media), None)

    @cached_property
    def named_inputs(self) -> dict[str, Input]:
        """The inputs that a caller gives by name, beside the media."""
        media = self.media_input
        return {each.name: each for each in self.inputs if each is not media}

    def takes_pictures(self, *, asked: bool) -> bool:
        """Whether pages are rendered for it, where a call asks for that or not."""
        entry = self.media_input
        return entry is not None and (entry.role is InputRole.IMAGE or asked or self.image_conversion)

    def free_text_input(self, taken: Container[str]) -> str | None:
        """The first input of text that has no value yet."""
        named = self.named_inputs.values()
        return next((each.name for each in named if each.role is InputRole.TEXT and each.name not in taken), None)

    @cached_property
    def models(self) -> frozenset[str]:
        """The models that its steps call."""
        return frozenset(step.model for step in self.steps)

    @cached_property
    def artifact_outputs(self) -> frozenset[str]:
        """The outputs that hold bytes to be fetched by their ID."""
        return frozenset(each.name for each in self.outputs if each.role is OutputRole.ARTIFACT)

    def check_inputs(self, given: dict[str, object], media: int, read: str | None = None) -> None:
        """Refuse a call that names inputs there are not, or leaves out one that is needed.

        `read` is the input that gets the text of the media.

        Raises:
            InvalidInput: which input is unknown or which are missing, or that there is no media.
        """
        named = self.named_inputs
        for name in given:
            if name not in named:
                raise InvalidInput(f"The pipeline has no such input. {_declared(named)}", field=f"inputs.{name}")
        missing = [name for name, each in named.items() if not each.optional and name not in given and name != read]
        if missing:
            raise InvalidInput(f"The pipeline needs {_quoted(missing)}.", field=f"inputs.{missing[0]}")
        if self.media_input is None and media and read is None:
            raise InvalidInput("The pipeline takes no media; give its inputs by name.", field="media")
        if self.media_input is not None and not media:
            raise InvalidInput("There is no media to run on.", field="media")


def _declared(names: Iterable[str]) -> str:
    return f"Declared inputs: {_quoted(names)}." if names else "It declares none beside the media."


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


NodeType = Literal["STRING", "INT_TENSOR", "FLOAT_TENSOR"]


class NodeInput(msgspec.Struct, frozen=True, rename="camel"):
    """An input of a node, in Cambrion's words and Triton's."""

    input_name: str
    input_shape: tuple[int, ...]
    input_type: NodeType
    datatype: str


class NodeOutput(msgspec.Struct, frozen=True, rename="camel"):
    """An output of a node, in Cambrion's words and Triton's."""

    output_name: str
    output_shape: tuple[int, ...]
    output_type: NodeType
    datatype: str


class Node(msgspec.Struct, frozen=True, rename="camel"):
    """One step of the pipeline, as a node of its graph."""

    model_id: str
    model_name: str
    model_version: int
    inputs: tuple[NodeInput, ...]
    outputs: tuple[NodeOutput, ...]


class Edge(msgspec.Struct, frozen=True, rename="camel"):
    """The way of one ensemble tensor (`dataHandle`) from a node to another."""

    id: str
    data_handle: str
    source: str
    target: str
    source_handle: str
    target_handle: str


class Definition(msgspec.Struct, frozen=True, rename="camel"):
    """The graph of a pipeline; `input` and `output` are the caller's ends of its edges."""

    pipeline_definition_id: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
