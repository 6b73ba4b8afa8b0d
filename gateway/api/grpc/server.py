"""The gRPC server: our services, health and reflection, on the process's own loop."""

import asyncio

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from gateway.api.certificates import Certificates
from gateway.api.grpc.entrance import Entrance
from gateway.api.grpc.executions import Executions
from gateway.api.grpc.files import Files
from gateway.api.grpc.hooks import Hooks
from gateway.api.grpc.observations import Observations
from gateway.api.grpc.pipelines import Pipelines
from gateway.api.grpc.refusals import guarded
from gateway.api.grpc.runs import Runs
from gateway.api.services import Services
from gateway.core.drain import Drain
from gateway.limits import DISCOVERY_INTERVAL, MAX_METADATA_BYTES
from gateway.v1 import (
    executions_pb2,
    executions_pb2_grpc,
    files_pb2,
    files_pb2_grpc,
    hooks_pb2,
    hooks_pb2_grpc,
    observations_pb2,
    observations_pb2_grpc,
    pipelines_pb2,
    pipelines_pb2_grpc,
    runs_pb2,
    runs_pb2_grpc,
)

_SERVICES = (
    *(module.DESCRIPTOR.services_by_name.values() for module in (pipelines_pb2, executions_pb2)),
    *(module.DESCRIPTOR.services_by_name.values() for module in (runs_pb2, observations_pb2, hooks_pb2, files_pb2)),
)
NAMES = tuple(service.full_name for services in _SERVICES for service in services)


class GrpcServer:
    """Serves gRPC on one address, which other processes may serve, too."""

    def __init__(
        self, services: Services, address: str, certificates: Certificates | None = None, *, reuse_port: bool = False
    ):
        self._address = address
        self._certificates = certificates
        self._state = services.health
        self._health = health.aio.HealthServicer()
        self._watch: asyncio.Task[None] | None = None
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", services.max_body_bytes),
                ("grpc.max_send_message_length", -1),
                # Between a soft and a hard limit gRPC would refuse by chance.
                ("grpc.max_metadata_size", MAX_METADATA_BYTES),
                ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
                ("grpc.so_reuseport", int(reuse_port)),
            ],
            interceptors=[Entrance(services.access)] if services.access.asks else [],
        )
        pipelines_pb2_grpc.add_PipelinesServicer_to_server(guarded(Pipelines(services), services), self._server)
        executions_pb2_grpc.add_ExecutionsServicer_to_server(guarded(Executions(services), services), self._server)
        runs_pb2_grpc.add_RunsServicer_to_server(guarded(Runs(services), services), self._server)
        observations_pb2_grpc.add_ObservationsServicer_to_server(
            guarded(Observations(services), services), self._server
        )
        hooks_pb2_grpc.add_HooksServicer_to_server(guarded(Hooks(services), services), self._server)
        files_pb2_grpc.add_FilesServicer_to_server(guarded(Files(services), services), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection((*NAMES, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server)

    async def start(self) -> int:
        """Take connections from now on; the port is returned."""
        if self._certificates is None:
            port = self._server.add_insecure_port(self._address)
        else:
            port = self._server.add_secure_port(self._address, self._certificates.grpc_credentials())
        await self._server.start()
        self._watch = asyncio.create_task(self._keep_health())
        return port

    async def _keep_health(self) -> None:
        """Serving is what `/ready` says, of the whole and of every service."""
        while True:
            ready = (await self._state.readiness()).ready
            status = health_pb2.HealthCheckResponse.SERVING if ready else health_pb2.HealthCheckResponse.NOT_SERVING
            for name in ("", *NAMES):
                await self._health.set(name, status)
            await asyncio.sleep(DISCOVERY_INTERVAL)

    async def announce(self) -> None:
        """Be NOT_SERVING from now on; all are still served."""
        if self._watch is not None:
            self._watch.cancel()
        await self._health.enter_graceful_shutdown()

    async def stop(self, drain: Drain) -> None:
        """Take no more calls; those in hand get their answer while the drain has time left."""
        await self.announce()
        stopping = asyncio.create_task(self._server.stop(drain.left))
        await drain.wait(asyncio.wait((stopping,)))
        await self._server.stop(None)
        await stopping
