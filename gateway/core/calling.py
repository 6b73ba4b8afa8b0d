"""Puts the use cases of runs together."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.core.admission import Admission
from gateway.core.admitted import Gatekeeper
from gateway.core.async_calls import AsyncCalls
from gateway.core.backlog import Backlog
from gateway.core.dispatch import Dispatcher
from gateway.core.following import Following
from gateway.core.gathering import Gathering
from gateway.core.holding import Holding
from gateway.core.keys import Keys
from gateway.core.pipelines import Pipelines
from gateway.core.rates import Rates
from gateway.core.replays import Replays
from gateway.core.runs import Runs
from gateway.core.staging import Staging
from gateway.core.sync_calls import SyncCalls
from gateway.core.telling import Telling
from gateway.domain.ids import now
from gateway.limits import MAX_QUEUED_RUNS
from gateway.ports import EntryStore, ExecutionStore, KeyStore, RunStore


@dataclass(frozen=True)
class Stores:
    """The records that runs are made of."""

    runs: RunStore
    executions: ExecutionStore
    entries: EntryStore
    keys: KeyStore


def runs_over(
    pipelines: Pipelines,
    stores: Stores,
    dispatcher: Dispatcher,
    staging: Staging,
    following: Following,
    holding: Holding,
    admission: Admission,
    telling: Telling,
    rates: Rates,
    gathering: Gathering,
    most_queued: int = MAX_QUEUED_RUNS,
    *,
    clock: Callable[[], datetime] = now,
) -> Runs:
    """Runs over these parts."""
    gate, keys = Gatekeeper(pipelines, stores.executions, telling, rates, gathering), Keys(stores.keys)
    replays = Replays(stores.runs, stores.executions, stores.entries)
    sync_calls = SyncCalls(gate, pipelines, stores.runs, dispatcher, staging, keys, replays, telling, clock)
    backlog = Backlog(stores.runs, most_queued)
    async_calls = AsyncCalls(gate, stores.runs, staging, keys, backlog, telling, clock)
    parts = (stores.runs, replays, following, holding, staging, admission, backlog, telling, clock)
    return Runs(sync_calls, async_calls, *parts)
