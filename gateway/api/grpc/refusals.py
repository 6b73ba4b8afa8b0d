"""What a gRPC caller is told when a call fails: one place for all services."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, cast

import grpc
import grpc.aio

from gateway.api.request_id import HEADER, request_id
from gateway.errors import GatewayError, Internal
from gateway.wire.status import trailers

log = logging.getLogger(__name__)

#: gRPC's own numbers to its enum.
_CODES = {code.value[0]: code for code in grpc.StatusCode}

Context = grpc.aio.ServicerContext[Any, Any]
Handler = Callable[[Any, Context], Awaitable[Any]]


class Refusals(grpc.aio.ServerInterceptor):
    """Ends every failed unary call with a `google.rpc.Status`; unforeseen failures show a fixed text."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """See gRPC's own."""
        handler = await continuation(handler_call_details)
        if handler is None or handler.unary_unary is None:
            return handler
        return grpc.unary_unary_rpc_method_handler(
            _guarded(cast("Handler", handler.unary_unary)), handler.request_deserializer, handler.response_serializer
        )


def _guarded(method: Handler) -> Handler:
    async def guarded(request: Any, context: Context) -> Any:
        try:
            return await method(request, context)
        except GatewayError as error:
            await _abort(context, error)
        except Exception as failure:
            if isinstance(failure, grpc.aio.AbortError):
                raise
            log.exception("request.failed")
            await _abort(context, Internal())

    return guarded


async def _abort(context: Context, error: GatewayError) -> NoReturn:
    metadata = context.invocation_metadata() or ()
    given = next((value for key, value in metadata if key == HEADER), None)
    name = request_id(given if isinstance(given, str) else None)
    await context.abort(_CODES[int(error.grpc)], error.message, trailers(error, name))
    raise AssertionError("abort returned")
