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
    """What one run found in one media; `content` is a JSON object without the reserved fields."""

    entry_id: str
    media_id: str | None
    run_id: str
    pipeline_id: str
    pipeline_version: int
    created_at: datetime
    content: bytes


class _Head(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    id: str
    media_id: str | None = None
    run_id: str
    pipeline_id: str
    pipeline_version: int = -1
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


def observation_json(execution_id: str, entries: Iterable[Entry]) -> bytes:
    """The whole observation as the wire shows it."""
    contents = b",".join(map(entry_json, entries))
    execution = msgspec.json.encode(execution_id)
    return b'{"executionId":' + execution + b',"mediaContents":[' + contents + b'],"documents":[]}'
