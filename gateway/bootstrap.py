"""The one place that knows which concrete thing is plugged in where."""

import asyncio
import contextlib
import logging
import socket
import urllib.parse
from collections.abc import AsyncIterator, Callable

import grpc.aio

from gateway.adapters.images import PillowDecoder
from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.ledger import PostgresLedger
from gateway.adapters.postgres.migrate import migrate
from gateway.adapters.postgres.pipelines import PostgresPipelines
from gateway.adapters.supervisor.stack import EmbeddedStack, Endpoints, StackPlan
from gateway.adapters.triton.control import TritonControl, open_channel
from gateway.adapters.triton.grpc_engine import GrpcEngine
from gateway.adapters.triton.http_engine import HttpEngine
from gateway.api.grpc.server import GrpcServer
from gateway.api.rest.server import RestServer
from gateway.api.services import Services
from gateway.core.admission import Admission
from gateway.core.health import Health
from gateway.core.pipelines import Pipelines
from gateway.core.runs import Runs
from gateway.errors import CannotStart, StorageUnavailable
from gateway.ports import InferenceEngine
from gateway.settings import Settings

log = logging.getLogger(__name__)

Report = Callable[[str], None]


async def serve(settings: Settings, report: Report) -> None:
    """Run the whole gateway until cancelled; then calls in hand are answered before it ends.

    Raises:
        CannotStart: with one sentence that says what to do; nothing is left behind.
    """
    async with contextlib.AsyncExitStack() as cleanup:
        endpoints = await cleanup.enter_async_context(EmbeddedStack(stack_plan(settings), report=report))
        database = await cleanup.enter_async_context(open_database(settings.database_url or endpoints.database_url))
        services = await cleanup.enter_async_context(core(settings, endpoints, database))
        await cleanup.enter_async_context(doors(settings, services, report))
        try:
            await asyncio.Event().wait()
        finally:
            report("stopping: calls in hand are answered first")


def stack_plan(settings: Settings) -> StackPlan:
    """What is to be embedded: all that no setting says is outside."""
    return StackPlan(
        data_dir=settings.data_dir,
        model_repository=settings.model_repository if settings.triton_url is None else None,
        with_postgres=settings.database_url is None,
        ports=(
            ("--rest-port", settings.host, settings.rest_port),
            ("--grpc-port", settings.host, settings.grpc_port),
        ),
    )


@contextlib.asynccontextmanager
async def open_database(url: str | None) -> AsyncIterator[Database]:
    """The database, with the newest schema."""
    assert url is not None
    try:
        await migrate(url)
        database = Database(url)
        await database.open()
    except StorageUnavailable as failure:
        raise CannotStart("The database is not reachable: check --database-url, and that it runs.") from failure
    try:
        yield database
    finally:
        await database.close()


@contextlib.asynccontextmanager
async def core(settings: Settings, endpoints: Endpoints, database: Database) -> AsyncIterator[Services]:
    """The use cases over their adapters; knows every pipeline when it is entered."""
    channel = open_channel(endpoints.triton_grpc or _address("--triton-url", settings.triton_url, "grpc"))
    engine = _engine(settings, endpoints, channel)
    admission = Admission(settings.max_sync_calls)
    ledger = PostgresLedger(database, lambda: admission.taken)
    pipelines = Pipelines(TritonControl(channel), PostgresPipelines(database))
    await pipelines.recall()
    await pipelines.refresh()
    watch = asyncio.create_task(pipelines.watch())
    runs = Runs(pipelines, engine, ledger, PillowDecoder(), admission)
    try:
        yield Services(
            pipelines=pipelines,
            runs=runs,
            health=Health(pipelines, ledger, admission),
            sync_timeout=settings.sync_timeout,
            max_body_bytes=settings.max_body_bytes,
        )
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        await runs.close()
        await engine.close()
        await ledger.close()
        await channel.close()


def _engine(settings: Settings, endpoints: Endpoints, channel: grpc.aio.Channel) -> InferenceEngine:
    """Inference over HTTP where its port is known, else over gRPC."""
    http = endpoints.triton_http
    if http is None and settings.triton_http_url is not None:
        http = _address("--triton-http-url", settings.triton_http_url, "http")
    if http is None:
        return GrpcEngine(channel, settings.max_inferences)
    host, _, port = http.rpartition(":")
    return HttpEngine(host.strip("[]"), int(port), settings.max_inferences)


def _address(flag: str, url: str | None, scheme: str) -> str:
    """`host:port` of a URL of this scheme."""
    parts = urllib.parse.urlsplit(url or "")
    try:
        if parts.scheme == scheme and parts.hostname and parts.port:
            return parts.netloc
    except ValueError:
        pass
    raise CannotStart(f"{flag} is not of the form {scheme}://host:port.")


@contextlib.asynccontextmanager
async def doors(settings: Settings, services: Services, report: Report) -> AsyncIterator[None]:
    """Both doors, open; on leaving, calls in hand are answered first."""
    listener = _listener(settings.host, settings.rest_port)
    rest = RestServer(services, listener)
    grpc_server = GrpcServer(services, f"{settings.host}:{settings.grpc_port}")
    try:
        port = await grpc_server.start()
        await rest.start()
        pipelines = ", ".join(each.pipeline_id for each in services.pipelines.list()) or "none yet"
        report(f"ready: REST on http://{settings.host}:{listener.getsockname()[1]}, gRPC on {settings.host}:{port}")
        report(f"pipelines: {pipelines}")
        yield
    finally:
        services.runs.admission.close()
        await asyncio.gather(rest.stop(), grpc_server.stop())
        listener.close()


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as failure:
        raise CannotStart(
            f"REST cannot listen on {host}:{port} ({failure.strerror}): choose another with --host or --rest-port."
        ) from failure
