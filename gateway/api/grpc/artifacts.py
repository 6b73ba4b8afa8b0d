"""The half of `gateway.v1.Executions` that gives out what runs have made."""

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio

from gateway.api.grpc.entering import caller, needs
from gateway.api.grpc.pages import page_limit
from gateway.api.services import Services
from gateway.domain.access import Scope
from gateway.v1 import executions_pb2, executions_pb2_grpc
from gateway.wire.artifacts import artifact_message

Context = grpc.aio.ServicerContext[Any, Any]


class Artifacts(executions_pb2_grpc.ExecutionsServicer):
    """The artifacts of executions."""

    def __init__(self, services: Services):
        self._services = services

    @needs(Scope.READ)
    async def ListArtifacts(
        self, request: executions_pb2.ListArtifactsRequest, context: Context
    ) -> executions_pb2.ListArtifactsResponse:
        """A page of the artifacts of one execution."""
        limit, cursor = page_limit(request.limit), request.cursor or None
        page = await self._services.artifacts.page(caller(), request.execution_id, limit, cursor)
        return executions_pb2.ListArtifactsResponse(
            artifacts=map(artifact_message, page.artifacts), next_cursor=page.next_cursor or ""
        )

    @needs(Scope.READ)
    async def GetArtifact(
        self, request: executions_pb2.GetArtifactRequest, context: Context
    ) -> AsyncIterator[executions_pb2.GetArtifactResponse]:
        """The bytes of an artifact, piece by piece."""
        content = self._services.artifacts.content
        artifact, pieces = await content(caller(), request.execution_id, request.artifact_id)
        head: executions_pb2.Artifact | None = artifact_message(artifact)
        async for piece in pieces:
            yield executions_pb2.GetArtifactResponse(artifact=head, data=piece)
            head = None
