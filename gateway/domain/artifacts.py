"""An artifact: encoded bytes that a run made, fetched by their ID; the entry that it belongs to names it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

#: The field of an entry that names its artifacts.
FIELD: Final = "artifacts"


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """One artifact, stored."""

    artifact_id: str
    run_id: str
    #: The output it came from.
    name: str
    #: The page of the media that it was made of, from 1; None where the media has none.
    page: int | None = None
    #: Of a tensor in Triton's own layout, little-endian, row by row: how it is to be read.
    datatype: str | None = None
    shape: tuple[int, ...] | None = None
    content_type: str
    size: int
    created_at: datetime
    #: Its key in the blob store.
    blob: str

    @property
    def disposition(self) -> str:
        """The header by which a browser saves it, and never shows it."""
        return f'attachment; filename="{self.artifact_id}"'


class ArtifactPage(msgspec.Struct, frozen=True):
    """Some artifacts of a list, and where the next page begins, if there is one."""

    artifacts: list[Artifact]
    next_cursor: str | None


class _Named(msgspec.Struct, rename="camel", omit_defaults=True):
    artifact_id: str
    name: str
    content_type: str
    size: int
    page: int | None = None
    datatype: str | None = None
    shape: tuple[int, ...] | None = None


def with_artifacts(content: bytes, artifacts: Sequence[Artifact]) -> bytes:
    """The content of an entry, unchanged, with its artifacts behind its own fields."""
    if not artifacts:
        return content
    body = content.rstrip()[:-1].rstrip()
    comma = b"" if body.lstrip() == b"{" else b","
    return body + comma + msgspec.json.encode({FIELD: list(map(_named, artifacts))})[1:]


def _named(each: Artifact) -> _Named:
    how = (each.page, each.datatype, each.shape)
    return _Named(each.artifact_id, each.name, each.content_type, each.size, *how)
