"""The core over its adapters: the one place that knows which concrete thing is plugged in where."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass

from gateway.adapters.postgres.artifacts import PostgresArtifacts
from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.doomed import PostgresDoomed
from gateway.adapters.postgres.files import PostgresFiles
from gateway.adapters.postgres.keys import PostgresKeys
from gateway.adapters.postgres.pipelines import PostgresPipelines
from gateway.adapters.postgres.retention import PostgresRetention
from gateway.adapters.postgres.turns import PostgresTurns
from gateway.adapters.rates import MemoryRates
from gateway.adapters.supervisor.stack import Endpoints
from gateway.api.services import Services
from gateway.bootstrap.embedding import database_url
from gateway.bootstrap.foreign import Helpers, Records, helpers, records
from gateway.bootstrap.inference import Triton, triton
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
from gateway.core.runs import Runs
from gateway.core.sender import Sender
from gateway.core.staging import Staging
from gateway.core.stray import StrayMedia
from gateway.core.sweeping import Sweeper
from gateway.core.telling import Telling
from gateway.core.waiting import Waiting
from gateway.core.worker import Worker
from gateway.domain.rates import rate_of
from gateway.domain.retention import Retention
from gateway.exposition import Exposition
from gateway.limits import LEASE_SHARE
from gateway.ports import BlobStore
from gateway.settings import Settings


@dataclass(frozen=True)
class Background:
    """What works on runs in the background."""

    worker: Worker
    keeping: Keeping
    sweeper: Sweeper
    sender: Sender


class Assembly:
    """The parts of the core that several others share, and the wholes that are made of them."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        blobs: BlobStore,
        records: Records,
        helpers: Helpers,
        pipelines: Pipelines,
        admission: Admission,
        healing: Healing,
        triton: Triton,
    ):
        self._settings, self._database, self._blobs = settings, database, blobs
        self._records, self._helpers = records, helpers
        self._pipelines, self._admission = pipelines, admission
        self._rates = Rates(MemoryRates(), None if settings.key_rate is None else rate_of(settings.key_rate))
        self._telling = Telling(records.hooks, records.executions, helpers.courier)
        self._removal, self._retention = Removal(blobs, PostgresDoomed(database)), Retention.of(settings)
        self._artifacts = Artifacts(PostgresArtifacts(database), blobs, self._removal)
        self._dispatcher = Dispatcher(triton.engine, Converter(helpers.reader), healing, self._artifacts)
        self._staging = Staging(blobs, records.runs)
        self._following, self._holding = Following(records.runs), Holding()

    def services(self) -> Services:
        """What the doors open onto."""
        records, helpers, telling, blobs = self._records, self._helpers, self._telling, self._blobs
        files_store, most_bytes = PostgresFiles(self._database), self._settings.max_file_bytes
        files = Files(files_store, blobs, self._removal, self._retention, most_bytes=most_bytes)
        return Services(
            pipelines=self._pipelines,
            runs=self._runs(files),
            executions=Executions(records.executions, blobs, self._removal, self._retention, telling),
            files=files,
            artifacts=self._artifacts,
            observations=Observations(records.entries, helpers.transformer, telling),
            hooks=Hooks(records.hooks, telling),
            deliveries=Deliveries(records.deliveries, records.hooks, records.executions, telling),
            health=Health(self._pipelines, records.runs, blobs, self._admission),
            exposition=Exposition(Waiting(records.runs).measure),
            access=helpers.access,
            rates=self._rates,
            sync_timeout=self._settings.sync_timeout,
            max_body_bytes=self._settings.max_body_bytes,
        )

    def _runs(self, files: Files) -> Runs:
        records, settings = self._records, self._settings
        urls, most_bytes = self._helpers.urls, settings.max_body_bytes
        return runs_over(
            self._pipelines,
            Stores(records.runs, records.executions, records.entries, PostgresKeys(self._database)),
            self._dispatcher,
            self._staging,
            self._following,
            self._holding,
            self._admission,
            self._telling,
            self._rates,
            Gathering(records.executions, self._blobs, most_bytes, uploads=files, urls=urls),
            settings.max_queued_runs,
        )

    def background(self) -> Background:
        """What works on runs in the background."""
        settings, records, pipelines = self._settings, self._records, self._pipelines
        lease, quotas = lease_of(settings), Quotas(pipelines, settings.worker_pipeline_runs or settings.worker_runs)
        worker = Worker(
            pipelines,
            records.runs,
            self._dispatcher,
            self._staging,
            self._holding,
            self._following,
            quotas,
            self._telling,
            records.deliveries,
            lease=lease,
        )
        waits = settings.queue_timeout
        keeping = Keeping(worker, pipelines, records.runs, self._holding, quotas, lease=lease, queue_timeout=waits)
        return Background(worker, keeping, self._sweeper(), self._sender())

    def _sweeper(self) -> Sweeper:
        settings = self._settings
        stray = StrayMedia(self._blobs, self._records.runs, settings.sweep_after)
        expired = expiring(PostgresRetention(self._database), self._retention)
        # What is staged is to be gone soon after its time, however long the interval is.
        interval = min(settings.sweep_interval, settings.sweep_after)
        return Sweeper({**expired, "blobs": self._removal.sweep, "staged": stray.sweep}, interval)

    def _sender(self) -> Sender:
        records, helpers = self._records, self._helpers
        letters = Letters(records.hooks, records.entries, Payloads(helpers.transformer), self._blobs)
        return Sender(records.deliveries, records.hooks, letters, helpers.courier, self._staging, self._telling)


@contextlib.asynccontextmanager
async def core(
    settings: Settings, endpoints: Endpoints, database: Database, blobs: BlobStore
) -> AsyncIterator[tuple[Services, Background]]:
    """The use cases over their adapters; knows every pipeline when it is entered."""
    async with contextlib.AsyncExitStack() as ends:
        engine = await ends.enter_async_context(triton(settings, endpoints))
        pipelines = Pipelines(engine.control, PostgresPipelines(database))
        calls = (settings.max_sync_calls, settings.max_pipeline_calls, pipelines.concurrency, settings.max_key_calls)
        admission = Admission(*calls)
        kept = await ends.enter_async_context(records(database, lambda: admission.taken))
        beside = await ends.enter_async_context(helpers(settings, database))
        turns = PostgresTurns(database_url(settings, endpoints))
        healing = Healing(engine.models, engine.witness, turns, pipelines.refresh)
        ends.push_async_callback(healing.close)
        made = Assembly(settings, database, blobs, kept, beside, pipelines, admission, healing, engine)
        services = made.services()
        ends.push_async_callback(services.runs.close)
        await pipelines.recall()
        await pipelines.refresh()
        async with running(pipelines.watch()):
            yield services, made.background()


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
