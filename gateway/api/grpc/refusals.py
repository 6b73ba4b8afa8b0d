"""What a gRPC caller is told when a call fails: one place for all services."""

import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NoReturn, TypeVar, cast

import grpc
import grpc.aio

from gateway.api.request_id import HEADER, request_id
from gateway.errors import GatewayError, Internal
from gateway.wire.status import trailers

log = logging.getLogger(__name__)

#: gRPC's own numbers to its enum.
_CODES = {code.value[0]: code for code in grpc.StatusCode}

Context = grpc.aio.ServicerContext[Any, Any]
Servicer = TypeVar("Servicer")
Handler = Callable[[Any, Context], Awaitable[Any]]
StreamHandler = Callable[[Any, Context], AsyncIterator[Any]]


class _Guard:
    """Stands before a servicer; each of its methods is asked for once, when the server is put together."""

    def __init__(self, servicer: object):
        self._servicer = servicer

    def __getattr__(self, name: str) -> Handler | StreamHandler:
        method = getattr(self._servicer, name)
        return _guarded_stream(method) if inspect.isasyncgenfunction(method) else _guarded(method)


def guarded(servicer: Servicer) -> Servicer:
    """The same servicer, with every failed call ended by a `google.rpc.Status`.

    Unforeseen failures show a fixed text. An interceptor would do the same at some 70 µs a call.
    """
    return cast("Servicer", _Guard(servicer))


def _guarded(method: Handler) -> Handler:
    async def guarded(request: Any, context: Context) -> Any:
        try:
            return await method(request, context)
        except Exception as failure:  # noqa: BLE001 - it is told apart in one place
            await _refuse(context, failure)

    return guarded


def _guarded_stream(method: StreamHandler) -> StreamHandler:
    async def guarded(request: Any, context: Context) -> AsyncIterator[Any]:
        try:
            async for piece in method(request, context):
                yield piece
        except Exception as failure:  # noqa: BLE001 - it is told apart in one place
            await _refuse(context, failure)

    return guarded


async def _refuse(context: Context, failure: Exception) -> NoReturn:
    if isinstance(failure, grpc.aio.AbortError):
        raise failure
    if isinstance(failure, GatewayError):
        await _abort(context, failure)
    log.error("request.failed", exc_info=failure)
    await _abort(context, Internal())


async def _abort(context: Context, error: GatewayError) -> NoReturn:
    metadata = context.invocation_metadata() or ()
    given = next((value for key, value in metadata if key == HEADER), None)
    name = request_id(given if isinstance(given, str) else None)
    await context.abort(_CODES[int(error.grpc)], error.message, trailers(error, name))
    raise AssertionError("abort returned")
