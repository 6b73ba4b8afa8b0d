"""An observation: what all runs on an execution found, entry after entry, each with where it came from.

A model's JSON is kept and sent as it came; the gateway only writes its own six fields before it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec

from gateway.domain.ids import rfc3339

#: The fields that the gateway itself writes into an entry.
RESERVED: Final = frozenset(("id", "mediaId", "runId", "pipelineId", "pipelineVersion", "createdAt"))
#: The fields by which an object is known as an observation of one media.
VOCABULARY: Final = frozenset(("documentPages", "imageHash", "codes", "metaData", "label", "rawText"))


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What a run found in one media, or a caller put in; `content` is a JSON object without the reserved fields."""

    entry_id: str
    media_id: str | None = None
    run_id: str | None = None
    pipeline_id: str | None = None
    pipeline_version: int | None = None
    created_at: datetime
    content: bytes


class Given(msgspec.Struct, frozen=True):
    """An entry that a caller puts in: under an ID that is known it replaces the content, else it is appended."""

    entry_id: str | None
    media_id: str | None
    content: bytes


class _Head(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    id: str
    media_id: str | None = None
    run_id: str | None = None
    pipeline_id: str | None = None
    pipeline_version: int | None = None
    created_at: str


def entry_json(entry: Entry) -> bytes:
    """The entry as the wire shows it: the reserved fields, then the content unchanged."""
    head = msgspec.json.encode(
        _Head(
            id=entry.entry_id,
            media_id=entry.media_id,
            run_id=entry.run_id,
            pipeline_id=entry.pipeline_id,
            pipeline_version=entry.pipeline_version,
            created_at=rfc3339(entry.created_at),
        )
    )
    body = entry.content.lstrip()[1:].lstrip()
    return head[:-1] + (b"" if body.startswith(b"}") else b",") + body


def observation_head(execution_id: str) -> bytes:
    """What stands before the first entry of an observation."""
    return b'{"executionId":' + msgspec.json.encode(execution_id) + b',"mediaContents":['


#: What stands behind the last entry of an observation.
OBSERVATION_TAIL: Final = b'],"documents":[]}'


def observation_json(execution_id: str, entries: Iterable[Entry]) -> bytes:
    """The whole observation as the wire shows it."""
    return observation_head(execution_id) + b",".join(map(entry_json, entries)) + OBSERVATION_TAIL
