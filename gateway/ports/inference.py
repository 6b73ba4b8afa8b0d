"""Inference: one call of one model, through whichever transport."""

from collections.abc import Mapping
from typing import Protocol

import msgspec

from gateway.domain.calls import Parameter
from gateway.domain.tensors import Value
from gateway.errors import GatewayError


class Inference(msgspec.Struct, frozen=True):
    """One call of one model: its inputs in, all its outputs back."""

    model: str
    inputs: tuple[Value, ...]
    #: Its own within its run: the answer names it.
    request_id: str
    #: Parameters of the request, which Triton hands to every step.
    parameters: Mapping[str, Parameter] = {}


class Dispatch(msgspec.Struct):
    """Where the time of one inference went, in seconds; filled in by the engine as it goes."""

    waited: float = 0.0
    computed: float = 0.0
    #: What it waits for while it is not with Triton: a dead model that is being healed.
    held_up: GatewayError | None = None


class InferenceEngine(Protocol):
    """Triton's inference, over whichever transport."""

    async def infer(self, inference: Inference, dispatch: Dispatch) -> list[Value]:
        """Run one inference and return its outputs.

        A caller that is cancelled leaves at once. What it asked for is cancelled at Triton where the server
        survives that; else it keeps its place until Triton has answered, and the answer is dropped.

        Raises:
            MediaUnreadable: a step refused the input; the message begins with the step's name.
            ModelDied: the process of a model has died.
            PipelineNotReady: Triton does not serve the model now.
            TritonOverloaded: Triton's queue is full.
            TritonUnavailable: no connection, or it broke.
            TritonFailed: anything else that Triton or a model did wrong.
        """
        ...

    async def close(self) -> None:
        """Close every connection; inferences in hand end with TritonUnavailable."""
        ...
