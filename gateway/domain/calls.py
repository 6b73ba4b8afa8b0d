"""A call of a pipeline, what it is answered with, and what of it a run in the background still needs."""

import enum
from datetime import datetime

import msgspec

from gateway.domain.conversion import Conversion
from gateway.domain.media import Brought
from gateway.domain.observations import Entry, Given, observation_json
from gateway.domain.page_range import PageRange
from gateway.domain.runs import Priority
from gateway.errors import InvalidInput

Parameter = str | int | float | bool


class Webhook(msgspec.Struct, frozen=True):
    """An address that one call alone names: it is told when the run has ended."""

    url: str
    #: What signs what it is told.
    secret: str | None = None


class Form(enum.StrEnum):
    """What a call is answered with."""

    OBSERVATION = "observation"
    JSON = "json"
    TRANSFORM = "transform"
    #: The IDs of a run in the background.
    ACCEPTED = "accepted"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a pipeline, as the doors hand it over."""

    pipeline_id: str
    #: An execution there is; without one the call brings one about.
    execution_id: str | None = None
    #: What it brings to run on; what is only named is fetched when the call is admitted.
    media: tuple[Brought, ...] = ()
    #: Which of the execution's stored media to run on; None is all, where no media is given.
    media_ids: tuple[str, ...] | None = None
    #: Which pages of each media to run on, where a media does not name its own.
    page_range: str | None = None
    #: Pages of PDFs and TIFFs are rendered, images are turned upright.
    image_conversion: bool = False
    #: The text that stands in documents is read.
    simple_text: bool = False
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
    #: Seconds for which the execution it brings about is kept after its last change; 0 for ever.
    ttl: float | None = None
    #: Parameters of the request to Triton, which reach every step.
    parameters: dict[str, Parameter] = {}
    #: Seconds within which the run must end.
    timeout: float
    #: The caller's name for this call, under which it may be repeated.
    key: str | None = None
    #: The form in which it is to be answered, with the transform if it has one: a repeat asks for the same.
    answer: str = ""
    #: A call that is waited for goes on in the background when its time is over.
    goes_on: bool = False
    priority: Priority = Priority.NORMAL
    #: The time before which a run in the background is not to begin.
    execute_after: datetime | None = None
    #: Hooks that are told of it, beside those of its execution.
    hook_ids: tuple[str, ...] = ()
    webhook: Webhook | None = None

    @property
    def conversion(self) -> Conversion:
        """What is to become of its media before Triton sees them."""
        return Conversion(images=self.image_conversion, text=self.simple_text, pages=self.page_range)

    def check(self) -> None:
        """Refuse what cannot go together.

        Raises:
            InvalidInput: which field is too much, or is no page range.
        """
        self._check_pages()
        if self.media_ids is not None and self.execution_id is None:
            raise InvalidInput("Stored media belong to an execution: name it.", field="mediaIds")
        if self.media_ids is not None and self.media:
            raise InvalidInput("A call runs on media it brings, or on stored media, not on both.", field="mediaIds")
        if self.transient and self.execution_id is not None:
            raise InvalidInput("A transient call keeps nothing, so it cannot add to an execution.", field="transient")
        if self.ttl is not None and self.execution_id is not None:
            raise InvalidInput("An execution that there is keeps its time: leave this out.", field="ttl")
        if self.transient and self.goes_on:
            raise InvalidInput("A transient call keeps nothing, so it cannot go on when you leave.", field="onTimeout")

    def _check_pages(self) -> None:
        if self.page_range is not None:
            PageRange.of(self.page_range)
        for index, each in enumerate(self.media):
            if each.pages is not None:
                PageRange.of(each.pages, f"media[{index}].pageRange")


class Outcome(msgspec.Struct, frozen=True):
    """What a completed call answers with; `observation` is the JSON document."""

    execution_id: str
    run_id: str
    observation: bytes
    #: The call was made before, under the same key.
    replayed: bool = False


class Accepted(msgspec.Struct, frozen=True):
    """What a call in the background is answered with."""

    execution_id: str
    run_id: str
    #: The IDs of the entries that the caller put in.
    seed: tuple[str, ...] = ()
    #: The call was made before, under the same key.
    replayed: bool = False


class StoredMedia(msgspec.Struct, frozen=True, kw_only=True):
    """One media of a run in the background: its ID in entries, and its key in the blob store."""

    media_id: str
    blob: str
    #: The pages that are meant, where the media names its own.
    pages: str | None = None


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a run in the background is to do; kept with the run until it ends."""

    media: tuple[StoredMedia, ...] = ()
    #: The blobs among them that live no longer than the run.
    staged: tuple[str, ...] = ()
    inputs: dict[str, object] = {}
    idempotent: bool = False
    parameters: dict[str, Parameter] = {}
    #: What is to become of the media before Triton sees them.
    conversion: Conversion = Conversion()
    timeout: float
    #: Who is told of it.
    hook_ids: tuple[str, ...] = ()
    webhook: Webhook | None = None
    #: What it finds is told, and not kept.
    transient: bool = False
    #: The entries that the caller put in with a transient call, which stand in no record.
    seed: tuple[Entry, ...] = ()

    def found(self, execution_id: str, entries: tuple[Entry, ...] = ()) -> bytes | None:
        """The observation of a transient run, which stands nowhere else; None where the record has it."""
        return observation_json(execution_id, (*self.seed, *entries)) if self.transient else None

    #: The headers of the trace that its call is part of.
    trace: dict[str, str] = {}
