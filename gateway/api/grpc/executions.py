"""`gateway.v1.Executions`: each method converts, calls the core, and converts back."""

from collections.abc import AsyncIterator
from typing import Any, Final

import grpc.aio

from gateway.api.grpc.artifacts import Artifacts
from gateway.api.grpc.entering import caller, needs
from gateway.api.grpc.pages import page_limit
from gateway.domain.access import Scope
from gateway.domain.executions import ExecutionFilter
from gateway.errors import InvalidInput, TooLarge
from gateway.v1 import executions_pb2
from gateway.wire import protos
from gateway.wire.calls import checked_meta_data, checked_tag, checked_ttl
from gateway.wire.run_protos import run_state

Context = grpc.aio.ServicerContext[Any, Any]

#: Bytes of one piece of stored media on its way out.
_PIECE: Final = 1024 * 1024


class Executions(Artifacts):
    """Executions, and the media stored on them."""

    @needs(Scope.READ)
    async def GetExecution(
        self, request: executions_pb2.GetExecutionRequest, context: Context
    ) -> executions_pb2.Execution:
        """One execution."""
        return protos.execution(await self._services.executions.get(caller(), request.execution_id))

    @needs(Scope.RUN)
    async def CreateExecution(
        self, request: executions_pb2.CreateExecutionRequest, context: Context
    ) -> executions_pb2.CreateExecutionResponse:
        """A new execution, or the one of this ID that there is."""
        execution, created = await self._services.executions.create(
            caller(),
            request.execution_id or None,
            checked_tag(request.tag or None),
            checked_meta_data(request.meta_data or None),
            checked_ttl(request.ttl if request.HasField("ttl") else None),
            request.hook_ids,
        )
        return executions_pb2.CreateExecutionResponse(execution=protos.execution(execution), created=created)

    @needs(Scope.READ)
    async def ListExecutions(
        self, request: executions_pb2.ListExecutionsRequest, context: Context
    ) -> executions_pb2.ListExecutionsResponse:
        """A page of executions."""
        wanted = ExecutionFilter(checked_tag(request.tag or None), run_state(request.state))
        page = await self._services.executions.page(caller(), wanted, page_limit(request.limit), request.cursor or None)
        return executions_pb2.ListExecutionsResponse(
            executions=map(protos.execution, page.executions), next_cursor=page.next_cursor or ""
        )

    @needs(Scope.RUN)
    async def DeleteExecution(
        self, request: executions_pb2.DeleteExecutionRequest, context: Context
    ) -> executions_pb2.DeleteExecutionResponse:
        """Remove an execution."""
        await self._services.executions.delete(caller(), request.execution_id)
        return executions_pb2.DeleteExecutionResponse()

    @needs(Scope.RUN)
    async def UploadMedia(
        self, request_iterator: AsyncIterator[executions_pb2.UploadMediaRequest], context: Context
    ) -> executions_pb2.StoredMedia:
        """Store one media that comes in pieces."""
        body, execution_id, content_type = bytearray(), "", ""
        async for piece in request_iterator:
            execution_id = execution_id or piece.execution_id
            content_type = content_type or piece.content_type
            body += piece.data
            if len(body) > self._services.max_body_bytes:
                raise TooLarge(f"The media is larger than {self._services.max_body_bytes} bytes.")
        if not execution_id:
            raise InvalidInput("The first piece names no execution.", field="execution_id")
        record = await self._services.executions.upload(caller(), execution_id, bytes(body), content_type or None)
        return protos.stored_media(record)

    @needs(Scope.READ)
    async def ListMedia(
        self, request: executions_pb2.ListMediaRequest, context: Context
    ) -> executions_pb2.ListMediaResponse:
        """The stored media of one execution."""
        stored = await self._services.executions.media(caller(), request.execution_id)
        return executions_pb2.ListMediaResponse(media=map(protos.stored_media, stored))

    @needs(Scope.READ)
    async def GetMedia(
        self, request: executions_pb2.GetMediaRequest, context: Context
    ) -> AsyncIterator[executions_pb2.GetMediaResponse]:
        """Stored media, piece by piece."""
        record, data = await self._services.executions.fetch(caller(), request.execution_id, request.media_id)
        yield executions_pb2.GetMediaResponse(media=protos.stored_media(record), data=data[:_PIECE])
        for start in range(_PIECE, len(data), _PIECE):
            yield executions_pb2.GetMediaResponse(data=data[start : start + _PIECE])

    @needs(Scope.RUN)
    async def DeleteMedia(
        self, request: executions_pb2.DeleteMediaRequest, context: Context
    ) -> executions_pb2.DeleteMediaResponse:
        """Remove stored media."""
        await self._services.executions.delete_media(caller(), request.execution_id, request.media_id)
        return executions_pb2.DeleteMediaResponse()
