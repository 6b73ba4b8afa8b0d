"""Inference over Triton's gRPC port, for servers of which only that port is known.

Triton before 2.59 crashes when a gRPC inference is cancelled or runs into its deadline, so there a call that
was begun is always left to end, and only the caller's wait for it is cancelled. Which server it is, is asked when
a caller leaves: what stands behind an address may have changed since anybody last asked.
"""

import asyncio
import time
from typing import Final, TypeAlias

import grpc.aio
from tritonclient.grpc import service_pb2

from gateway import tracing
from gateway.adapters.triton.deaths import Deaths
from gateway.adapters.triton.failures import mixed_up, translate, unavailable
from gateway.adapters.triton.version import ServerVersion
from gateway.domain.calls import Parameter
from gateway.domain.tensors import Value
from gateway.errors import GatewayError
from gateway.limits import ABANDONED_INFERENCE_TIMEOUT, DRAIN_TIMEOUT
from gateway.ports import Dispatch, Inference

_METHOD: Final = "/inference.GRPCInferenceService/ModelInfer"
#: Field 7 (raw_input_contents), wire type 2.
_RAW_INPUT_TAG: Final = bytes((7 << 3 | 2,))

_Begun: TypeAlias = "asyncio.Task[service_pb2.ModelInferResponse]"


class GrpcEngine:
    """An `InferenceEngine` over one gRPC channel."""

    def __init__(self, channel: grpc.aio.Channel, calls: int, deaths: Deaths):
        self._deaths = deaths
        self._places = asyncio.Semaphore(calls)
        self._server = ServerVersion(channel)
        self._call: grpc.aio.UnaryUnaryMultiCallable[bytes, service_pb2.ModelInferResponse] = channel.unary_unary(
            _METHOD, response_deserializer=service_pb2.ModelInferResponse.FromString
        )
        #: Calls that Triton has not answered; those whose caller has gone, with the task that sees to them.
        self._begun: set[_Begun] = set()
        self._left: set[asyncio.Task[None]] = set()

    async def infer(self, inference: Inference, dispatch: Dispatch) -> list[Value]:
        """See `InferenceEngine.infer`."""
        request = _request(inference)
        asked = time.perf_counter()
        try:
            await self._places.acquire()
        finally:
            sent = time.perf_counter()
            dispatch.waited = sent - asked
        call = asyncio.create_task(self._answer(request))
        self._begun.add(call)
        call.add_done_callback(lambda ended: self._ended(ended, sent))
        left = False
        try:
            return _outputs(await asyncio.shield(call), inference)
        except grpc.aio.AioRpcError as failure:
            raise _failure(failure, inference.model) from failure
        except asyncio.CancelledError:
            left = True
            self._leave(call)
            raise
        finally:
            dispatch.computed = time.perf_counter() - sent
            if not left:
                self._places.release()

    async def close(self) -> None:
        """See `InferenceEngine.close`; the channel belongs to whoever made it."""
        if self._begun:
            await asyncio.wait(self._begun, timeout=DRAIN_TIMEOUT)
        for each in self._left:
            each.cancel()
        await asyncio.gather(*self._left, return_exceptions=True)

    async def _answer(self, request: bytes) -> service_pb2.ModelInferResponse:
        return await self._call(request, metadata=tuple(tracing.carried().items()) or None)

    def _ended(self, call: _Begun, begun: float) -> None:
        self._begun.discard(call)
        failure = None if call.cancelled() else call.exception()
        if isinstance(failure, grpc.aio.AioRpcError):
            self._deaths.note(_failure(failure, ""), begun)

    def _leave(self, call: _Begun) -> None:
        leaving = asyncio.create_task(self._give_up(call))
        self._left.add(leaving)
        leaving.add_done_callback(self._left.discard)

    async def _give_up(self, call: _Begun) -> None:
        """Cancel a call that nobody waits for, or let it end; then its place is free."""
        try:
            if not call.done() and await self._server.survives_cancellation():
                call.cancel()
            await asyncio.wait((call,), timeout=ABANDONED_INFERENCE_TIMEOUT)
        finally:
            self._places.release()


def _request(inference: Inference) -> bytes:
    """The message with its raw tensors framed by hand: one copy, where protobuf would make three."""
    header = service_pb2.ModelInferRequest(model_name=inference.model, id=inference.request_id)
    for each in inference.inputs:
        header.inputs.add(name=each.name, datatype=each.datatype, shape=each.shape)
    for name, value in inference.parameters.items():
        setattr(header.parameters[name], _kind(value), value)
    parts: list[bytes | memoryview] = [header.SerializeToString()]
    for each in inference.inputs:
        parts += (_RAW_INPUT_TAG + _varint(each.size), *each.parts)
    return b"".join(parts)


def _kind(value: Parameter) -> str:
    """The field of Triton's `InferParameter` for a value of this type."""
    if isinstance(value, bool):
        return "bool_param"
    if isinstance(value, int):
        return "int64_param"
    return "double_param" if isinstance(value, float) else "string_param"


def _varint(number: int) -> bytes:
    """Protobuf's base-128 encoding of a length."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _outputs(answer: service_pb2.ModelInferResponse, inference: Inference) -> list[Value]:
    if answer.id != inference.request_id:
        raise mixed_up(inference.request_id, answer.id)
    return [
        Value(each.name, each.datatype, tuple(each.shape), (raw,))
        for each, raw in zip(answer.outputs, answer.raw_output_contents, strict=True)
    ]


def _failure(failure: grpc.aio.AioRpcError, model: str) -> GatewayError:
    said = failure.details() or ""
    if failure.code() is grpc.StatusCode.UNAVAILABLE and "in ensemble" not in said and "model" not in said:
        return unavailable(said)
    return translate(said, refused=failure.code() is grpc.StatusCode.INVALID_ARGUMENT, model=model)
