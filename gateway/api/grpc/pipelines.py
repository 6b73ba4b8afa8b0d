"""`gateway.v1.Pipelines`: each method converts, calls the core, and converts back."""

from typing import Any, Final

import grpc.aio

from gateway.api.grpc.deadlines import within_deadline
from gateway.api.grpc.entering import caller, needs
from gateway.api.services import Services
from gateway.domain.access import Scope
from gateway.domain.calls import Form, Outcome
from gateway.domain.graph import definition
from gateway.domain.keys import key_text
from gateway.limits import ASYNC_TIMEOUT, MAX_SYNC_TIMEOUT
from gateway.v1 import pipelines_pb2, pipelines_pb2_grpc
from gateway.wire import protos
from gateway.wire.call_protos import async_call, sync_call
from gateway.wire.calls import answer

Context = grpc.aio.ServicerContext[Any, Any]

#: The metadata that names a call.
IDEMPOTENCY_KEY: Final = "idempotency-key"


class Pipelines(pipelines_pb2_grpc.PipelinesServicer):
    """What can be run, and running it."""

    def __init__(self, services: Services):
        self._services = services

    @needs(Scope.READ)
    async def ListPipelines(
        self, request: pipelines_pb2.ListPipelinesRequest, context: Context
    ) -> pipelines_pb2.ListPipelinesResponse:
        """Every pipeline, by name."""
        return pipelines_pb2.ListPipelinesResponse(
            pipelines=map(protos.pipeline, self._services.pipelines.list(caller()))
        )

    @needs(Scope.READ)
    async def GetPipeline(self, request: pipelines_pb2.GetPipelineRequest, context: Context) -> pipelines_pb2.Pipeline:
        """One pipeline."""
        return protos.pipeline(await self._services.pipelines.get(caller(), request.pipeline_id))

    @needs(Scope.READ)
    async def GetPipelineDefinition(
        self, request: pipelines_pb2.GetPipelineDefinitionRequest, context: Context
    ) -> pipelines_pb2.PipelineDefinition:
        """The graph of one pipeline."""
        return protos.definition(definition(await self._services.pipelines.get(caller(), request.pipeline_id)))

    @needs(Scope.RUN)
    async def ExecuteSync(
        self, request: pipelines_pb2.ExecuteSyncRequest, context: Context
    ) -> pipelines_pb2.ExecuteSyncResponse:
        """Run a pipeline within the call's deadline."""
        with self._services.runs.admission.place(caller(), request.pipeline_id):
            outcome = await self._run(request, context, Form.OBSERVATION)
        return pipelines_pb2.ExecuteSyncResponse(
            execution_id=outcome.execution_id,
            run_id=outcome.run_id,
            observation=outcome.observation,
            replayed=outcome.replayed,
        )

    @needs(Scope.RUN)
    async def ExecuteSyncJson(
        self, request: pipelines_pb2.ExecuteSyncRequest, context: Context
    ) -> pipelines_pb2.ExecuteSyncJsonResponse:
        """Run a pipeline; labels become keys."""
        with self._services.runs.admission.place(caller(), request.pipeline_id):
            outcome = await self._run(request, context, Form.JSON)
        return pipelines_pb2.ExecuteSyncJsonResponse(
            execution_id=outcome.execution_id,
            run_id=outcome.run_id,
            json=self._services.observations.plain(outcome.observation),
            replayed=outcome.replayed,
        )

    @needs(Scope.RUN)
    async def ExecuteSyncTransform(
        self, request: pipelines_pb2.ExecuteSyncTransformRequest, context: Context
    ) -> pipelines_pb2.ExecuteSyncTransformResponse:
        """Run a pipeline and transform what it finds."""
        with self._services.runs.admission.place(caller(), request.call.pipeline_id):
            pipeline_id = request.call.pipeline_id
            expression = await self._services.pipelines.transform(caller(), pipeline_id, request.transform or None)
            outcome = await self._run(request.call, context, Form.TRANSFORM, request.transform)
            found = await self._services.observations.transformed(outcome.observation, expression)
        return pipelines_pb2.ExecuteSyncTransformResponse(
            execution_id=outcome.execution_id,
            run_id=outcome.run_id,
            result=b"null" if found is None else found,
            replayed=outcome.replayed,
        )

    @needs(Scope.RUN)
    async def ExecuteAsync(
        self, request: pipelines_pb2.ExecuteAsyncRequest, context: Context
    ) -> pipelines_pb2.ExecuteAsyncResponse:
        """Accept a run for the background."""
        caller().check_pipeline(request.call.pipeline_id)
        with self._services.runs.admission.place(caller()):
            await self._services.runs.expect_room()
            call = async_call(request, request.timeout or ASYNC_TIMEOUT, _key(request.call, context))
            accepted = await self._services.runs.execute_async(caller(), call)
        return pipelines_pb2.ExecuteAsyncResponse(
            execution_id=accepted.execution_id, run_id=accepted.run_id, replayed=accepted.replayed
        )

    async def _run(
        self, request: pipelines_pb2.ExecuteSyncRequest, context: Context, form: Form, transform: str = ""
    ) -> Outcome:
        timed = context.time_remaining() is not None
        timeout = within_deadline(context, MAX_SYNC_TIMEOUT) if timed else self._services.sync_timeout
        call = sync_call(request, timeout, answer(form, transform), _key(request, context))
        return await self._services.runs.execute_sync(caller(), call)


def _key(request: pipelines_pb2.ExecuteSyncRequest, context: Context) -> str | None:
    """The caller's name for a call: of its field, else of its metadata."""
    metadata = dict(context.invocation_metadata() or ())
    given = request.idempotency_key or metadata.get(IDEMPOTENCY_KEY)
    return key_text(given if isinstance(given, str) else None)
