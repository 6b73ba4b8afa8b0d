"""The gRPC services: each method converts, calls the core, and converts back."""

from typing import Any, Final

import grpc.aio

from gateway.api.services import Services
from gateway.domain.graph import definition
from gateway.errors import InvalidInput
from gateway.limits import DEFAULT_PAGE, MAX_PAGE, MAX_SYNC_TIMEOUT
from gateway.v1 import (
    executions_pb2,
    executions_pb2_grpc,
    observations_pb2,
    observations_pb2_grpc,
    pipelines_pb2,
    pipelines_pb2_grpc,
    runs_pb2,
    runs_pb2_grpc,
)
from gateway.wire import protos

Context = grpc.aio.ServicerContext[Any, Any]

#: Seconds of a caller's deadline that are kept for the way back.
_REPLY_MARGIN: Final = 0.05


class Pipelines(pipelines_pb2_grpc.PipelinesServicer):
    """`gateway.v1.Pipelines`."""

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
        runs = self._services.runs
        with runs.admission.place():
            outcome = await runs.execute_sync(protos.call(request, self._timeout(context)))
        return pipelines_pb2.ExecuteSyncResponse(
            execution_id=outcome.execution_id, run_id=outcome.run_id, observation=outcome.observation
        )

    def _timeout(self, context: Context) -> float:
        remaining = context.time_remaining()
        if remaining is None:
            return self._services.sync_timeout
        # A little less than the caller waits, so that the refusal still reaches it.
        return min(remaining - min(_REPLY_MARGIN, remaining / 10), MAX_SYNC_TIMEOUT)


class Executions(executions_pb2_grpc.ExecutionsServicer):
    """`gateway.v1.Executions`."""

    def __init__(self, services: Services):
        self._services = services

    async def GetExecution(
        self, request: executions_pb2.GetExecutionRequest, context: Context
    ) -> executions_pb2.Execution:
        """One execution."""
        return protos.execution(await self._services.runs.execution(request.execution_id))


class Runs(runs_pb2_grpc.RunsServicer):
    """`gateway.v1.Runs`."""

    def __init__(self, services: Services):
        self._services = services

    async def GetRun(self, request: runs_pb2.GetRunRequest, context: Context) -> runs_pb2.Run:
        """One run."""
        return protos.run(await self._services.runs.run(request.run_id))

    async def ListRuns(self, request: runs_pb2.ListRunsRequest, context: Context) -> runs_pb2.ListRunsResponse:
        """A page of the runs of one execution."""
        if not 0 <= request.limit <= MAX_PAGE:
            raise InvalidInput(f"The limit is not between 1 and {MAX_PAGE}.", field="limit")
        page = await self._services.runs.page(
            request.execution_id, request.limit or DEFAULT_PAGE, request.cursor or None
        )
        return runs_pb2.ListRunsResponse(runs=map(protos.run, page.runs), next_cursor=page.next_cursor or "")


class Observations(observations_pb2_grpc.ObservationsServicer):
    """`gateway.v1.Observations`."""

    def __init__(self, services: Services):
        self._services = services

    async def GetObservation(
        self, request: observations_pb2.GetObservationRequest, context: Context
    ) -> observations_pb2.GetObservationResponse:
        """The observation of one execution."""
        observation = await self._services.runs.observation(request.execution_id)
        return observations_pb2.GetObservationResponse(execution_id=request.execution_id, observation=observation)
