"""The routes of files: put in once, and used by their ID."""

from typing import Annotated, Any, Final

from litestar import Request, Response, delete, get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream

from gateway.api.rest.entering import caller_of
from gateway.api.rest.file_form import FileForm
from gateway.api.rest.pages import Limit, following
from gateway.api.services import Core
from gateway.domain.access import Scope
from gateway.domain.files import NewFile
from gateway.limits import DEFAULT_PAGE, MAX_RETENTION
from gateway.wire.files import FileView, file_view

AnyRequest = Request[Any, Any, Any]
ExpiresAfter = Annotated[float | None, QueryParameter(name="expiresAfter", ge=0, le=MAX_RETENTION)]

#: What keeps a browser from running what a caller stored.
HARMLESS: Final = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox"}


@post("/files", status_code=200, operation_id="createFile", needs=Scope.RUN, request_max_body_size=None)
async def create_file(
    request: AnyRequest,
    services: Core,
    filename: FromQuery[str | None] = None,
    purpose: FromQuery[str | None] = None,
    expires_after: ExpiresAfter = None,
) -> FileView:
    """Store a file: the part `file` of a multipart form, or the body as it is. It is durable when this answers."""
    content_type = request.headers.get("content-type")
    if content_type is not None and content_type.lower().startswith("multipart/form-data"):
        form = FileForm(request.stream(), content_type)
        record = await services.files.create(caller_of(request), form.pieces(), form.about)
    else:
        told = NewFile(filename=filename, declared=content_type, purpose=purpose, ttl=expires_after)
        told.check()
        record = await services.files.create(caller_of(request), request.stream(), lambda: told)
    return file_view(record)


@get("/files", operation_id="listFiles", needs=Scope.READ)
async def list_files(
    request: AnyRequest,
    services: Core,
    purpose: FromQuery[str | None] = None,
    limit: Limit = DEFAULT_PAGE,
    cursor: FromQuery[str | None] = None,
) -> Response[list[FileView]]:
    """Files, newest first, of a purpose; the next page stands in `Link`."""
    page = await services.files.page(caller_of(request), purpose, limit, cursor)
    headers = following("/v1/files", {"purpose": purpose, "limit": limit}, page.next_cursor)
    return Response(list(map(file_view, page.files)), headers=headers)


@get("/files/{file_id:str}", operation_id="getFile", needs=Scope.READ)
async def get_file(file_id: FromPath[str], request: AnyRequest, services: Core) -> FileView:
    """One file."""
    return file_view(await services.files.get(caller_of(request), file_id))


@get("/files/{file_id:str}/content", operation_id="getFileContent", needs=Scope.READ)
async def get_file_content(file_id: FromPath[str], request: AnyRequest, services: Core) -> Stream:
    """The bytes of a file."""
    record, pieces = await services.files.content(caller_of(request), file_id)
    headers = {"content-type": record.content_type, "content-length": str(record.size)}
    return Stream(pieces, headers=HARMLESS | headers | {"content-disposition": record.disposition})


@delete("/files/{file_id:str}", operation_id="deleteFile", needs=Scope.RUN)
async def delete_file(file_id: FromPath[str], request: AnyRequest, services: Core) -> None:
    """Remove a file; runs that were accepted with it have bytes of their own."""
    await services.files.delete(caller_of(request), file_id)


FILES: Final = (create_file, list_files, get_file, get_file_content, delete_file)
