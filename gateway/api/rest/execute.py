"""The routes that run pipelines: the hot path of REST."""

from typing import Final

import msgspec
from litestar import Response, post
from litestar.params import FromPath, FromQuery

from gateway.api.rest.asking import asked_by
from gateway.api.rest.entering import AnyRequest, caller_of
from gateway.api.rest.results import json_reply, transform_reply
from gateway.api.services import Core
from gateway.domain.access import Scope
from gateway.domain.calls import Accepted, Form, Outcome
from gateway.limits import ASYNC_TIMEOUT
from gateway.wire.problem import record_headers
from gateway.wire.runs import run_url
from gateway.wire.views import AcceptedView, Envelope


@post("/pipelines/{pipeline_id:str}/executeSync", status_code=200, operation_id="executeSync", needs=Scope.RUN)
async def execute_sync(
    pipeline_id: FromPath[str], request: AnyRequest, services: Core, envelope: FromQuery[bool] = False
) -> Response[bytes]:
    """Run a pipeline and answer with what this call found, as an observation."""
    with services.runs.admission.place(caller_of(request), pipeline_id):
        wanted = await asked_by(request, pipeline_id, services, services.sync_timeout, Form.OBSERVATION)
        outcome = await services.runs.execute_sync(caller_of(request), wanted.call)
    body = _enveloped(outcome) if envelope else outcome.observation
    return Response(body, media_type="application/json", headers=_headers(outcome))


@post("/pipelines/{pipeline_id:str}/executeSync/json", status_code=200, operation_id="executeSyncJson", needs=Scope.RUN)
async def execute_sync_json(pipeline_id: FromPath[str], request: AnyRequest, services: Core) -> Response[bytes]:
    """Run a pipeline and answer with the plain JSON form of what it found: labels become keys."""
    with services.runs.admission.place(caller_of(request), pipeline_id):
        wanted = await asked_by(request, pipeline_id, services, services.sync_timeout, Form.JSON)
        outcome = await services.runs.execute_sync(caller_of(request), wanted.call)
    return json_reply(services.observations.plain(outcome.observation), _headers(outcome))


@post(
    "/pipelines/{pipeline_id:str}/executeSync/transform",
    status_code=200,
    operation_id="executeSyncTransform",
    needs=Scope.RUN,
)
async def execute_sync_transform(pipeline_id: FromPath[str], request: AnyRequest, services: Core) -> Response[bytes]:
    """Run a pipeline and answer with what a JSONata expression makes of what it found."""
    with services.runs.admission.place(caller_of(request), pipeline_id):
        wanted = await asked_by(request, pipeline_id, services, services.sync_timeout, Form.TRANSFORM)
        expression = await services.pipelines.transform(caller_of(request), pipeline_id, wanted.transform)
        outcome = await services.runs.execute_sync(caller_of(request), wanted.call)
        found = await services.observations.transformed(outcome.observation, expression)
    return transform_reply(request, found, _headers(outcome))


@post("/pipelines/{pipeline_id:str}/executeAsync", status_code=202, operation_id="executeAsync", needs=Scope.RUN)
async def execute_async(pipeline_id: FromPath[str], request: AnyRequest, services: Core) -> Response[bytes]:
    """Accept a run for the background; it is durable when this answers."""
    caller_of(request).check_pipeline(pipeline_id)
    with services.runs.admission.place(caller_of(request)):
        await services.runs.expect_room()
        wanted = await asked_by(request, pipeline_id, services, ASYNC_TIMEOUT, Form.ACCEPTED)
        accepted = await services.runs.execute_async(caller_of(request), wanted.call)
    headers = _headers(accepted) | {"location": run_url(accepted.run_id)}
    body = msgspec.json.encode(AcceptedView(accepted.execution_id, accepted.run_id))
    return Response(body, status_code=202, media_type="application/json", headers=headers)


def _headers(outcome: Outcome | Accepted) -> dict[str, str]:
    return dict(record_headers(outcome.execution_id, outcome.run_id, replayed=outcome.replayed))


def _enveloped(outcome: Outcome) -> bytes:
    return msgspec.json.encode(Envelope(outcome.execution_id, outcome.run_id, msgspec.Raw(outcome.observation)))


EXECUTING: Final = (execute_sync, execute_sync_json, execute_sync_transform, execute_async)
