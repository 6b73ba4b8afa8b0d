"""The routes of pipelines, and of health."""

from typing import Final

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from gateway.api.rest.entering import AnyRequest, caller_of
from gateway.api.services import Core
from gateway.domain.access import Scope
from gateway.domain.graph import definition
from gateway.domain.pipelines import Definition
from gateway.exposition import CONTENT_TYPE
from gateway.wire.views import PipelineDetail, PipelineView, pipeline_view


class Alive(msgspec.Struct):
    """The answer of a gateway that lives."""

    status: str = "ok"


class Ready(msgspec.Struct):
    """Which parts answer."""

    status: str
    triton: bool
    database: bool
    blobs: bool
    admitting: bool


@get("/health", sync_to_thread=False, operation_id="health")
def health() -> Alive:
    """Whether the process lives, whatever its parts do."""
    return Alive()


@get("/ready", operation_id="ready")
async def ready(services: Core) -> Response[Ready]:
    """200 only when Triton, the database and the blobs answer and new work is taken."""
    found = await services.health.readiness()
    status = "ready" if found.ready else "not ready"
    body = Ready(status, found.triton, found.database, found.blobs, found.admitting)
    return Response(body, status_code=200 if found.ready else 503)


@get("/metrics", operation_id="metrics", needs=Scope.ADMIN)
async def metrics(services: Core) -> Response[bytes]:
    """What Prometheus reads: of all processes of this gateway, whichever answers."""
    return Response(await services.exposition.text(), media_type=CONTENT_TYPE)


@get("/pipelines", operation_id="listPipelines", needs=Scope.READ)
async def list_pipelines(request: AnyRequest, services: Core) -> list[PipelineView]:
    """Every pipeline that Triton has or ever had and that you may use, by name."""
    return [pipeline_view(each) for each in services.pipelines.list(caller_of(request))]


@get("/pipelines/{pipeline_id:str}", operation_id="getPipeline", needs=Scope.READ)
async def get_pipeline(pipeline_id: FromPath[str], request: AnyRequest, services: Core) -> PipelineDetail:
    """One pipeline: status, typed inputs and outputs, and its graph."""
    found = await services.pipelines.get(caller_of(request), pipeline_id)
    return PipelineDetail(pipeline_view(found), definition(found))


@get("/pipelines/{pipeline_id:str}/definition", operation_id="getPipelineDefinition", needs=Scope.READ)
async def get_definition(pipeline_id: FromPath[str], request: AnyRequest, services: Core) -> Definition:
    """The graph of one pipeline."""
    return definition(await services.pipelines.get(caller_of(request), pipeline_id))


READING: Final = (list_pipelines, get_pipeline, get_definition)
