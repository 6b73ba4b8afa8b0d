"""Artifacts: what outputs of that role hold, and tensors too large for an entry, stored as they come and recorded with
the end of their run.

Each blob is doomed before it is stored, and only the transaction that ends the run takes it out of there: what a run
leaves that fails, is lost, or never ends is removed by the sweeper.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

import msgspec

from gateway.core.executions import place
from gateway.core.files import opened
from gateway.core.removal import Removal
from gateway.domain.access import Caller
from gateway.domain.artifacts import FIELD, Artifact, ArtifactPage
from gateway.domain.ids import known_form, new_id, now
from gateway.domain.media_types import sniff
from gateway.domain.pipelines import Pipeline
from gateway.domain.tensors import Value, bytes_elements
from gateway.errors import ArtifactNotFound, WiringInvalid
from gateway.limits import MAX_ARTIFACT_BYTES, MAX_ARTIFACTS_PER_ENTRY, MAX_TENSOR_ELEMENTS
from gateway.ports import ArtifactStore, BlobStore

_UNKNOWN: Final = "application/octet-stream"


class _Made(msgspec.Struct, frozen=True):
    """Bytes that a run made, not stored yet."""

    name: str
    data: bytes
    datatype: str | None = None
    shape: tuple[int, ...] | None = None


def parted(pipeline: Pipeline, values: Iterable[Value]) -> tuple[list[Value], list[Value]]:
    """Of what Triton answered that which is stored beside the entry, and the rest."""
    names = pipeline.artifact_outputs
    aside: list[Value] = []
    rest: list[Value] = []
    for value in values:
        (aside if value.name in names or value.elements > MAX_TENSOR_ELEMENTS else rest).append(value)
    return aside, rest


class Artifacts:
    """Stores artifacts, and gives them out."""

    def __init__(
        self, store: ArtifactStore, blobs: BlobStore, removal: Removal, *, clock: Callable[[], datetime] = now
    ):
        self._store = store
        self._blobs = blobs
        self._removal = removal
        self._clock = clock

    async def stored(
        self, pipeline: Pipeline, run_id: str, aside: Sequence[Value], content: bytes, page: int | None = None
    ) -> list[Artifact]:
        """The artifacts that these outputs hold, to be recorded with the end of the run; empty elements are none.

        Raises:
            WiringInvalid: they are no BYTES, too many, or too large; or `content`, the rest of the entry, has a field
                of their name.
            StorageUnavailable: they cannot be said to be stored.
        """
        made = list(_made(pipeline.artifact_outputs, aside))
        if not made:
            return []
        _check(made, content)
        artifacts = [self._artifact(run_id, each, page) for each in made]
        await self._removal.announce([each.blob for each in artifacts])
        for artifact, each in zip(artifacts, made, strict=True):
            await self._blobs.put(artifact.blob, each.data)
        return artifacts

    def _artifact(self, run_id: str, made: _Made, page: int | None) -> Artifact:
        artifact_id = new_id()
        return Artifact(
            artifact_id=artifact_id,
            run_id=run_id,
            name=made.name,
            page=page,
            datatype=made.datatype,
            shape=made.shape,
            content_type=(sniff(made.data) if made.datatype is None else None) or _UNKNOWN,
            size=len(made.data),
            created_at=self._clock(),
            blob=f"artifacts/{run_id}/{artifact_id}",
        )

    async def page(self, caller: Caller, execution_id: str, limit: int, cursor: str | None) -> ArtifactPage:
        """The artifacts of an execution, in the order in which they were made.

        Raises:
            ExecutionNotFound: there is no such execution.
            InvalidInput: the cursor is not one that this list gave.
        """
        after = place(cursor) or 0
        found = await self._store.page(caller.sees, known_form(execution_id), limit + 1, after)
        artifacts = [each for _, each in found[:limit]]
        return ArtifactPage(artifacts, str(found[limit - 1][0]) if len(found) > limit else None)

    async def content(
        self, caller: Caller, execution_id: str, artifact_id: str
    ) -> tuple[Artifact, AsyncIterator[bytes]]:
        """An artifact, and its bytes in pieces.

        Raises:
            ExecutionNotFound, ArtifactNotFound: there is no such execution or artifact.
        """
        artifact = await self._store.get(caller.sees, known_form(execution_id), artifact_id)
        return artifact, await opened(self._blobs.stream(artifact.blob), ArtifactNotFound)


def _made(declared: frozenset[str], aside: Iterable[Value]) -> Iterator[_Made]:
    for value in aside:
        if value.name not in declared:
            yield _Made(value.name, bytes(value.data), value.datatype, value.shape)
            continue
        if value.datatype != "BYTES":
            raise WiringInvalid("An output declared as an artifact is not BYTES.", field=value.name)
        for element in bytes_elements(value.data):
            if element:
                yield _Made(value.name, element)


def _check(made: Sequence[_Made], content: bytes) -> None:
    if len(made) > MAX_ARTIFACTS_PER_ENTRY:
        raise WiringInvalid(f"A model made more than {MAX_ARTIFACTS_PER_ENTRY} artifacts of one media.")
    for each in made:
        if len(each.data) > MAX_ARTIFACT_BYTES:
            raise WiringInvalid(f"A model made more than {MAX_ARTIFACT_BYTES} bytes in one artifact.", field=each.name)
    if FIELD in msgspec.json.decode(content, type=dict[str, msgspec.Raw]):
        raise WiringInvalid("An observation holds a field, artifacts, that other outputs need.")
