"""A call of a pipeline, what it is answered with, and what of it a run in the background still needs."""

import msgspec

from gateway.domain.media import Media
from gateway.domain.observations import Given
from gateway.errors import InvalidInput

Parameter = str | int | float | bool


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a pipeline, as the doors hand it over."""

    pipeline_id: str
    #: An execution there is; without one the call brings one about.
    execution_id: str | None = None
    media: tuple[Media, ...] = ()
    #: Which of the execution's stored media to run on; None is all, where no media is given.
    media_ids: tuple[str, ...] | None = None
    #: Values for the pipeline's named inputs: plain JSON.
    inputs: dict[str, object] = {}
    text: str | None = None
    #: Entries that the caller puts in before the run.
    seed: tuple[Given, ...] = ()
    #: The observation that the seed came in, for an input that takes it.
    seed_json: bytes | None = None
    tag: str | None = None
    meta_data: bytes | None = None
    #: The run's entries take the place of this pipeline's earlier ones.
    idempotent: bool = False
    #: Nothing but the record of the run is kept.
    transient: bool = False
    #: Parameters of the request to Triton, which reach every step.
    parameters: dict[str, Parameter] = {}
    #: Seconds within which the run must end.
    timeout: float

    def check(self) -> None:
        """Refuse what cannot go together.

        Raises:
            InvalidInput: which field is too much.
        """
        if self.media_ids is not None and self.execution_id is None:
            raise InvalidInput("Stored media belong to an execution: name it.", field="mediaIds")
        if self.media_ids is not None and self.media:
            raise InvalidInput("A call runs on media it brings, or on stored media, not on both.", field="mediaIds")
        if self.transient and self.execution_id is not None:
            raise InvalidInput("A transient call keeps nothing, so it cannot add to an execution.", field="transient")


class Outcome(msgspec.Struct, frozen=True):
    """What a completed call answers with; `observation` is the JSON document."""

    execution_id: str
    run_id: str
    observation: bytes


class Accepted(msgspec.Struct, frozen=True):
    """What a call in the background is answered with."""

    execution_id: str
    run_id: str


class StoredMedia(msgspec.Struct, frozen=True, kw_only=True):
    """One media of a run in the background: its ID in entries, and its key in the blob store."""

    media_id: str
    blob: str


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a run in the background is to do; kept with the run until it ends."""

    media: tuple[StoredMedia, ...] = ()
    #: The blobs among them that live no longer than the run.
    staged: tuple[str, ...] = ()
    inputs: dict[str, object] = {}
    idempotent: bool = False
    parameters: dict[str, Parameter] = {}
    timeout: float
