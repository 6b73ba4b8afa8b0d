"""A steady load of all kinds of call: over REST and gRPC while the caller waits, and for the background."""

import asyncio
import base64
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import count, cycle
from typing import Final

import grpc.aio
import httpx
import msgspec

from bench.survival.models import PIPELINE
from bench.survival.topology import Topology
from gateway.v1 import media_pb2, pipelines_pb2, pipelines_pb2_grpc

TIMEOUT_S: Final = 30.0

Kind = Callable[[int], Awaitable[None]]


class Mixed:
    """Sends one call after the other, each of another kind and to another gateway than the one before."""

    def __init__(self, topology: Topology):
        self._numbers = count(1)
        self._http = [httpx.AsyncClient(base_url=door, timeout=TIMEOUT_S, trust_env=False) for door in topology.doors]
        self._channels = [grpc.aio.insecure_channel(target) for target in topology.targets]
        self._stubs = [pipelines_pb2_grpc.PipelinesStub(channel) for channel in self._channels]
        self.answered: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    async def steady(self, per_second: float, seconds: float) -> None:
        """So many calls per second for so long; returns when all are answered."""
        began, sent = time.monotonic(), 0
        kinds = cycle({"REST": self._rest, "gRPC": self._grpc, "background": self._background}.items())
        async with asyncio.TaskGroup() as group:
            while (now := time.monotonic() - began) < seconds:
                if sent > now * per_second:
                    await asyncio.sleep(sent / per_second - now)
                group.create_task(self._counted(*next(kinds)))
                sent += 1

    async def close(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(client.aclose() for client in self._http))
        await asyncio.gather(*(channel.close() for channel in self._channels))

    async def _counted(self, name: str, kind: Kind) -> None:
        number = next(self._numbers)
        try:
            await kind(number)
        except (httpx.HTTPError, grpc.aio.AioRpcError) as failure:
            self.refused[f"{name}: {str(failure)[:80]}"] += 1
        else:
            self.answered[name] += 1

    async def _rest(self, number: int) -> None:
        await self._post("executeSync", number)

    async def _background(self, number: int) -> None:
        await self._post("executeAsync", number)

    async def _post(self, method: str, number: int) -> None:
        body = msgspec.json.encode({"media": [base64.b64encode(_text(number)).decode()]})
        client = self._http[number // 3 % len(self._http)]
        reply = await client.post(
            f"/v1/pipelines/{PIPELINE}/{method}", content=body, headers={"content-type": "application/json"}
        )
        reply.raise_for_status()

    async def _grpc(self, number: int) -> None:
        request = pipelines_pb2.ExecuteSyncRequest(pipeline_id=PIPELINE, media=[media_pb2.Media(data=_text(number))])
        await self._stubs[number // 3 % len(self._stubs)].ExecuteSync(request, timeout=TIMEOUT_S)


def _text(number: int) -> bytes:
    return f"soak {number:09}".encode()
