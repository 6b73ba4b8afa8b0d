"""Artifacts as both doors show them."""

import msgspec

from gateway.domain.artifacts import Artifact
from gateway.domain.ids import rfc3339
from gateway.v1 import executions_pb2
from gateway.wire.run_protos import timestamp


class ArtifactView(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """An artifact as the wire shows it; absent is what there is none of."""

    artifact_id: str
    run_id: str
    name: str
    page: int | None = None
    datatype: str | None = None
    shape: tuple[int, ...] | None = None
    content_type: str
    size: int
    created_at: str


def artifact_view(found: Artifact) -> ArtifactView:
    """The wire's form of an artifact."""
    return ArtifactView(
        artifact_id=found.artifact_id,
        run_id=found.run_id,
        name=found.name,
        page=found.page,
        datatype=found.datatype,
        shape=found.shape,
        content_type=found.content_type,
        size=found.size,
        created_at=rfc3339(found.created_at),
    )


def artifact_message(found: Artifact) -> executions_pb2.Artifact:
    """The message of an artifact."""
    return executions_pb2.Artifact(
        artifact_id=found.artifact_id,
        run_id=found.run_id,
        name=found.name,
        page=found.page or 0,
        datatype=found.datatype or "",
        shape=found.shape or (),
        content_type=found.content_type,
        size=found.size,
        created_at=timestamp(found.created_at),
    )
