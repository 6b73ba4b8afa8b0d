"""Which Triton stands behind a channel, as far as it matters."""

import re
from typing import Final

import grpc.aio
from tritonclient.grpc import service_pb2, service_pb2_grpc

from gateway.limits import CONTROL_TIMEOUT

#: The first version that outlives the cancellation of a gRPC inference.
FIRST_TO_SURVIVE: Final = (2, 59)


class ServerVersion:
    """Asks the server who it is."""

    def __init__(self, channel: grpc.aio.Channel):
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)

    async def survives_cancellation(self) -> bool:
        """Whether an inference may be cancelled; not where nobody says so. Never raises."""
        try:
            answer = await self._stub.ServerMetadata(service_pb2.ServerMetadataRequest(), timeout=CONTROL_TIMEOUT)
        except grpc.aio.AioRpcError:
            return False
        return parsed(answer.version) >= FIRST_TO_SURVIVE


def parsed(version: str) -> tuple[int, ...]:
    """The numbers that a version begins with; none of what has none."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else ()
