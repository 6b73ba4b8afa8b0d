"""The one place that knows which concrete thing is plugged in where."""

import asyncio
import contextlib
import logging
import socket
import urllib.parse
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass

import grpc.aio
import msgspec

from gateway import tracing
from gateway.adapters.blobs.opening import open_store
from gateway.adapters.images import PillowDecoder
from gateway.adapters.jsonata.pool import TransformPool
from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.doomed import PostgresDoomed
from gateway.adapters.postgres.entries import PostgresEntries
from gateway.adapters.postgres.executions import PostgresExecutions
from gateway.adapters.postgres.keys import PostgresKeys
from gateway.adapters.postgres.migrate import migrate
from gateway.adapters.postgres.pipelines import PostgresPipelines
from gateway.adapters.postgres.retention import PostgresRetention
from gateway.adapters.postgres.runs import PostgresRuns
from gateway.adapters.postgres.turns import PostgresTurns
from gateway.adapters.postgres.wakeups import WakeUps
from gateway.adapters.supervisor.machine import Machine
from gateway.adapters.supervisor.preflight import CHECKS
from gateway.adapters.supervisor.running import running_database
from gateway.adapters.supervisor.stack import EmbeddedStack, Endpoints, StackPlan
from gateway.adapters.triton.control import TritonControl, open_channel
from gateway.adapters.triton.deaths import Deaths
from gateway.adapters.triton.grpc_engine import GrpcEngine
from gateway.adapters.triton.http_engine import HttpEngine
from gateway.adapters.triton.models import TritonModels
from gateway.adapters.triton.witness import TritonWitness
from gateway.api.grpc.server import GrpcServer
from gateway.api.rest.server import RestServer
from gateway.api.services import Services
from gateway.core.admission import Admission
from gateway.core.calling import Stores, runs_over
from gateway.core.dispatch import Dispatcher
from gateway.core.drain import Drain
from gateway.core.executions import Executions
from gateway.core.expiring import expiring
from gateway.core.following import Following
from gateway.core.healing import Healing
from gateway.core.health import Health
from gateway.core.holding import Holding
from gateway.core.keeping import Keeping
from gateway.core.observations import Observations
from gateway.core.pipelines import Pipelines
from gateway.core.quotas import Quotas
from gateway.core.removal import Removal
from gateway.core.staging import Staging
from gateway.core.stray import StrayMedia
from gateway.core.sweeping import Sweeper
from gateway.core.waiting import Waiting
from gateway.core.worker import Worker
from gateway.domain.retention import Retention
from gateway.errors import CannotStart, StorageUnavailable
from gateway.exposition import Exposition
from gateway.limits import CONTROL_TIMEOUT, LEASE_SHARE
from gateway.ports import BlobStore, InferenceEngine
from gateway.settings import Settings

log = logging.getLogger(__name__)

Report = Callable[[str], None]


@dataclass(frozen=True)
class Background:
    """What works on runs in the background."""

    worker: Worker
    keeping: Keeping
    sweeper: Sweeper


async def serve(settings: Settings, report: Report, hurry: asyncio.Event) -> None:
    """Run the whole gateway until cancelled; then calls in hand are answered before it ends, or until `hurry`.

    Raises:
        CannotStart: with one sentence that says what to do; nothing is left behind.
    """
    drain = Drain(settings.drain_delay, settings.drain_timeout, hurry)
    async with contextlib.AsyncExitStack() as cleanup:
        _trace(settings, cleanup)
        # One of several leaves what is embedded to the parent, and all checks.
        plan = stack_plan(settings) if settings.workers == 1 else None
        parts = _parts(settings, plan, report)
        services, background, url = await cleanup.enter_async_context(parts)
        if settings.worker:
            await cleanup.enter_async_context(working(background, url, settings, drain))
        await cleanup.enter_async_context(doors(settings, services, report, drain))
        await _until_cancelled(report, drain)


async def work(settings: Settings, report: Report, hurry: asyncio.Event) -> None:
    """Take up runs in the background until cancelled; then those in hand may end, or until `hurry`.

    Raises:
        CannotStart: with one sentence that says what to do; nothing is left behind.
    """
    if settings.database_url is None or settings.triton_url is None:
        raise CannotStart("A worker of its own shares the database and Triton: name --database-url and --triton-url.")
    plan = msgspec.structs.replace(settings, rest_port=0, grpc_port=0)
    drain = Drain(0.0, settings.drain_timeout, hurry)
    async with contextlib.AsyncExitStack() as cleanup:
        _trace(settings, cleanup)
        _, background, url = await cleanup.enter_async_context(_parts(settings, stack_plan(plan), report))
        await cleanup.enter_async_context(working(background, url, settings, drain))
        report(f"ready: a worker for {settings.worker_runs} runs at once")
        await _until_cancelled(report, drain)


def _trace(settings: Settings, cleanup: contextlib.AsyncExitStack) -> None:
    """Trace, where a collector is named; the last spans are sent when the stack is left."""
    if settings.trace_url is not None:
        cleanup.push_async_callback(asyncio.to_thread, tracing.configure(settings.trace_url))


async def migrate_records(settings: Settings, report: Report) -> None:
    """Bring the schema up to date: of the outside database, else of the one in the data directory.

    Raises:
        CannotStart: with one sentence that says what to do; nothing is left behind.
    """
    if settings.database_url is not None:
        await _migrated(settings.database_url)
        return
    plan = StackPlan(data_dir=settings.data_dir, model_repository=None, with_postgres=True)
    deadline = asyncio.get_running_loop().time() + CONTROL_TIMEOUT
    while True:
        running = running_database(settings.data_dir)
        try:
            async with contextlib.AsyncExitStack() as cleanup:
                if running is None:
                    running = (await cleanup.enter_async_context(EmbeddedStack(plan, report=report))).database_url
                assert running is not None
                await _migrated(running)
        except CannotStart:
            # Another gateway, or another of these, is just starting its database or stopping it.
            late = asyncio.get_running_loop().time() > deadline
            if late or (running is None and running_database(settings.data_dir) is None):
                raise
            await asyncio.sleep(0.2)
        else:
            return


def preflight(settings: Settings) -> list[tuple[str, str | None]]:
    """Every check before the start by name, with the sentence about what is wrong."""
    plan, machine = stack_plan(settings), Machine.look(settings.data_dir)
    return [(check.name, check.problem(plan, machine)) for check in CHECKS]


async def _until_cancelled(report: Report, drain: Drain) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        report("stopping: what is in hand ends first; a second signal cuts that short")
        drain.begin()


@contextlib.asynccontextmanager
async def _parts(
    settings: Settings, plan: StackPlan | None, report: Report
) -> AsyncIterator[tuple[Services, Background, str]]:
    """The core with all it stands on, and the URL of the database."""
    async with contextlib.AsyncExitStack() as cleanup:
        endpoints = Endpoints()
        if plan is not None:
            endpoints = await cleanup.enter_async_context(EmbeddedStack(plan, report=report))
        url = _database_url(settings, endpoints)
        database = await cleanup.enter_async_context(open_database(url))
        blobs = await open_store(settings.blob_url or (settings.data_dir / "blobs").absolute().as_uri())
        services, background = await cleanup.enter_async_context(core(settings, endpoints, database, blobs))
        yield services, background, url


@contextlib.asynccontextmanager
async def grounded(settings: Settings, report: Report) -> AsyncIterator[Settings]:
    """The settings of processes that serve side by side: over what is embedded, which runs, and the newest schema."""
    async with EmbeddedStack(stack_plan(settings), report=report) as endpoints:
        url = _database_url(settings, endpoints)
        await _migrated(url)
        found = msgspec.structs.replace(settings, database_url=url)
        if endpoints.triton_grpc is not None:
            grpc_url, http_url = f"grpc://{endpoints.triton_grpc}", f"http://{endpoints.triton_http}"
            found = msgspec.structs.replace(found, triton_url=grpc_url, triton_http_url=http_url)
        yield found


def _database_url(settings: Settings, endpoints: Endpoints) -> str:
    url = settings.database_url or endpoints.database_url
    assert url is not None
    return url


def stack_plan(settings: Settings) -> StackPlan:
    """What is to be embedded: all that no setting says is outside."""
    return StackPlan(
        data_dir=settings.data_dir,
        model_repository=settings.model_repository if settings.triton_url is None else None,
        with_postgres=settings.database_url is None,
        ports=(
            ("rest", settings.host, settings.rest_port),
            ("grpc", settings.host, settings.grpc_port),
        ),
    )


@contextlib.asynccontextmanager
async def open_database(url: str) -> AsyncIterator[Database]:
    """The database, with the newest schema."""
    await _migrated(url)
    database = Database(url)
    with _reachable():
        await database.open()
    try:
        yield database
    finally:
        await database.close()


async def _migrated(url: str) -> None:
    with _reachable():
        await migrate(url)


@contextlib.contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except StorageUnavailable as failure:
        raise CannotStart("The database is not reachable: check --database-url, and that it runs.") from failure


@contextlib.asynccontextmanager
async def core(
    settings: Settings, endpoints: Endpoints, database: Database, blobs: BlobStore
) -> AsyncIterator[tuple[Services, Background]]:
    """The use cases over their adapters; knows every pipeline when it is entered."""
    channel = open_channel(endpoints.triton_grpc or _address("--triton-url", settings.triton_url, "grpc"))
    deaths, control = Deaths(), TritonControl(channel)
    engine = _engine(settings, endpoints, channel, deaths)
    models = TritonModels(channel, control)
    shared = settings.triton_shared or settings.triton_url is not None
    witness = TritonWitness(channel, control, models, deaths, shared=shared)
    pipelines = Pipelines(control, PostgresPipelines(database))
    admission = Admission(settings.max_sync_calls, settings.max_pipeline_calls, pipelines.concurrency)
    store = PostgresRuns(database, lambda: admission.taken)
    executions, entries = PostgresExecutions(database), PostgresEntries(database)
    transformer = TransformPool()
    turns = PostgresTurns(_database_url(settings, endpoints))
    healing = Healing(models, witness, turns, pipelines.refresh)
    dispatcher = Dispatcher(engine, PillowDecoder(), healing)
    staging, following, holding = Staging(blobs), Following(store), Holding()
    removal, retention = Removal(blobs, PostgresDoomed(database)), Retention.of(settings)
    stray = StrayMedia(blobs, store, settings.sweep_after)
    expired = expiring(PostgresRetention(database), retention)
    runs = runs_over(
        pipelines,
        Stores(store, executions, entries, PostgresKeys(database)),
        dispatcher,
        staging,
        following,
        holding,
        admission,
        settings.max_queued_runs,
    )
    services = Services(
        pipelines=pipelines,
        runs=runs,
        executions=Executions(executions, blobs, removal, retention),
        observations=Observations(entries, transformer),
        health=Health(pipelines, store, blobs, admission),
        exposition=Exposition(Waiting(store).measure),
        sync_timeout=settings.sync_timeout,
        max_body_bytes=settings.max_body_bytes,
    )
    lease, quotas = _lease(settings), Quotas(pipelines, settings.worker_pipeline_runs or settings.worker_runs)
    worker = Worker(pipelines, store, dispatcher, staging, holding, following, quotas, lease=lease)
    background = Background(
        worker,
        Keeping(worker, pipelines, store, holding, quotas, lease=lease, queue_timeout=settings.queue_timeout),
        Sweeper({**expired, "blobs": removal.sweep, "staged": stray.sweep}, settings.sweep_interval),
    )
    await pipelines.recall()
    await pipelines.refresh()
    try:
        async with _running(pipelines.watch()):
            yield services, background
    finally:
        await runs.close()
        await healing.close()
        await engine.close()
        await transformer.close()
        await store.close()
        await channel.close()


@contextlib.asynccontextmanager
async def working(background: Background, database_url: str, settings: Settings, drain: Drain) -> AsyncIterator[None]:
    """A worker that takes up runs until the drain begins; on leaving, those in hand may end while it has time left."""
    worker, keeping = background.worker, background.keeping
    queue = WakeUps(database_url, worker.take_up, settings.worker_runs, _lease(settings), drain)
    log.info("worker.started", extra={"worker": worker.worker_id})
    async with contextlib.AsyncExitStack() as cleanup:
        for loop in (keeping.hold(), keeping.reconcile(), background.sweeper.sweep_again_and_again()):
            await cleanup.enter_async_context(_running(loop))
        listening = asyncio.create_task(queue.listen())
        drain.at_begin(listening.cancel)
        try:
            yield
        finally:
            drain.begin()
            await asyncio.gather(listening, return_exceptions=True)


def _lease(settings: Settings) -> float:
    """Seconds for which a worker holds a run: so many that the rest of `run_lease` is enough to notice its end."""
    return settings.run_lease * LEASE_SHARE


@contextlib.asynccontextmanager
async def _running(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """A task that lives as long as the block."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _engine(settings: Settings, endpoints: Endpoints, channel: grpc.aio.Channel, deaths: Deaths) -> InferenceEngine:
    """Inference over HTTP where its port is known, else over gRPC."""
    http = endpoints.triton_http
    if http is None and settings.triton_http_url is not None:
        http = _address("--triton-http-url", settings.triton_http_url, "http")
    if http is None:
        return GrpcEngine(channel, settings.max_inferences, deaths)
    host, _, port = http.rpartition(":")
    return HttpEngine(host.strip("[]"), int(port), settings.max_inferences, deaths)


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
async def doors(settings: Settings, services: Services, report: Report, drain: Drain) -> AsyncIterator[None]:
    """Both doors, open; on leaving they take work for the drain's delay, and answer what they have then."""
    reuse_port = settings.workers > 1
    listener = _listener(settings.host, settings.rest_port, reuse_port)
    rest = RestServer(services, listener)
    grpc_server = GrpcServer(services, f"{settings.host}:{settings.grpc_port}", reuse_port=reuse_port)
    try:
        port = await grpc_server.start()
        await rest.start()
        pipelines = ", ".join(each.pipeline_id for each in services.pipelines.list()) or "none yet"
        report(f"ready: REST on http://{settings.host}:{listener.getsockname()[1]}, gRPC on {settings.host}:{port}")
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


def _listener(host: str, port: int, reuse_port: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048, reuse_port=reuse_port)
    except OSError as failure:
        raise CannotStart(
            f"REST cannot listen on {host}:{port} ({failure.strerror}): choose another with --host or --rest-port."
        ) from failure
