"""Inference over Triton's gRPC port, for servers of which only that port is known.

Triton before 2.59 crashes when a gRPC inference is cancelled or runs into its deadline, so a call that
was begun is always left to end, and only the caller's wait for it is cancelled.
"""

import asyncio
import time
from typing import Final

import grpc.aio
from tritonclient.grpc import service_pb2

from gateway.adapters.triton.failures import translate, unavailable
from gateway.domain.calls import Parameter
from gateway.domain.tensors import Value
from gateway.errors import GatewayError
from gateway.ports import Dispatch, Inference

_METHOD: Final = "/inference.GRPCInferenceService/ModelInfer"
#: Field 7 (raw_input_contents), wire type 2.
_RAW_INPUT_TAG: Final = bytes((7 << 3 | 2,))


class GrpcEngine:
    """An `InferenceEngine` over one gRPC channel."""

    def __init__(self, channel: grpc.aio.Channel, calls: int):
        self._places = asyncio.Semaphore(calls)
        self._call: grpc.aio.UnaryUnaryMultiCallable[bytes, service_pb2.ModelInferResponse] = channel.unary_unary(
            _METHOD, response_deserializer=service_pb2.ModelInferResponse.FromString
        )
        self._begun: set[asyncio.Task[service_pb2.ModelInferResponse]] = set()

    async def infer(self, inference: Inference, dispatch: Dispatch) -> list[Value]:
        """See `InferenceEngine.infer`."""
        request = _request(inference)
        asked = time.perf_counter()
        try:
            await self._places.acquire()
        finally:
            sent = time.perf_counter()
            dispatch.waited = sent - asked
        task = asyncio.create_task(self._answer(request))
        self._begun.add(task)
        task.add_done_callback(self._ended)
        try:
            return _outputs(await asyncio.shield(task))
        except grpc.aio.AioRpcError as failure:
            raise _failure(failure, inference.model) from failure
        finally:
            dispatch.computed = time.perf_counter() - sent

    async def close(self) -> None:
        """See `InferenceEngine.close`; the channel belongs to whoever made it."""
        await asyncio.wait(self._begun, timeout=1) if self._begun else None

    async def _answer(self, request: bytes) -> service_pb2.ModelInferResponse:
        return await self._call(request)

    def _ended(self, task: "asyncio.Task[service_pb2.ModelInferResponse]") -> None:
        self._begun.discard(task)
        self._places.release()
        if not task.cancelled():
            task.exception()


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


def _outputs(answer: service_pb2.ModelInferResponse) -> list[Value]:
    return [
        Value(each.name, each.datatype, tuple(each.shape), (raw,))
        for each, raw in zip(answer.outputs, answer.raw_output_contents, strict=True)
    ]


def _failure(failure: grpc.aio.AioRpcError, model: str) -> GatewayError:
    said = failure.details() or ""
    if failure.code() is grpc.StatusCode.UNAVAILABLE and "in ensemble" not in said and "model" not in said:
        return unavailable(said)
    return translate(said, refused=failure.code() is grpc.StatusCode.INVALID_ARGUMENT, model=model)
