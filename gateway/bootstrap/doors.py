"""Both doors, opened and closed."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from gateway.api.certificates import Certificates
from gateway.api.grpc.server import GrpcServer
from gateway.api.rest.server import RestServer
from gateway.api.services import Services
from gateway.bootstrap.records import Report
from gateway.core.drain import Drain
from gateway.errors import CannotStart
from gateway.settings import Settings


@contextlib.asynccontextmanager
async def doors(settings: Settings, services: Services, report: Report, drain: Drain) -> AsyncIterator[None]:
    """Both doors, open; on leaving they take work for the drain's delay, and answer what they have then."""
    reuse_port = settings.workers > 1
    certificates = _certificates(settings)
    listener = _listener(settings.host, settings.rest_port, reuse_port)
    rest = RestServer(services, listener, certificates, _origins(settings))
    address = f"{settings.host}:{settings.grpc_port}"
    grpc_server = GrpcServer(services, address, certificates, reuse_port=reuse_port)
    try:
        port = await grpc_server.start()
        await rest.start()
        pipelines = ", ".join(services.pipelines.names()) or "none yet"
        report(ready(settings, listener.getsockname()[1], port))
        report(f"pipelines: {pipelines}")
        try:
            yield
        finally:
            services.runs.admission.leave()
            rest.announce()
            await grpc_server.announce()
            await drain.pause(drain.delay)
            services.runs.let_go()
    finally:
        await asyncio.gather(rest.stop(drain), grpc_server.stop(drain))
        services.runs.admission.close()
        listener.close()


def ready(settings: Settings, rest_port: int, grpc_port: int) -> str:
    """The line that says where the doors are."""
    scheme, secured = ("http", "") if settings.tls_cert is None else ("https", " with TLS")
    return f"ready: REST on {scheme}://{settings.host}:{rest_port}, gRPC on {settings.host}:{grpc_port}{secured}"


def _certificates(settings: Settings) -> Certificates | None:
    chain, key = settings.tls_cert, settings.tls_key
    if chain is None and key is None and settings.tls_client_ca is None:
        return None
    if chain is None or key is None:
        raise CannotStart("TLS needs both a certificate and its key: name --tls-cert and --tls-key.")
    return Certificates(chain, key, settings.tls_client_ca)


def _origins(settings: Settings) -> list[str]:
    return [each.strip() for each in settings.cors_origins.split(",") if each.strip()]


def _listener(host: str, port: int, reuse_port: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048, reuse_port=reuse_port)
    except OSError as failure:
        raise CannotStart(
            f"REST cannot listen on {host}:{port} ({failure.strerror}): choose another with --host or --rest-port."
        ) from failure
