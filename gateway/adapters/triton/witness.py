"""Whether the process of a model was given up: what it answers afterwards, Triton hands to whoever asks next.

The python backend gives a process up that has shown no sign of life for a second: it lets the inference fail, and
goes on using the process. Where that was only held up, its late answer becomes that of the next inference of the
instance, the next one's that of the one after it, and so on until the model is loaded again. The failure is counted
before the next inference begins, and told before that one is answered. So an answer is its own where nobody has met
such a failure: who has this Triton alone is told of each, and who shares it asks, after each answer, what was counted.
"""

import asyncio
import time
from typing import Final

import grpc.aio
import msgspec
from tritonclient.grpc import service_pb2, service_pb2_grpc

from gateway.adapters.triton.control import TritonControl
from gateway.adapters.triton.deaths import Deaths
from gateway.adapters.triton.failures import unavailable
from gateway.errors import GatewayError, PipelineNotReady
from gateway.limits import CONTROL_TIMEOUT
from gateway.ports import ModelControl

#: The backend that gives processes up, and how long it waits at the least, in nanoseconds.
_BACKEND: Final = "python"
_GIVEN_UP_AFTER: Final = 900_000_000


class Counters(msgspec.Struct, frozen=True):
    """What Triton has counted of a model since it was loaded."""

    successes: int = 0
    failures: int = 0
    #: Nanoseconds that the failures took, all together.
    failing: int = 0


_Look = Counters | GatewayError


class TritonWitness:
    """A `Witness` over one gRPC channel. Who asks while a look is under way shares the next one with all others."""

    def __init__(
        self, channel: grpc.aio.Channel, control: TritonControl, models: ModelControl, deaths: Deaths, *, shared: bool
    ):
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        self._control = control
        self._models = models
        self._deaths = deaths
        #: Others use this Triton, and may be the ones who were told of a failure: then its counters are asked.
        self._shared = shared
        #: When each model was found, or made, trustworthy; as the deaths are told.
        self._trusted_at: dict[str, float] = {}
        #: The counters that were found harmless last, and those that were seen last.
        self._trusted: dict[str, Counters] = {}
        self._seen: dict[str, Counters] = {}
        self._under_way: dict[str, asyncio.Task[_Look]] = {}
        self._next: dict[str, asyncio.Task[_Look]] = {}

    async def doubtful(self, models: frozenset[str]) -> str | None:
        """See `Witness.doubtful`."""
        # A failure that Triton told before this answer may have been read in the same moment: let it be told.
        await asyncio.sleep(0)
        for instance, begun in self._deaths.met():
            model = self._models.model_of(instance)
            if model in models and begun >= self._trusted_at.get(model, 0.0):
                return model
        return await self._doubtful_by_count(models) if self._shared else None

    async def _doubtful_by_count(self, models: frozenset[str]) -> str | None:
        watched = sorted(models & self._control.models_of(_BACKEND))
        for model, look in [(model, self._look(model)) for model in watched]:
            found = await asyncio.shield(look)
            if isinstance(found, GatewayError):
                raise found
            if self._in_doubt(model, found):
                return model
        return None

    def trust(self, model: str, *, anew: bool) -> None:
        """See `Witness.trust`."""
        self._trusted_at[model] = time.perf_counter()
        self._trusted[model] = Counters() if anew else self._seen.get(model, Counters())

    def _in_doubt(self, model: str, found: Counters) -> bool:
        trusted = self._trusted.get(model, Counters())
        if found.successes < trusted.successes or found.failures < trusted.failures:
            # It was loaded anew; the answer may have come before.
            self._trusted[model] = Counters()
            return True
        if found.failing - trusted.failing >= _GIVEN_UP_AFTER:
            return True
        self._trusted[model] = found
        return False

    def _look(self, model: str) -> "asyncio.Task[_Look]":
        """A look that has not begun yet."""
        look = self._next.get(model)
        if look is None:
            look = self._next[model] = asyncio.create_task(self._look_after(model, self._under_way.get(model)))
        return look

    async def _look_after(self, model: str, before: "asyncio.Task[_Look] | None") -> _Look:
        if before is not None:
            await asyncio.wait((before,))
        self._under_way[model] = self._next.pop(model)
        request = service_pb2.ModelStatisticsRequest(name=model)
        try:
            answer = await self._stub.ModelStatistics(request, timeout=CONTROL_TIMEOUT)
        except grpc.aio.AioRpcError as failure:
            if failure.code() is grpc.StatusCode.UNAVAILABLE and "model" not in (failure.details() or ""):
                return unavailable(failure.details() or "")
            return PipelineNotReady()
        found = self._seen[model] = _counters(answer)
        return found


def _counters(answer: service_pb2.ModelStatisticsResponse) -> Counters:
    """Those of all versions together."""
    stats = [each.inference_stats for each in answer.model_stats]
    return Counters(
        sum(each.success.count for each in stats),
        sum(each.fail.count for each in stats),
        sum(each.fail.ns for each in stats),
    )
