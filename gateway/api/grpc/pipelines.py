"""`gateway.v1.Pipelines`: each method converts, calls the core, and converts back."""

from typing import Any, Final

import grpc.aio

from gateway.api.services import Services
from gateway.domain.calls import Outcome
from gateway.domain.graph import definition
from gateway.limits import ASYNC_TIMEOUT, MAX_SYNC_TIMEOUT
from gateway.v1 import pipelines_pb2, pipelines_pb2_grpc
from gateway.wire import protos

Context = grpc.aio.ServicerContext[Any, Any]

#: Seconds of a caller's deadline that are kept for the way back.
_REPLY_MARGIN: Final = 0.05


class Pipelines(pipelines_pb2_grpc.PipelinesServicer):
    """What can be run, and running it."""

    def __init__(self, services: Services):
        self._services = services

    async def ListPipelines(
        self, request: pipelines_pb2.ListPipelinesRequest, context: Context
    ) -> pipelines_pb2.ListPipelinesResponse:
        """Every pipeline, by name."""
        return pipelines_pb2.ListPipelinesResponse(pipelines=map(protos.pipeline, self._services.pipelines.list()))

    async def GetPipeline(self, request: pipelines_pb2.GetPipelineRequest, context: Context) -> pipelines_pb2.Pipeline:
        """One pipeline."""
        return protos.pipeline(await self._services.pipelines.get(request.pipeline_id))

    async def GetPipelineDefinition(
        self, request: pipelines_pb2.GetPipelineDefinitionRequest, context: Context
    ) -> pipelines_pb2.PipelineDefinition:
        """The graph of one pipeline."""
        return protos.definition(definition(await self._services.pipelines.get(request.pipeline_id)))

    async def ExecuteSync(
        self, request: pipelines_pb2.ExecuteSyncRequest, context: Context
    ) -> pipelines_pb2.ExecuteSyncResponse:
        """Run a pipeline within the call's deadline."""
        with self._services.runs.admission.place(request.pipeline_id):
            outcome = await self._run(request, context)
        return pipelines_pb2.ExecuteSyncResponse(
            execution_id=outcome.execution_id, run_id=outcome.run_id, observation=outcome.observation
        )

    async def ExecuteSyncJson(
        self, request: pipelines_pb2.ExecuteSyncRequest, context: Context
    ) -> pipelines_pb2.ExecuteSyncJsonResponse:
        """Run a pipeline; labels become keys."""
        with self._services.runs.admission.place(request.pipeline_id):
            outcome = await self._run(request, context)
        return pipelines_pb2.ExecuteSyncJsonResponse(
            execution_id=outcome.execution_id,
            run_id=outcome.run_id,
            json=self._services.observations.plain(outcome.observation),
        )

    async def ExecuteSyncTransform(
        self, request: pipelines_pb2.ExecuteSyncTransformRequest, context: Context
    ) -> pipelines_pb2.ExecuteSyncTransformResponse:
        """Run a pipeline and transform what it finds."""
        with self._services.runs.admission.place(request.call.pipeline_id):
            pipeline_id = request.call.pipeline_id
            expression = await self._services.pipelines.transform(pipeline_id, request.transform or None)
            outcome = await self._run(request.call, context)
            found = await self._services.observations.transformed(outcome.observation, expression)
        return pipelines_pb2.ExecuteSyncTransformResponse(
            execution_id=outcome.execution_id, run_id=outcome.run_id, result=b"null" if found is None else found
        )

    async def ExecuteAsync(
        self, request: pipelines_pb2.ExecuteAsyncRequest, context: Context
    ) -> pipelines_pb2.ExecuteAsyncResponse:
        """Accept a run for the background."""
        with self._services.runs.admission.place():
            call = protos.call(request.call, request.timeout or ASYNC_TIMEOUT)
            accepted = await self._services.runs.execute_async(call)
        return pipelines_pb2.ExecuteAsyncResponse(execution_id=accepted.execution_id, run_id=accepted.run_id)

    async def _run(self, request: pipelines_pb2.ExecuteSyncRequest, context: Context) -> Outcome:
        return await self._services.runs.execute_sync(protos.call(request, self._timeout(context)))

    def _timeout(self, context: Context) -> float:
        remaining = context.time_remaining()
        if remaining is None:
            return self._services.sync_timeout
        # A little less than the caller waits, so that the refusal still reaches it.
        return min(remaining - min(_REPLY_MARGIN, remaining / 10), MAX_SYNC_TIMEOUT)
