"""`gateway.v1.Hooks`: each method converts, calls the core, and converts back."""

from typing import Any

import grpc.aio

from gateway.api.grpc.entering import caller, needs
from gateway.api.grpc.pages import page_limit
from gateway.api.services import Services
from gateway.domain.access import Scope
from gateway.domain.deliveries import DeliveryPage
from gateway.errors import InvalidInput
from gateway.v1 import hooks_pb2, hooks_pb2_grpc
from gateway.wire import hook_protos as protos

Context = grpc.aio.ServicerContext[Any, Any]


class Hooks(hooks_pb2_grpc.HooksServicer):
    """Hooks and deliveries."""

    def __init__(self, services: Services):
        self._services = services

    @needs(Scope.RUN)
    async def CreateHook(self, request: hooks_pb2.CreateHookRequest, context: Context) -> hooks_pb2.Hook:
        """A new hook, with its secrets."""
        made = await self._services.hooks.create(caller(), protos.hook_of(request.hook))
        return protos.hook(made, with_secrets=True)

    @needs(Scope.READ)
    async def GetHook(self, request: hooks_pb2.GetHookRequest, context: Context) -> hooks_pb2.Hook:
        """One hook."""
        return protos.hook(await self._services.hooks.get(caller(), request.hook_id))

    @needs(Scope.READ)
    async def ListHooks(self, request: hooks_pb2.ListHooksRequest, context: Context) -> hooks_pb2.ListHooksResponse:
        """A page of hooks."""
        page = await self._services.hooks.page(caller(), page_limit(request.limit), request.cursor or None)
        return hooks_pb2.ListHooksResponse(hooks=map(protos.hook, page.hooks), next_cursor=page.next_cursor or "")

    @needs(Scope.RUN)
    async def UpdateHook(self, request: hooks_pb2.UpdateHookRequest, context: Context) -> hooks_pb2.Hook:
        """Change a hook."""
        return protos.hook(await self._services.hooks.update(caller(), protos.hook_of(request.hook)))

    @needs(Scope.RUN)
    async def DeleteHook(self, request: hooks_pb2.DeleteHookRequest, context: Context) -> hooks_pb2.DeleteHookResponse:
        """Remove a hook."""
        await self._services.hooks.delete(caller(), request.hook_id)
        return hooks_pb2.DeleteHookResponse()

    @needs(Scope.RUN)
    async def SubmitExecution(
        self, request: hooks_pb2.SubmitExecutionRequest, context: Context
    ) -> hooks_pb2.SubmitExecutionResponse:
        """Tell the hooks of an execution."""
        told = await self._services.deliveries.submit(caller(), request.execution_id)
        return hooks_pb2.SubmitExecutionResponse(deliveries=map(protos.delivery, told))

    @needs(Scope.READ)
    async def ListDeliveries(
        self, request: hooks_pb2.ListDeliveriesRequest, context: Context
    ) -> hooks_pb2.ListDeliveriesResponse:
        """A page of the deliveries of a hook or of an execution."""
        page = await self._page(request, page_limit(request.limit))
        return hooks_pb2.ListDeliveriesResponse(
            deliveries=map(protos.delivery, page.deliveries), next_cursor=page.next_cursor or ""
        )

    async def _page(self, request: hooks_pb2.ListDeliveriesRequest, limit: int) -> DeliveryPage:
        cursor = request.cursor or None
        if request.WhichOneof("of") == "hook_id":
            return await self._services.deliveries.of_hook(caller(), request.hook_id, limit, cursor)
        if request.WhichOneof("of") == "execution_id":
            return await self._services.deliveries.of_execution(caller(), request.execution_id, limit, cursor)
        raise InvalidInput("Name a hook or an execution.", field="of")

    @needs(Scope.READ)
    async def GetDelivery(self, request: hooks_pb2.GetDeliveryRequest, context: Context) -> hooks_pb2.Delivery:
        """One delivery."""
        return protos.delivery(await self._services.deliveries.get(caller(), request.delivery_id))

    @needs(Scope.RUN)
    async def ResendDelivery(self, request: hooks_pb2.ResendDeliveryRequest, context: Context) -> hooks_pb2.Delivery:
        """Have a delivery sent again."""
        return protos.delivery(await self._services.deliveries.resend(caller(), request.delivery_id))
