"""The routes that run pipelines: the hot path of REST."""

import asyncio
from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.params import FromPath, FromQuery

from gateway.api.request_id import request_id
from gateway.api.services import Core
from gateway.domain.calls import Outcome
from gateway.errors import RequestIncomplete
from gateway.limits import BODY_TIMEOUT
from gateway.wire import rest
from gateway.wire.problem import record_headers


@post("/pipelines/{pipeline_id:str}/executeSync", status_code=200)
async def execute_sync(
    pipeline_id: FromPath[str], request: Request[Any, Any, Any], services: Core, envelope: FromQuery[bool] = False
) -> Response[bytes]:
    """Run a pipeline on the media of this call and answer with the observation."""
    with services.runs.admission.place():
        call = rest.call(pipeline_id, await _body(request), services.sync_timeout)
        outcome = await services.runs.execute_sync(call)
    headers = dict(record_headers(outcome.execution_id, outcome.run_id))
    headers["x-request-id"] = request_id(request.headers.get("x-request-id"))
    body = _enveloped(outcome) if envelope else outcome.observation
    return Response(body, media_type="application/json", headers=headers)


async def _body(request: Request[Any, Any, Any]) -> bytes:
    """The whole body; it is read by hand so that a call is admitted first.

    Raises:
        RequestIncomplete: it did not arrive in time.
    """
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            return await request.body()
    except TimeoutError:
        raise RequestIncomplete from None


def _enveloped(outcome: Outcome) -> bytes:
    return msgspec.json.encode(rest.Envelope(outcome.execution_id, outcome.run_id, msgspec.Raw(outcome.observation)))
