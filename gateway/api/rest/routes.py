"""The routes that read: pipelines, executions, runs and health."""

from typing import Annotated, Final
from urllib.parse import urlencode

import msgspec
from litestar import Response, get
from litestar.params import FromPath, FromQuery, QueryParameter

from gateway.api.services import Core
from gateway.domain.graph import definition
from gateway.domain.pipelines import Definition
from gateway.limits import DEFAULT_PAGE, MAX_PAGE
from gateway.wire import rest

Limit = Annotated[int, QueryParameter(ge=1, le=MAX_PAGE)]


class Alive(msgspec.Struct):
    """The answer of a gateway that lives."""

    status: str = "ok"


class Ready(msgspec.Struct):
    """Which parts answer."""

    status: str
    triton: bool
    database: bool
    admitting: bool


@get("/health", sync_to_thread=False)
def health() -> Alive:
    """Whether the process lives, whatever its parts do."""
    return Alive()


@get("/ready")
async def ready(services: Core) -> Response[Ready]:
    """200 only when Triton and the database answer and new work is taken."""
    found = await services.health.readiness()
    body = Ready("ready" if found.ready else "not ready", found.triton, found.database, found.admitting)
    return Response(body, status_code=200 if found.ready else 503)


@get("/pipelines")
async def list_pipelines(services: Core) -> list[rest.PipelineView]:
    """Every pipeline that Triton has or ever had, by name."""
    return [rest.pipeline_view(each) for each in services.pipelines.list()]


@get("/pipelines/{pipeline_id:str}")
async def get_pipeline(pipeline_id: FromPath[str], services: Core) -> rest.PipelineDetail:
    """One pipeline: status, typed inputs and outputs, and its graph."""
    found = await services.pipelines.get(pipeline_id)
    return rest.PipelineDetail(rest.pipeline_view(found), definition(found))


@get("/pipelines/{pipeline_id:str}/definition")
async def get_definition(pipeline_id: FromPath[str], services: Core) -> Definition:
    """The graph of one pipeline."""
    return definition(await services.pipelines.get(pipeline_id))


@get("/executions/{execution_id:str}")
async def get_execution(execution_id: FromPath[str], services: Core) -> rest.ExecutionView:
    """One execution."""
    return rest.execution_view(await services.runs.execution(execution_id))


@get("/executions/{execution_id:str}/observation")
async def get_observation(execution_id: FromPath[str], services: Core) -> Response[bytes]:
    """What all runs on an execution have found."""
    return Response(await services.runs.observation(execution_id), media_type="application/json")


@get("/executions/{execution_id:str}/runs")
async def list_runs(
    execution_id: FromPath[str], services: Core, limit: Limit = DEFAULT_PAGE, cursor: FromQuery[str | None] = None
) -> Response[list[rest.RunView]]:
    """The runs of an execution, oldest first; the next page stands in `Link`."""
    page = await services.runs.page(execution_id, limit, cursor)
    headers = {}
    if page.next_cursor is not None:
        query = urlencode({"limit": limit, "cursor": page.next_cursor})
        headers["Link"] = f'</v1/executions/{execution_id}/runs?{query}>; rel="next"'
    return Response([rest.run_view(each) for each in page.runs], headers=headers)


@get("/runs/{run_id:str}")
async def get_run(run_id: FromPath[str], services: Core) -> rest.RunView:
    """One run: its state, error, model versions and where its time went."""
    return rest.run_view(await services.runs.run(run_id))


READING: Final = (
    list_pipelines,
    get_pipeline,
    get_definition,
    get_execution,
    get_observation,
    list_runs,
    get_run,
)
