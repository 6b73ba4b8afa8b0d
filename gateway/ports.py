"""What the core needs of the world outside; every adapter proves itself against the contracts written here."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from gateway.domain.executions import Execution, NewExecution
from gateway.domain.observations import Entry
from gateway.domain.pipelines import Pipeline
from gateway.domain.runs import Run
from gateway.domain.tensors import Value


class Inference(msgspec.Struct, frozen=True):
    """One call of one model: its inputs in, all its outputs back."""

    model: str
    inputs: tuple[Value, ...]
    request_id: str


class Dispatch(msgspec.Struct):
    """Where the time of one inference went, in seconds; filled in by the engine as it goes."""

    waited: float = 0.0
    computed: float = 0.0


class InferenceEngine(Protocol):
    """Triton's inference, over whichever transport."""

    async def infer(self, inference: Inference, dispatch: Dispatch) -> list[Value]:
        """Run one inference and return its outputs.

        A caller that is cancelled leaves at once; what it asked for keeps its place until Triton
        has answered, and the answer is dropped.

        Raises:
            MediaUnreadable: a step refused the input; the message begins with the step's name.
            PipelineNotReady: Triton does not serve the model now.
            TritonOverloaded: Triton's queue is full.
            TritonUnavailable: no connection, or it broke.
            TritonFailed: anything else that Triton or a model did wrong.
        """
        ...

    async def close(self) -> None:
        """Close every connection; inferences in hand end with TritonUnavailable."""
        ...


class Discovery(msgspec.Struct, frozen=True):
    """What one look at Triton's models showed: its ensembles, and the models that it lists but does not show."""

    pipelines: list[Pipeline]
    hidden: frozenset[str] = frozenset()


class PipelineSource(Protocol):
    """Triton's models, as pipelines."""

    async def discover(self, known: dict[str, Pipeline]) -> Discovery:
        """Every ensemble that Triton has now, with its status; `known` supplies what a model that is not ready hides.

        Raises:
            TritonUnavailable: Triton did not answer.
        """
        ...

    async def ready(self) -> bool:
        """Whether Triton answers that it is ready; never raises."""
        ...


class PipelineStore(Protocol):
    """The memory of pipelines that were seen once."""

    async def load(self) -> list[Pipeline]:
        """Every pipeline seen so far, with its last config."""
        ...

    async def save(self, pipelines: Sequence[Pipeline]) -> None:
        """Remember these; a pipeline already known is replaced."""
        ...


class FinishedRun(msgspec.Struct, frozen=True):
    """All that a run leaves behind: one fact, one transaction."""

    execution: NewExecution
    run: Run
    entries: tuple[Entry, ...]


class Ledger(Protocol):
    """The records: executions, runs and entries."""

    async def finish(self, finished: FinishedRun) -> None:
        """Write the execution, the run and its entries together; they are durable when this returns.

        A run that is already written is left as it is, so a repeat is safe.

        Raises:
            StorageUnavailable: nothing can be said to be written.
        """
        ...

    async def execution(self, execution_id: str) -> Execution:
        """One execution.

        Raises:
            ExecutionNotFound: there is none of this ID.
        """
        ...

    async def run(self, run_id: str) -> Run:
        """One run.

        Raises:
            RunNotFound: there is none of this ID.
        """
        ...

    async def runs(self, execution_id: str, limit: int, after: str | None) -> list[Run]:
        """The runs of an execution, oldest first, from the one after run `after` on.

        Raises:
            ExecutionNotFound: there is no such execution.
        """
        ...

    async def entries(self, execution_id: str) -> list[Entry]:
        """The entries of an execution's observation, in order.

        Raises:
            ExecutionNotFound: there is no such execution.
        """
        ...

    async def ready(self) -> bool:
        """Whether the database answers; never raises."""
        ...


class ImageDecoder(Protocol):
    """Pixels from encoded images, for inputs of role `image`."""

    async def decode(self, name: str, encoded: bytes) -> Value:
        """The image as UINT8, height x width x 3 (RGB).

        Raises:
            MediaUnreadable: it is no image.
            MediaLimit: it has too many pixels.
        """
        ...


class BlobStore(Protocol):
    """Bytes by key: media that lives longer than a call."""

    async def put(self, key: str, data: bytes) -> None:
        """Store `data` under `key`, replacing what was there; it survives a power cut when this returns.

        Raises:
            StorageUnavailable: it cannot be said to be stored.
        """
        ...

    async def get(self, key: str) -> bytes:
        """The bytes stored under `key`.

        Raises:
            MediaNotFound: there are none.
            StorageUnavailable: the store does not answer.
        """
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove these; a key there is not is no error.

        Raises:
            StorageUnavailable: the store does not answer.
        """
        ...

    async def ready(self) -> bool:
        """Whether the store takes and gives bytes; never raises."""
        ...


class Transformer(Protocol):
    """JSONata, for expressions that a caller wrote: each within its memory and time."""

    async def transform(self, expression: str, document: bytes) -> bytes | None:
        """The JSON that the expression makes of a JSON document; None where it makes nothing.

        Raises:
            TransformInvalid: it is not JSONata (with its position), or it failed on the document.
            TransformLimit: it took more memory or time than it may.
        """
        ...

    async def close(self) -> None:
        """End every child."""
        ...
