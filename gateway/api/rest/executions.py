"""The routes of executions and of the media stored on them."""

from collections.abc import Sequence
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath, FromQuery, QueryParameter

from gateway.api.rest.body import read_body
from gateway.api.rest.entering import AnyRequest, caller_of
from gateway.api.rest.form_parts import multipart_parts
from gateway.api.services import Core
from gateway.domain.access import Scope
from gateway.domain.executions import ExecutionFilter
from gateway.domain.runs import RunState
from gateway.errors import InvalidInput
from gateway.limits import DEFAULT_PAGE, MAX_PAGE
from gateway.wire.calls import checked_meta_data, checked_tag, checked_ttl
from gateway.wire.forms import Part
from gateway.wire.free_json import NOTHING, raw_field
from gateway.wire.json import decode
from gateway.wire.runs import RunView, run_view
from gateway.wire.views import ExecutionView, MediaView, UploadedView, execution_view, media_view

Limit = Annotated[int, QueryParameter(ge=1, le=MAX_PAGE)]


class ExecutionBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The body of a new execution; null is absent."""

    execution_id: str | None = None
    tag: str | None = None
    meta_data: msgspec.Raw = NOTHING
    ttl: float | None = None
    hook_ids: list[str] | None = None


_execution_body: Final = msgspec.json.Decoder(ExecutionBody)


@post("/executions", status_code=200, operation_id="createExecution", needs=Scope.RUN)
async def create_execution(request: AnyRequest, services: Core) -> Response[ExecutionView | None]:
    """A new execution; 204 where there is one of this ID, which stays as it is."""
    asked = decode(await read_body(request) or b"{}", _execution_body)
    execution, created = await services.executions.create(
        caller_of(request),
        asked.execution_id,
        checked_tag(asked.tag),
        checked_meta_data(raw_field(asked.meta_data)),
        checked_ttl(asked.ttl),
        asked.hook_ids or (),
    )
    return Response(execution_view(execution)) if created else Response(None, status_code=204)


@get("/executions", operation_id="listExecutions", needs=Scope.READ)
async def list_executions(
    request: AnyRequest,
    services: Core,
    tag: FromQuery[str | None] = None,
    status: FromQuery[str | None] = None,
    limit: Limit = DEFAULT_PAGE,
    cursor: FromQuery[str | None] = None,
) -> Response[list[ExecutionView]]:
    """Executions, newest first, of a tag and a status; the next page stands in `Link`."""
    wanted = ExecutionFilter(checked_tag(tag), _state(status))
    page = await services.executions.page(caller_of(request), wanted, limit, cursor)
    asked = {"tag": tag, "status": status, "limit": limit}
    headers = _next("/v1/executions", asked, page.next_cursor)
    return Response(list(map(execution_view, page.executions)), headers=headers)


@get("/executions/{execution_id:str}", operation_id="getExecution", needs=Scope.READ)
async def get_execution(execution_id: FromPath[str], request: AnyRequest, services: Core) -> ExecutionView:
    """One execution; its status, end and error are those of its newest run."""
    return execution_view(await services.executions.get(caller_of(request), execution_id))


@delete("/executions/{execution_id:str}", operation_id="deleteExecution", needs=Scope.RUN)
async def delete_execution(execution_id: FromPath[str], request: AnyRequest, services: Core) -> None:
    """Remove an execution and all that belongs to it."""
    await services.executions.delete(caller_of(request), execution_id)


@get("/executions/{execution_id:str}/runs", operation_id="listRuns", needs=Scope.READ)
async def list_runs(
    execution_id: FromPath[str],
    request: AnyRequest,
    services: Core,
    limit: Limit = DEFAULT_PAGE,
    cursor: FromQuery[str | None] = None,
) -> Response[list[RunView]]:
    """The runs of an execution, oldest first; the next page stands in `Link`."""
    page = await services.runs.page(caller_of(request), execution_id, limit, cursor)
    headers = _next(f"/v1/executions/{execution_id}/runs", {"limit": limit}, page.next_cursor)
    return Response(list(map(run_view, page.runs)), headers=headers)


@post("/executions/{execution_id:str}/observation/media", status_code=200, operation_id="uploadMedia", needs=Scope.RUN)
async def upload_media(execution_id: FromPath[str], request: AnyRequest, services: Core) -> UploadedView:
    """Store media: raw bytes, base64 text, or the files of a multipart form."""
    content_type = request.headers.get("content-type")
    if content_type is not None and content_type.startswith("multipart/form-data"):
        bodies = _files(await multipart_parts(request, content_type))
    else:
        bodies = [(await read_body(request), content_type)]
    stored = [
        await services.executions.upload(caller_of(request), execution_id, body, declared) for body, declared in bodies
    ]
    return UploadedView(stored[0].media_id, [each.media_id for each in stored])


@get("/executions/{execution_id:str}/observation/media", operation_id="listMedia", needs=Scope.READ)
async def list_media(execution_id: FromPath[str], request: AnyRequest, services: Core) -> list[MediaView]:
    """The stored media of an execution, in the order they came."""
    return list(map(media_view, await services.executions.media(caller_of(request), execution_id)))


@get("/executions/{execution_id:str}/observation/media/{media_id:str}", operation_id="getMedia", needs=Scope.READ)
async def get_media(
    execution_id: FromPath[str], media_id: FromPath[str], request: AnyRequest, services: Core
) -> Response[bytes]:
    """Stored media, byte for byte."""
    record, data = await services.executions.fetch(caller_of(request), execution_id, media_id)
    # A browser must not run what a caller stored.
    headers = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox"}
    # As a header: Litestar would add a charset of its own to a text that names one already.
    return Response(
        data, media_type="application/octet-stream", headers=headers | {"content-type": record.content_type}
    )


@delete("/executions/{execution_id:str}/observation/media/{media_id:str}", operation_id="deleteMedia", needs=Scope.RUN)
async def delete_media(
    execution_id: FromPath[str], media_id: FromPath[str], request: AnyRequest, services: Core
) -> None:
    """Remove stored media; entries that came of it stay."""
    await services.executions.delete_media(caller_of(request), execution_id, media_id)


def _files(parts: Sequence[Part]) -> Sequence[tuple[bytes, str | None]]:
    files = [each for each in parts if each.is_file and not each.is_left_out]
    if not files:
        raise InvalidInput("The form holds no file.", field="media")
    return [(file.data, file.declared) for file in files]


def _state(status: str | None) -> RunState | None:
    try:
        return RunState(status.lower()) if status is not None else None
    except ValueError:
        raise InvalidInput("There is no such status.", field="status") from None


def _next(path: str, asked: dict[str, Any], cursor: str | None) -> dict[str, str]:
    """The header that leads to the next page."""
    if cursor is None:
        return {}
    query = urlencode({name: value for name, value in (asked | {"cursor": cursor}).items() if value is not None})
    return {"Link": f'<{path}?{query}>; rel="next"'}


EXECUTIONS: Final = (
    create_execution,
    list_executions,
    get_execution,
    delete_execution,
    list_runs,
    upload_media,
    list_media,
    get_media,
    delete_media,
)
