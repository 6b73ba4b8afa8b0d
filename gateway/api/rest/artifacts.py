"""The routes of artifacts: what the runs of an execution have made."""

from typing import Any, Final

from litestar import Request, Response, get
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from gateway.api.rest.entering import caller_of
from gateway.api.rest.files import HARMLESS
from gateway.api.rest.pages import Limit, following
from gateway.api.services import Core
from gateway.domain.access import Scope
from gateway.limits import DEFAULT_PAGE
from gateway.wire.artifacts import ArtifactView, artifact_view

AnyRequest = Request[Any, Any, Any]


@get("/executions/{execution_id:str}/artifacts", operation_id="listArtifacts", needs=Scope.READ)
async def list_artifacts(
    execution_id: FromPath[str],
    request: AnyRequest,
    services: Core,
    limit: Limit = DEFAULT_PAGE,
    cursor: FromQuery[str | None] = None,
) -> Response[list[ArtifactView]]:
    """What the runs of an execution have made, in the order in which it was made; the next page stands in `Link`."""
    page = await services.artifacts.page(caller_of(request), execution_id, limit, cursor)
    headers = following(f"/v1/executions/{execution_id}/artifacts", {"limit": limit}, page.next_cursor)
    return Response(list(map(artifact_view, page.artifacts)), headers=headers)


@get("/executions/{execution_id:str}/artifacts/{artifact_id:str}", operation_id="getArtifact", needs=Scope.READ)
async def get_artifact(
    execution_id: FromPath[str], artifact_id: FromPath[str], request: AnyRequest, services: Core
) -> Stream:
    """The bytes of an artifact."""
    artifact, pieces = await services.artifacts.content(caller_of(request), execution_id, artifact_id)
    headers = {"content-type": artifact.content_type, "content-length": str(artifact.size)}
    return Stream(pieces, headers=HARMLESS | headers | {"content-disposition": artifact.disposition})


ARTIFACTS: Final = (list_artifacts, get_artifact)
