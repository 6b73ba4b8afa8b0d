"""What the core needs of the world outside; every adapter proves itself against the contracts written here."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from gateway.domain.calls import Parameter, RunRequest
from gateway.domain.executions import Execution, ExecutionFilter, NewExecution
from gateway.domain.media import MediaRecord
from gateway.domain.observations import Entry
from gateway.domain.pipelines import Pipeline
from gateway.domain.runs import Run
from gateway.domain.tensors import Value
from gateway.errors import GatewayError


class Inference(msgspec.Struct, frozen=True):
    """One call of one model: its inputs in, all its outputs back."""

    model: str
    inputs: tuple[Value, ...]
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


class ModelControl(Protocol):
    """Triton's control of single models."""

    def model_of(self, instance: str) -> str | None:
        """The model that an instance of this name belongs to; None where no model is known that has it."""
        ...

    async def has_failed(self, model: str) -> bool:
        """Whether an inference has failed in this model since it was loaded, as far as Triton says; never raises."""
        ...

    async def unload(self, model: str) -> None:
        """Have Triton let go of a model; what its instances have in hand may end.

        Raises:
            TritonUnavailable: Triton did not answer.
            PipelineNotReady: Triton refused, or takes no such orders.
        """
        ...

    async def load(self, model: str) -> None:
        """Have Triton load a model with the config it had when it was unloaded; no harm where it is loaded.

        Raises:
            TritonUnavailable: Triton did not answer.
            PipelineNotReady: it did not load within HEALING_TIMEOUT, or not at all.
        """
        ...


class Turns(Protocol):
    """Who may do what only one of all gateways is to do at a time."""

    def turn(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Hold the turn of this name; the block gets False where somebody else had it and had to be waited for."""
        ...


class PipelineStore(Protocol):
    """The memory of pipelines that were seen once."""

    async def load(self) -> list[Pipeline]:
        """Every pipeline seen so far, with its last config."""
        ...

    async def save(self, pipelines: Sequence[Pipeline]) -> None:
        """Remember these; a pipeline already known is replaced."""
        ...


class ExecutionStore(Protocol):
    """The records of executions and of the media stored on them."""

    async def create(self, new: NewExecution) -> bool:
        """Write a new execution; False where there is one of this ID already, which is left as it is."""
        ...

    async def get(self, execution_id: str) -> Execution:
        """One execution.

        Raises:
            ExecutionNotFound: there is none of this ID.
        """
        ...

    async def page(self, wanted: ExecutionFilter, limit: int, before: int | None) -> list[tuple[int, Execution]]:
        """Executions with their place in the list, newest first, from the place before `before` on."""
        ...

    async def delete(self, execution_id: str) -> list[str]:
        """Remove an execution with all that belongs to it; the keys of its blobs are returned.

        Raises:
            ExecutionNotFound: there is none of this ID.
        """
        ...

    async def add_media(self, record: MediaRecord) -> None:
        """Write the record of stored media.

        Raises:
            ExecutionNotFound: there is no such execution.
        """
        ...

    async def media(self, execution_id: str) -> list[MediaRecord]:
        """The stored media of an execution, in the order they came.

        Raises:
            ExecutionNotFound: there is no such execution.
        """
        ...

    async def remove_media(self, execution_id: str, media_id: str) -> str:
        """Remove the record of stored media; the key of its blob is returned.

        Raises:
            ExecutionNotFound, MediaNotFound: there is no such execution or media.
        """
        ...


class FinishedRun(msgspec.Struct, frozen=True, kw_only=True):
    """All that a run leaves behind: one fact, one transaction."""

    #: The execution that the run brings about; None where there was one before.
    new: NewExecution | None = None
    run: Run
    #: What the caller put in before the run: merged, where the entries are appended.
    seed: tuple[Entry, ...] = ()
    entries: tuple[Entry, ...] = ()
    #: The entries take the place of this pipeline's earlier ones.
    supersedes: bool = False
    #: What an execution there was takes over from the call.
    tag: str | None = None
    meta_data: bytes | None = None


class ClaimedRun(msgspec.Struct, frozen=True):
    """A run in the background that a worker holds: only this attempt can end it."""

    run: Run
    request: RunRequest


class AcceptedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run in the background as it is accepted: one fact, one transaction, its wake-up included."""

    new: NewExecution | None = None
    run: Run
    request: RunRequest
    seed: tuple[Entry, ...] = ()
    tag: str | None = None
    meta_data: bytes | None = None


class RunStore(Protocol):
    """The records of runs, of those that callers wait for and of those in the background."""

    async def finish(self, finished: FinishedRun) -> None:
        """Write the end of a run that a caller waits for; it is durable when this returns.

        A run that is already written is left as it is, so a repeat is safe.

        Raises:
            ExecutionNotFound: the execution is gone.
            StorageUnavailable: nothing can be said to be written.
        """
        ...

    async def accept(self, accepted: AcceptedRun) -> None:
        """Write a run in the background and wake a worker for it; it is durable when this returns.

        Raises:
            ExecutionNotFound: the execution is gone.
            StorageUnavailable: nothing can be said to be written.
        """
        ...

    async def claim(self, run_id: str, lease: float) -> ClaimedRun | None:
        """Take a run that waits, or whose holder's lease has ended, for `lease` seconds; None where there is none."""
        ...

    async def extend(self, held: Sequence[tuple[str, int]], lease: float) -> None:
        """Hold these runs, each by its attempt, for `lease` seconds from now."""
        ...

    async def finish_claimed(self, finished: FinishedRun) -> bool:
        """Write the end of a claimed run; False, and nothing written, where this attempt no longer holds it."""
        ...

    async def hand_back(self, run_id: str, attempt: int, delay: float) -> None:
        """Let others take the run in `delay` seconds, if this attempt still holds it."""
        ...

    async def wake_overdue(self) -> int:
        """Wake a worker for every run that is due and that nobody holds; how many were woken is returned."""
        ...

    async def get(self, run_id: str) -> Run:
        """One run.

        Raises:
            RunNotFound: there is none of this ID.
        """
        ...

    async def page(self, execution_id: str, limit: int, after: str | None) -> list[Run]:
        """The runs of an execution, oldest first, from the one after run `after` on.

        Raises:
            ExecutionNotFound: there is no such execution.
        """
        ...

    async def ready(self) -> bool:
        """Whether the database answers; never raises."""
        ...


class EntryStore(Protocol):
    """The entries of observations."""

    async def page(self, execution_id: str, limit: int, after: int, *, superseded: bool) -> list[tuple[int, Entry]]:
        """Entries with their place in the observation, in order, from the place after `after` on.

        Raises:
            ExecutionNotFound: there is no such execution.
            ResultGone: its call was transient.
        """
        ...

    async def merge(self, execution_id: str, entries: Sequence[Entry]) -> None:
        """Replace the content of the entries whose ID is known and append the others.

        Raises:
            ExecutionNotFound: there is no such execution.
        """
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
