"""A synchronous call of a pipeline, and what it is answered with."""

import msgspec

from gateway.domain.media import Media


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One synchronous call of a pipeline, as the doors hand it over."""

    pipeline_id: str
    media: tuple[Media, ...] = ()
    #: Values for the pipeline's named inputs: plain JSON.
    inputs: dict[str, object] = {}
    tag: str | None = None
    meta_data: bytes | None = None
    #: Seconds within which the run must end.
    timeout: float


class Outcome(msgspec.Struct, frozen=True):
    """What a completed call answers with; `observation` is the JSON document."""

    execution_id: str
    run_id: str
    observation: bytes
