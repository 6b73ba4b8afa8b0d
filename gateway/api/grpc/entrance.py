"""The entrance of the gRPC server where callers are asked who they are: nothing of a refused request is read."""

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import grpc
import grpc.aio

from gateway.api.grpc.entering import let_in, needed_by
from gateway.api.grpc.refusals import refusing
from gateway.domain.access import Scope
from gateway.errors import Forbidden, GatewayError
from gateway.metrics import method
from gateway.ports import Authenticator

#: None where nothing serves the method.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"

#: Whom anybody may ask: how the gateway is, and what it serves.
OPEN: Final = ("/grpc.health.v1.Health/", "/grpc.reflection.v1alpha.ServerReflection/")


class Entrance(grpc.aio.ServerInterceptor):
    """Asks who calls before the message of a call is received; the guards behind it find the caller known.

    It is set up only where somebody is asked: an interceptor costs every call some 70 µs.
    """

    def __init__(self, access: Authenticator):
        self._access = access

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """The handler of a call, or one that refuses it without reading it."""
        name = handler_call_details.method
        handler = await continuation(handler_call_details)
        if handler is None or name.startswith(OPEN):
            return handler
        began = time.perf_counter()
        try:
            needed = _needed(handler)
            await let_in(self._access, handler_call_details.invocation_metadata, needed)
        except GatewayError as refusal:
            return _refused(name, refusal, began)
        return handler


def _needed(handler: "grpc.RpcMethodHandler[Any, Any]") -> Scope:
    """The scope that a method needs; one that is not behind a guard says none, and lets nobody in."""
    methods = (handler.unary_unary, handler.unary_stream, handler.stream_unary, handler.stream_stream)
    try:
        return needed_by(next(method for method in methods if method is not None))
    except TypeError:
        raise Forbidden from None


def _refused(name: str, refusal: GatewayError, began: float) -> Handler:
    counted = method("grpc", name.removeprefix("/"))

    async def refuse(_: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        await refusing(name.rpartition("/")[2], context, refusal, counted, began)

    # Whatever the method is: only the handler of a stream is called before a message has been received.
    return grpc.stream_stream_rpc_method_handler(refuse)
