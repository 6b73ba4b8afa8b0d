"""The routes of hooks and of deliveries."""

from typing import Annotated, Final
from urllib.parse import urlencode

from litestar import Response, delete, get, post, put
from litestar.params import FromPath, FromQuery, QueryParameter

from gateway.api.rest.body import read_body
from gateway.api.rest.entering import AnyRequest, caller_of
from gateway.api.services import Core
from gateway.domain.access import Scope
from gateway.limits import DEFAULT_PAGE, MAX_PAGE
from gateway.wire.hooks import DeliveryView, HookView, delivery_view, hook_of, hook_view

Limit = Annotated[int, QueryParameter(ge=1, le=MAX_PAGE)]


@post("/hooks", status_code=200, operation_id="createHook", needs=Scope.RUN)
async def create_hook(request: AnyRequest, services: Core) -> HookView:
    """A new hook. Its secrets are shown here and never again; without any of your own it gets a fresh one."""
    return hook_view(
        await services.hooks.create(caller_of(request), hook_of(await read_body(request))), with_secrets=True
    )


@get("/hooks", operation_id="listHooks", needs=Scope.READ)
async def list_hooks(
    request: AnyRequest, services: Core, limit: Limit = DEFAULT_PAGE, cursor: FromQuery[str | None] = None
) -> Response[list[HookView]]:
    """Hooks, newest first; the next page stands in `Link`."""
    page = await services.hooks.page(caller_of(request), limit, cursor)
    return Response(list(map(hook_view, page.hooks)), headers=_next("/v1/hooks", limit, page.next_cursor))


@get("/hooks/{hook_id:str}", operation_id="getHook", needs=Scope.READ)
async def get_hook(hook_id: FromPath[str], request: AnyRequest, services: Core) -> HookView:
    """One hook, without its secrets."""
    return hook_view(await services.hooks.get(caller_of(request), hook_id))


@put("/hooks/{hook_id:str}", operation_id="updateHook", needs=Scope.RUN)
async def update_hook(hook_id: FromPath[str], request: AnyRequest, services: Core) -> HookView:
    """Put another definition in the place of a hook's. Its secrets stay where the body names none; those that it names
    take their place, and sign from the next try on. Deliveries that wait go to the new address."""
    return hook_view(await services.hooks.update(caller_of(request), hook_of(await read_body(request), hook_id)))


@delete("/hooks/{hook_id:str}", operation_id="deleteHook", needs=Scope.RUN)
async def delete_hook(hook_id: FromPath[str], request: AnyRequest, services: Core) -> None:
    """Remove a hook; deliveries that still wait for it are canceled."""
    await services.hooks.delete(caller_of(request), hook_id)


@get("/hooks/{hook_id:str}/deliveries", operation_id="listHookDeliveries", needs=Scope.READ)
async def list_hook_deliveries(
    hook_id: FromPath[str],
    request: AnyRequest,
    services: Core,
    limit: Limit = DEFAULT_PAGE,
    cursor: FromQuery[str | None] = None,
) -> Response[list[DeliveryView]]:
    """What a hook was told, and what came of it, newest first; the next page stands in `Link`."""
    page = await services.deliveries.of_hook(caller_of(request), hook_id, limit, cursor)
    headers = _next(f"/v1/hooks/{hook_id}/deliveries", limit, page.next_cursor)
    return Response(list(map(delivery_view, page.deliveries)), headers=headers)


@get("/executions/{execution_id:str}/deliveries", operation_id="listExecutionDeliveries", needs=Scope.READ)
async def list_execution_deliveries(
    execution_id: FromPath[str],
    request: AnyRequest,
    services: Core,
    limit: Limit = DEFAULT_PAGE,
    cursor: FromQuery[str | None] = None,
) -> Response[list[DeliveryView]]:
    """Who was told of an execution, and what came of it, newest first; the next page stands in `Link`."""
    page = await services.deliveries.of_execution(caller_of(request), execution_id, limit, cursor)
    headers = _next(f"/v1/executions/{execution_id}/deliveries", limit, page.next_cursor)
    return Response(list(map(delivery_view, page.deliveries)), headers=headers)


@get("/deliveries/{delivery_id:str}", operation_id="getDelivery", needs=Scope.READ)
async def get_delivery(delivery_id: FromPath[str], request: AnyRequest, services: Core) -> DeliveryView:
    """One delivery, and what came of its last try."""
    return delivery_view(await services.deliveries.get(caller_of(request), delivery_id))


@post("/deliveries/{delivery_id:str}/resend", status_code=202, operation_id="resendDelivery", needs=Scope.RUN)
async def resend_delivery(delivery_id: FromPath[str], request: AnyRequest, services: Core) -> DeliveryView:
    """Have a delivery sent again, whatever came of it: from its first try on, and under the same ID."""
    return delivery_view(await services.deliveries.resend(caller_of(request), delivery_id))


@post("/executions/{execution_id:str}/submit", status_code=202, operation_id="submitExecution", needs=Scope.RUN)
async def submit_execution(execution_id: FromPath[str], request: AnyRequest, services: Core) -> list[DeliveryView]:
    """Tell the execution's hooks of the event SUBMIT; what is sent to whom is answered."""
    return list(map(delivery_view, await services.deliveries.submit(caller_of(request), execution_id)))


def _next(path: str, limit: int, cursor: str | None) -> dict[str, str]:
    """The header that leads to the next page."""
    return {"Link": f'<{path}?{urlencode({"limit": limit, "cursor": cursor})}>; rel="next"'} if cursor else {}


HOOKS: Final = (
    create_hook,
    list_hooks,
    get_hook,
    update_hook,
    delete_hook,
    list_hook_deliveries,
    list_execution_deliveries,
    get_delivery,
    resend_delivery,
    submit_execution,
)
