"""The core over its adapters: the one place that knows which concrete thing is plugged in where."""

import asyncio
import contextlib
import urllib.parse
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass

import grpc.aio

from gateway.adapters.jsonata.pool import TransformPool
from gateway.adapters.postgres.artifacts import PostgresArtifacts
from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.deliveries import PostgresDeliveries
from gateway.adapters.postgres.doomed import PostgresDoomed
from gateway.adapters.postgres.entries import PostgresEntries
from gateway.adapters.postgres.executions import PostgresExecutions
from gateway.adapters.postgres.files import PostgresFiles
from gateway.adapters.postgres.hooks import PostgresHooks
from gateway.adapters.postgres.keys import PostgresKeys
from gateway.adapters.postgres.pipelines import PostgresPipelines
from gateway.adapters.postgres.retention import PostgresRetention
from gateway.adapters.postgres.runs import PostgresRuns
from gateway.adapters.postgres.turns import PostgresTurns
from gateway.adapters.rates import MemoryRates
from gateway.adapters.rendering.pool import DecoderPool
from gateway.adapters.supervisor.stack import Endpoints
from gateway.adapters.triton.control import TritonControl, open_channel
from gateway.adapters.triton.counters import Counting, GrpcCounting, HttpCounting
from gateway.adapters.triton.deaths import Deaths
from gateway.adapters.triton.grpc_engine import GrpcEngine
from gateway.adapters.triton.http_engine import HttpEngine
from gateway.adapters.triton.models import TritonModels
from gateway.adapters.triton.witness import TritonWitness
from gateway.api.services import Services
from gateway.bootstrap import outgoing
from gateway.bootstrap.access import authenticator
from gateway.bootstrap.embedding import database_url
from gateway.core.admission import Admission
from gateway.core.artifacts import Artifacts
from gateway.core.calling import Stores, runs_over
from gateway.core.converting import Converter
from gateway.core.deliveries import Deliveries
from gateway.core.dispatch import Dispatcher
from gateway.core.executions import Executions
from gateway.core.expiring import expiring
from gateway.core.files import Files
from gateway.core.following import Following
from gateway.core.gathering import Gathering
from gateway.core.healing import Healing
from gateway.core.health import Health
from gateway.core.holding import Holding
from gateway.core.hooks import Hooks
from gateway.core.keeping import Keeping
from gateway.core.letters import Letters
from gateway.core.observations import Observations
from gateway.core.payloads import Payloads
from gateway.core.pipelines import Pipelines
from gateway.core.quotas import Quotas
from gateway.core.rates import Rates
from gateway.core.removal import Removal
from gateway.core.sender import Sender
from gateway.core.staging import Staging
from gateway.core.stray import StrayMedia
from gateway.core.sweeping import Sweeper
from gateway.core.telling import Telling
from gateway.core.waiting import Waiting
from gateway.core.worker import Worker
from gateway.domain.rates import rate_of
from gateway.domain.retention import Retention
from gateway.errors import CannotStart
from gateway.exposition import Exposition
from gateway.limits import LEASE_SHARE
from gateway.ports import BlobStore, InferenceEngine
from gateway.settings import Settings


@dataclass(frozen=True)
class Background:
    """What works on runs in the background."""

    worker: Worker
    keeping: Keeping
    sweeper: Sweeper
    sender: Sender


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
    counting = _counting(settings, endpoints, channel)
    witness = TritonWitness(counting, control, models, deaths, shared=shared)
    pipelines = Pipelines(control, PostgresPipelines(database))
    calls = (settings.max_sync_calls, settings.max_pipeline_calls, pipelines.concurrency, settings.max_key_calls)
    admission = Admission(*calls)
    rates = Rates(MemoryRates(), None if settings.key_rate is None else rate_of(settings.key_rate))
    store = PostgresRuns(database, lambda: admission.taken)
    executions, entries = PostgresExecutions(database), PostgresEntries(database)
    hooks, deliveries = PostgresHooks(database), PostgresDeliveries(database)
    courier, urls = outgoing.courier(settings), outgoing.fetcher(settings)
    access = authenticator(settings, database)
    telling = Telling(hooks, executions, courier)
    transformer, reader = TransformPool(), DecoderPool(children=settings.decoder_children)
    turns = PostgresTurns(database_url(settings, endpoints))
    healing = Healing(models, witness, turns, pipelines.refresh)
    removal, retention = Removal(blobs, PostgresDoomed(database)), Retention.of(settings)
    artifacts = Artifacts(PostgresArtifacts(database), blobs, removal)
    dispatcher = Dispatcher(engine, Converter(reader), healing, artifacts)
    staging, following, holding = Staging(blobs, store), Following(store), Holding()
    files = Files(PostgresFiles(database), blobs, removal, retention, most_bytes=settings.max_file_bytes)
    stray = StrayMedia(blobs, store, settings.sweep_after)
    expired = expiring(PostgresRetention(database), retention)
    files = Files(PostgresFiles(database), blobs, removal, retention, most_bytes=settings.max_file_bytes)
    runs = runs_over(
        pipelines,
        Stores(store, executions, entries, PostgresKeys(database)),
        dispatcher,
        staging,
        following,
        holding,
        admission,
        telling,
        rates,
        Gathering(executions, blobs, settings.max_body_bytes, uploads=files, urls=urls),
        settings.max_queued_runs,
    )
    services = Services(
        pipelines=pipelines,
        runs=runs,
        executions=Executions(executions, blobs, removal, retention, telling),
        files=files,
        artifacts=artifacts,
        observations=Observations(entries, transformer, telling),
        hooks=Hooks(hooks, telling),
        deliveries=Deliveries(deliveries, hooks, executions, telling),
        health=Health(pipelines, store, blobs, admission),
        exposition=Exposition(Waiting(store).measure),
        access=access,
        rates=rates,
        sync_timeout=settings.sync_timeout,
        max_body_bytes=settings.max_body_bytes,
    )
    lease, quotas = lease_of(settings), Quotas(pipelines, settings.worker_pipeline_runs or settings.worker_runs)
    worker = Worker(pipelines, store, dispatcher, staging, holding, following, quotas, telling, deliveries, lease=lease)
    letters = Letters(hooks, entries, Payloads(transformer), blobs)
    # What is staged is to be gone soon after its time, however long the interval is.
    interval = min(settings.sweep_interval, settings.sweep_after)
    background = Background(
        worker,
        Keeping(worker, pipelines, store, holding, quotas, lease=lease, queue_timeout=settings.queue_timeout),
        Sweeper({**expired, "blobs": removal.sweep, "staged": stray.sweep}, interval),
        Sender(deliveries, hooks, letters, courier, staging, telling),
    )
    await pipelines.recall()
    await pipelines.refresh()
    try:
        async with running(pipelines.watch()):
            yield services, background
    finally:
        await runs.close()
        await healing.close()
        await courier.close()
        if urls is not None:
            await urls.close()
        await access.close()
        await engine.close()
        await counting.close()
        await transformer.close()
        await reader.close()
        await store.close()
        await channel.close()


@contextlib.asynccontextmanager
async def running(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """A task that lives as long as the block."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def lease_of(settings: Settings) -> float:
    """Seconds for which a worker holds a run: so many that the rest of `run_lease` is enough to notice its end."""
    return settings.run_lease * LEASE_SHARE


def _engine(settings: Settings, endpoints: Endpoints, channel: grpc.aio.Channel, deaths: Deaths) -> InferenceEngine:
    """Inference over HTTP where its port is known, else over gRPC."""
    known = _triton_http(settings, endpoints)
    if known is None:
        return GrpcEngine(channel, settings.max_inferences, deaths)
    return HttpEngine(*known, settings.max_inferences, deaths)


def _counting(settings: Settings, endpoints: Endpoints, channel: grpc.aio.Channel) -> Counting:
    """Triton's counters, asked in the same way."""
    known = _triton_http(settings, endpoints)
    return GrpcCounting(channel) if known is None else HttpCounting(*known)


def _triton_http(settings: Settings, endpoints: Endpoints) -> tuple[str, int] | None:
    """The host and the port of Triton's HTTP endpoint, where they are known."""
    http = endpoints.triton_http
    if http is None and settings.triton_http_url is not None:
        http = _address("--triton-http-url", settings.triton_http_url, "http")
    if http is None:
        return None
    host, _, port = http.rpartition(":")
    return host.strip("[]"), int(port)


def _address(flag: str, url: str | None, scheme: str) -> str:
    """`host:port` of a URL of this scheme."""
    parts = urllib.parse.urlsplit(url or "")
    try:
        if parts.scheme == scheme and parts.hostname and parts.port:
            return parts.netloc
    except ValueError:
        pass
    raise CannotStart(f"{flag} is not of the form {scheme}://host:port.")
