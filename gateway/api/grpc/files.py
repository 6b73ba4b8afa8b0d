"""`gateway.v1.Files`: each method converts, calls the core, and converts back."""

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio

from gateway.api.grpc.entering import caller, needs
from gateway.api.grpc.pages import page_limit
from gateway.api.services import Services
from gateway.domain.access import Scope
from gateway.domain.files import NewFile
from gateway.errors import InvalidInput
from gateway.v1 import files_pb2, files_pb2_grpc
from gateway.wire.files import file_message

Context = grpc.aio.ServicerContext[Any, Any]


class Files(files_pb2_grpc.FilesServicer):
    """Files, put in once and used by their ID."""

    def __init__(self, services: Services):
        self._services = services

    @needs(Scope.RUN)
    async def CreateFile(
        self, request_iterator: AsyncIterator[files_pb2.CreateFileRequest], context: Context
    ) -> files_pb2.File:
        """Store a file that comes in pieces."""
        first = await anext(aiter(request_iterator), None)
        if first is None:
            raise InvalidInput("There is no piece.", field="file")
        told = NewFile(
            filename=first.filename or None,
            declared=first.content_type or None,
            purpose=first.purpose or None,
            ttl=first.expires_after if first.HasField("expires_after") else None,
        )
        told.check()
        pieces = _data(first, request_iterator)
        return file_message(await self._services.files.create(caller(), pieces, lambda: told))

    @needs(Scope.READ)
    async def GetFile(self, request: files_pb2.GetFileRequest, context: Context) -> files_pb2.File:
        """One file."""
        return file_message(await self._services.files.get(caller(), request.file_id))

    @needs(Scope.READ)
    async def ListFiles(self, request: files_pb2.ListFilesRequest, context: Context) -> files_pb2.ListFilesResponse:
        """A page of files."""
        limit, cursor = page_limit(request.limit), request.cursor or None
        page = await self._services.files.page(caller(), request.purpose or None, limit, cursor)
        return files_pb2.ListFilesResponse(files=map(file_message, page.files), next_cursor=page.next_cursor or "")

    @needs(Scope.READ)
    async def GetFileContent(
        self, request: files_pb2.GetFileContentRequest, context: Context
    ) -> AsyncIterator[files_pb2.GetFileContentResponse]:
        """The bytes of a file, piece by piece."""
        record, pieces = await self._services.files.content(caller(), request.file_id)
        head: files_pb2.File | None = file_message(record)
        async for piece in pieces:
            yield files_pb2.GetFileContentResponse(file=head, data=piece)
            head = None

    @needs(Scope.RUN)
    async def DeleteFile(self, request: files_pb2.DeleteFileRequest, context: Context) -> files_pb2.DeleteFileResponse:
        """Remove a file."""
        await self._services.files.delete(caller(), request.file_id)
        return files_pb2.DeleteFileResponse()


async def _data(
    first: files_pb2.CreateFileRequest, others: AsyncIterator[files_pb2.CreateFileRequest]
) -> AsyncIterator[bytes]:
    yield first.data
    async for piece in others:
        yield piece.data
