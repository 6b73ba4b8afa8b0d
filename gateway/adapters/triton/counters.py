"""What Triton has counted of a model: asked over HTTP where its port is known, which costs a fifth, else over gRPC."""

import asyncio
from collections.abc import Iterable
from typing import Final, Protocol
from urllib.parse import quote

import grpc.aio
import msgspec
from tritonclient.grpc import service_pb2, service_pb2_grpc

from gateway.adapters.triton.failures import unavailable
from gateway.adapters.triton.pool import Pool
from gateway.errors import PipelineNotReady, TritonUnavailable
from gateway.limits import CONTROL_TIMEOUT, COUNTING_CONNECTIONS
from gateway.ports import Dispatch


class Counters(msgspec.Struct, frozen=True):
    """What Triton has counted of a model since it was loaded, in all versions together."""

    versions: tuple[str, ...] = ()
    successes: int = 0
    failures: int = 0
    #: Nanoseconds that the failures took, all together.
    failing: int = 0


class Counting(Protocol):
    """Asks Triton what it has counted."""

    async def counters(self, model: str) -> Counters:
        """Those of a model.

        Raises:
            PipelineNotReady: it is not loaded now.
            TritonUnavailable: Triton does not say.
        """
        ...

    async def close(self) -> None:
        """Let go of what is open."""
        ...


class GrpcCounting:
    """`Counting` over a gRPC channel, which is its opener's to close."""

    def __init__(self, channel: grpc.aio.Channel):
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)

    async def counters(self, model: str) -> Counters:
        """See `Counting.counters`."""
        request = service_pb2.ModelStatisticsRequest(name=model)
        try:
            answer = await self._stub.ModelStatistics(request, timeout=CONTROL_TIMEOUT)
        except grpc.aio.AioRpcError as failure:
            if failure.code() is grpc.StatusCode.UNAVAILABLE and "model" not in (failure.details() or ""):
                raise unavailable(failure.details() or "") from failure
            raise PipelineNotReady from failure
        return _together(answer.model_stats)

    async def close(self) -> None:
        """See `Counting.close`."""


class _Sum(msgspec.Struct):
    count: int = 0
    ns: int = 0


class _Inferences(msgspec.Struct):
    success: _Sum
    fail: _Sum


class _Version(msgspec.Struct):
    version: str
    inference_stats: _Inferences


class _Answer(msgspec.Struct):
    model_stats: list[_Version]


_answer: Final = msgspec.json.Decoder(_Answer)


class HttpCounting:
    """`Counting` over connections of its own to Triton's HTTP port."""

    def __init__(self, host: str, port: int):
        self._pool = Pool(host, port, COUNTING_CONNECTIONS, lambda _, __: None)
        self._host = f"{host}:{port}".encode()

    async def counters(self, model: str) -> Counters:
        """See `Counting.counters`."""
        head = b"GET /v2/models/%b/stats HTTP/1.1\r\nHost: %b\r\n\r\n" % (quote(model, safe="").encode(), self._host)
        try:
            async with asyncio.timeout(CONTROL_TIMEOUT):
                reply = await self._pool.exchange([head], Dispatch())
        except TimeoutError:
            raise TritonUnavailable from None
        if reply.status != 200:
            raise PipelineNotReady
        try:
            return _together(_answer.decode(reply.header).model_stats)
        except msgspec.DecodeError as failure:
            raise unavailable("its statistics are not of its protocol") from failure

    async def close(self) -> None:
        """See `Counting.close`."""
        await self._pool.close()


def _together(versions: Iterable[_Version]) -> Counters:
    """The protocol's own messages have the same fields."""
    found = list(versions)
    stats = [each.inference_stats for each in found]
    return Counters(
        tuple(sorted(each.version for each in found)),
        sum(each.success.count for each in stats),
        sum(each.fail.count for each in stats),
        sum(each.fail.ns for each in stats),
    )
