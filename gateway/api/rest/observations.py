"""The routes of observations: read whole or in pages, as plain JSON, through a transform; and merged into."""

from collections.abc import AsyncIterator
from typing import Annotated, Final
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream

from gateway.api.rest.body import read_body
from gateway.api.rest.entering import AnyRequest, caller_of
from gateway.api.rest.results import json_reply, transform_reply
from gateway.api.services import Core, Services
from gateway.core.executions import place
from gateway.domain.access import Caller, Scope
from gateway.errors import TransformInvalid
from gateway.limits import MAX_PAGE
from gateway.wire.observations import given_entries

#: The limit of what is not read in pages: a number, as Litestar takes the text `null` for None where it may be that.
_WHOLE: Final = 0
Limit = Annotated[int, QueryParameter(ge=_WHOLE, le=MAX_PAGE)]


@get("/executions/{execution_id:str}/observation", operation_id="getObservation", needs=Scope.READ)
async def get_observation(
    execution_id: FromPath[str],
    request: AnyRequest,
    services: Core,
    limit: Limit = _WHOLE,
    cursor: FromQuery[str | None] = None,
    superseded: FromQuery[bool] = False,
) -> Response[bytes] | Stream:
    """What all runs have found: whole, as a stream; or with a `limit` above 0 in pages, the next one in `Link`."""
    if limit == _WHOLE and cursor is None:
        return await _streamed(caller_of(request), services, execution_id, superseded=superseded)
    rows = limit or MAX_PAGE
    page = await services.observations.page(
        caller_of(request), execution_id, rows, place(cursor), superseded=superseded
    )
    reply = json_reply(page.document)
    if page.next_cursor is not None:
        query = urlencode({"limit": rows, "cursor": page.next_cursor, "superseded": superseded})
        reply.headers["Link"] = f'</v1/executions/{execution_id}/observation?{query}>; rel="next"'
    return reply


async def _streamed(caller: Caller, services: Services, execution_id: str, *, superseded: bool) -> Stream:
    pieces = services.observations.stream(caller, execution_id, superseded=superseded)
    # What is refused is refused before the first byte.
    head = await anext(pieces)

    async def whole() -> AsyncIterator[bytes]:
        yield head
        async for piece in pieces:
            yield piece

    return Stream(whole(), media_type="application/json")


@post("/executions/{execution_id:str}/observation", status_code=200, operation_id="mergeObservation", needs=Scope.RUN)
async def merge_observation(
    execution_id: FromPath[str], request: AnyRequest, services: Core
) -> Response[bytes] | Response[None] | Stream:
    """Merge an observation into the stored one; without a body it is read, as the guides of Cambrion do."""
    body = await read_body(request)
    if not body:
        return await _streamed(caller_of(request), services, execution_id, superseded=False)
    await services.observations.merge(caller_of(request), execution_id, given_entries(body))
    return Response(None, status_code=204)


@get("/executions/{execution_id:str}/observation/json", operation_id="getObservationJson", needs=Scope.READ)
async def get_observation_json(execution_id: FromPath[str], request: AnyRequest, services: Core) -> Response[bytes]:
    """The plain JSON form of what all runs have found: labels become keys."""
    return json_reply(await services.observations.json(caller_of(request), execution_id))


@post(
    "/executions/{execution_id:str}/observation/json",
    status_code=200,
    operation_id="readObservationJson",
    needs=Scope.READ,
)
async def read_observation_json(execution_id: FromPath[str], request: AnyRequest, services: Core) -> Response[bytes]:
    """The same by POST, as the guides of Cambrion read it."""
    return json_reply(await services.observations.json(caller_of(request), execution_id))


@post(
    "/executions/{execution_id:str}/observation/transform",
    status_code=200,
    operation_id="transformObservation",
    needs=Scope.READ,
)
async def transform_observation(execution_id: FromPath[str], request: AnyRequest, services: Core) -> Response[bytes]:
    """What a JSONata expression, the body as it is, makes of what all runs have found."""
    try:
        expression = (await read_body(request)).decode()
    except UnicodeDecodeError:
        raise TransformInvalid("The expression is not UTF-8.") from None
    found = await services.observations.transform(caller_of(request), execution_id, expression)
    return transform_reply(request, found)


OBSERVATIONS: Final = (
    get_observation,
    merge_observation,
    get_observation_json,
    read_observation_json,
    transform_observation,
)
