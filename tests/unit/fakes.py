"""Every stand-in that unit tests use: fakes of the ports, and small values of the domain."""

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.adapters.triton.counters import Counters
from gateway.api.grpc.entering import needs
from gateway.api.services import Services
from gateway.core.admission import Admission
from gateway.core.artifacts import Artifacts
from gateway.core.calling import Stores, runs_over
from gateway.core.converting import Converter
from gateway.core.deliveries import Deliveries
from gateway.core.dispatch import Dispatcher
from gateway.core.executions import Executions
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
from gateway.core.open_access import OpenAccess
from gateway.core.payloads import Payloads
from gateway.core.pipelines import Pipelines
from gateway.core.quotas import Quotas
from gateway.core.rates import Rates
from gateway.core.removal import Removal
from gateway.core.sender import Sender
from gateway.core.staging import Staging
from gateway.core.telling import Telling
from gateway.core.waiting import Waiting
from gateway.core.worker import Worker
from gateway.domain.access import Scope
from gateway.domain.api_keys import ApiKey
from gateway.domain.artifacts import Artifact
from gateway.domain.audit import AuditEvent
from gateway.domain.calls import Call, RunRequest
from gateway.domain.conversion import Shape
from gateway.domain.deliveries import Delivery, Event, Letter, Receipt
from gateway.domain.executions import Execution, ExecutionFilter, NewExecution
from gateway.domain.files import FileRecord
from gateway.domain.hooks import EventType, Hook, PayloadType
from gateway.domain.keys import Key, KnownCall
from gateway.domain.media import MediaRecord, given
from gateway.domain.observations import Entry
from gateway.domain.pipelines import Input, InputRole, Output, OutputRole, Pipeline, PipelineStatus, Port, Step
from gateway.domain.rates import Allowance, Rate
from gateway.domain.retention import Retention
from gateway.domain.runs import Attempt, Run, RunError, RunState
from gateway.domain.tensors import Value, frame
from gateway.errors import (
    ArtifactNotFound,
    DeliveryNotFound,
    ExecutionNotFound,
    FileNotFound,
    GatewayError,
    HookNotFound,
    KeyLost,
    MediaNotFound,
    Overloaded,
    ResultGone,
    RunNotFound,
)
from gateway.exposition import Exposition
from gateway.ports import (
    AcceptedRun,
    Authenticator,
    Canceled,
    ClaimedRun,
    Discovery,
    Dispatch,
    Extended,
    FinishedRun,
    Inference,
    QueueState,
)
from gateway.settings import Settings

START = datetime(2026, 11, 21, 7, 15, 0, 123456, tzinfo=UTC)
RUN_ID = "019aa000-0000-7000-8000-000000000001"
EXECUTION_ID = "019aa000-0000-7000-8000-000000000002"
#: Seconds for which the worker under test holds a run: so short that what its beats do is seen at once.
LEASE = 0.01
#: Seconds for which a run may wait for its pipeline.
QUEUE_TIMEOUT = 60.0
ENTRY_ID = "019aa000-0000-7000-8000-000000000003"
#: Seconds after which a test that waits for something has failed.
PATIENCE = 20.0

Answer = Callable[[Inference, Dispatch], Awaitable[list[Value]]]


class SteppingClock:
    """A clock that moves on by one second each time it is read."""

    def __init__(self, start: datetime = START):
        self._next = start

    def __call__(self) -> datetime:
        moment, self._next = self._next, self._next + timedelta(seconds=1)
        return moment


class Bell:
    """Something that happens again and again, and can be waited for."""

    def __init__(self) -> None:
        self.times = 0
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """It has happened once more."""
        self.times += 1
        self._rung.set()
        self._rung = asyncio.Event()

    async def rang(self, times: int = 1) -> None:
        """Wait until it has happened this often."""
        async with asyncio.timeout(PATIENCE):
            while self.times < times:
                await self._rung.wait()


@asynccontextmanager
async def beside(work: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Work that goes on while the block lasts; it may not end of itself."""
    task = asyncio.create_task(work)
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class FakeEngine:
    """An `InferenceEngine` that answers as `answer` says, and remembers what it was asked."""

    def __init__(self, answer: Answer):
        self.answer = answer
        self.asked: list[Inference] = []
        self.canceled: list[Inference] = []
        self.at_once = 0
        self.most_at_once = 0
        self.closed = False
        self._begun = Bell()

    async def begun(self, times: int = 1) -> None:
        """Wait until it was asked this often."""
        await self._begun.rang(times)

    async def infer(self, inference: Inference, dispatch: Dispatch) -> list[Value]:
        self.asked.append(inference)
        self._begun.ring()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self.answer(inference, dispatch)
        except asyncio.CancelledError:
            self.canceled.append(inference)
            raise
        finally:
            self.at_once -= 1

    async def close(self) -> None:
        self.closed = True


class FakeRecords:
    """What the three stores of records share, in memory; `failure` makes every write fail."""

    def __init__(self) -> None:
        self.executions: dict[str, Execution] = {}
        self.media: list[MediaRecord] = []
        self.files: dict[str, FileRecord] = {}
        #: Each with its execution.
        self.artifacts: list[tuple[str, Artifact]] = []
        self.runs: dict[str, Run] = {}
        self.entries: list[tuple[str, Entry]] = []
        #: Each end of a run, as it was handed in.
        self.finished: list[FinishedRun] = []
        self.accepted: list[AcceptedRun] = []
        self.keys: dict[bytes, KnownCall] = {}
        self.hooks: dict[str, Hook] = {}
        self.deliveries: dict[str, Delivery] = {}
        #: Blobs that are to be removed, and in how many seconds.
        self.doomed: dict[str, float] = {}
        self.failure: GatewayError | None = None
        self.answers = True

    def write(self, finished: FinishedRun) -> None:
        """Take in the end of a run."""
        if self.failure is not None:
            raise self.failure
        if finished.new is None:
            self.existing(finished.sees, finished.run.execution_id)
        if finished.key is not None:
            self.end_key(finished)
        self.tell(finished.deliveries)
        self.finished.append(finished)
        run, new = finished.run, finished.new
        if new is not None and new.execution_id not in self.executions:
            self.executions[new.execution_id] = brought_about(new)
        self.show(run)
        self.entries += [(run.execution_id, each) for each in (*finished.seed, *finished.entries)]
        for artifact in finished.artifacts:
            del self.doomed[artifact.blob]
            self.artifacts.append((run.execution_id, artifact))

    def tell(self, deliveries: Sequence[Delivery]) -> None:
        """Take in what is to be sent."""
        self.deliveries |= {each.delivery_id: each for each in deliveries}

    def show(self, run: Run) -> None:
        """Take in a run, and show its state on its execution."""
        self.runs[run.run_id] = run
        self.executions[run.execution_id] = msgspec.structs.replace(
            self.executions[run.execution_id],
            state=run.state,
            started_at=run.started_at,
            completed_at=run.completed_at,
            error=run.error,
        )

    def end_key(self, finished: FinishedRun) -> None:
        """The key of a call ends with its run, or is free again."""
        assert finished.key is not None
        digest, seed = finished.key.key.digest, tuple(each.entry_id for each in finished.seed)
        known = self.keys.get(digest)
        if known is None or known.run_id != finished.run.run_id:
            if not finished.key.freed:
                raise KeyLost
        elif finished.key.freed:
            del self.keys[digest]
        else:
            self.keys[digest] = msgspec.structs.replace(known, lease_until=None, seed=seed)

    def existing(self, sees: str | None, execution_id: str) -> Execution:
        """The execution, if there is one to see."""
        if not self.shows(sees, execution_id):
            raise ExecutionNotFound
        return self.executions[execution_id]

    def shows(self, sees: str | None, execution_id: str) -> bool:
        """Whether there is such an execution to see."""
        return execution_id in self.executions and sees in (None, self.executions[execution_id].owner)


def brought_about(new: NewExecution) -> Execution:
    """An execution that has no run yet."""
    return Execution(**msgspec.structs.asdict(new), changed_at=new.created_at)


class FakeExecutions:
    """An `ExecutionStore` in memory."""

    def __init__(self, records: FakeRecords):
        self._records = records

    async def create(self, new: NewExecution) -> bool:
        if new.execution_id in self._records.executions:
            return False
        self._records.executions[new.execution_id] = brought_about(new)
        return True

    async def get(self, sees: str | None, execution_id: str) -> Execution:
        return self._records.existing(sees, execution_id)

    async def page(
        self, sees: str | None, wanted: ExecutionFilter, limit: int, before: int | None
    ) -> list[tuple[int, Execution]]:
        listed = [
            (number, each)
            for number, each in enumerate(self._records.executions.values(), 1)
            if sees in (None, each.owner)
            and wanted.tag in (None, each.tag)
            and wanted.state in (None, each.state)
            and number < (before or 10**9)
        ]
        return listed[::-1][:limit]

    async def delete(self, sees: str | None, execution_id: str) -> list[str]:
        self._records.existing(sees, execution_id)
        del self._records.executions[execution_id]
        self._records.runs = {
            run_id: run for run_id, run in self._records.runs.items() if run.execution_id != execution_id
        }
        blobs = [each.blob for each in self._records.media if each.execution_id == execution_id]
        self._records.doomed |= dict.fromkeys(blobs, 0.0)
        return blobs

    async def announce(self, sees: str | None, execution_id: str, blob: str, patience: float) -> None:
        self._records.existing(sees, execution_id)
        self._records.doomed[blob] = patience

    async def add_media(self, sees: str | None, record: MediaRecord) -> None:
        self._records.existing(sees, record.execution_id)
        if self._records.failure is not None:
            raise self._records.failure
        del self._records.doomed[record.blob]
        self._records.media.append(record)

    async def media(self, sees: str | None, execution_id: str) -> list[MediaRecord]:
        self._records.existing(sees, execution_id)
        return [each for each in self._records.media if each.execution_id == execution_id]

    async def remove_media(self, sees: str | None, execution_id: str, media_id: str) -> str:
        for record in await self.media(sees, execution_id):
            if record.media_id == media_id:
                self._records.media.remove(record)
                self._records.doomed[record.blob] = 0.0
                return record.blob
        raise MediaNotFound


class FakeFiles:
    """A `FileStore` in memory."""

    def __init__(self, records: FakeRecords):
        self._records = records

    async def add(self, record: FileRecord) -> None:
        if self._records.failure is not None:
            raise self._records.failure
        del self._records.doomed[record.blob]
        self._records.files[record.file_id] = record

    async def get(self, sees: str | None, file_id: str) -> FileRecord:
        found = self._records.files.get(file_id)
        if found is None or sees not in (None, found.owner):
            raise FileNotFound
        return found

    async def page(
        self, sees: str | None, purpose: str | None, limit: int, before: int | None
    ) -> list[tuple[int, FileRecord]]:
        listed = [
            (number, each)
            for number, each in enumerate(self._records.files.values(), 1)
            if sees in (None, each.owner) and purpose in (None, each.purpose) and number < (before or 10**9)
        ]
        return listed[::-1][:limit]

    async def delete(self, sees: str | None, file_id: str) -> str:
        blob = (await self.get(sees, file_id)).blob
        del self._records.files[file_id]
        self._records.doomed[blob] = 0.0
        return blob


class FakeArtifacts:
    """An `ArtifactStore` in memory."""

    def __init__(self, records: FakeRecords):
        self._records = records

    async def page(self, sees: str | None, execution_id: str, limit: int, after: int) -> list[tuple[int, Artifact]]:
        self._records.existing(sees, execution_id)
        mine = [each for execution, each in self._records.artifacts if execution == execution_id]
        return [(number, each) for number, each in enumerate(mine, 1) if number > after][:limit]

    async def get(self, sees: str | None, execution_id: str, artifact_id: str) -> Artifact:
        for _, found in await self.page(sees, execution_id, 10**9, 0):
            if found.artifact_id == artifact_id:
                return found
        raise ArtifactNotFound


class FakeKeys:
    """A `KeyStore` in memory; a lease that is over is one whose `lease_until` is not after START."""

    def __init__(self, records: FakeRecords):
        self._records = records

    async def find(self, key: Key) -> KnownCall | None:
        return self._records.keys.get(key.digest)

    async def reserve(self, key: Key, run_id: str, execution_id: str, lease: float) -> bool:
        known = self._records.keys.get(key.digest)
        if known is not None and (known.lease_until is None or known.lease_until > START):
            return False
        self._records.keys[key.digest] = KnownCall(
            fingerprint=key.fingerprint,
            run_id=run_id,
            execution_id=execution_id,
            lease_until=START + timedelta(seconds=lease),
        )
        return True


class FakeRuns:
    """A `RunStore` in memory; `held` is False where another attempt has taken the run over."""

    def __init__(self, records: FakeRecords):
        self._records = records
        #: What the runs in the background that have not ended are to do.
        self.requests: dict[str, RunRequest] = {}
        self.held = True
        self.handed_back: list[tuple[str, int, float]] = []
        self.put_off_for: list[RunError] = []
        self.extended: list[list[tuple[str, int]]] = []
        self.still_held: frozenset[str] | None = None
        self.woken_for: list[list[str]] = []
        #: Runs that look as if they were due, but others take them first.
        self.taken_by_others: list[str] = []
        self.stale_runs: list[str] = []
        #: How long a run may have been due, as the last look for stale ones had it.
        self.patience = 0.0
        self.waiting = 0
        self.counts = 0
        #: Why the runs that wait cannot be counted.
        self.uncountable: GatewayError | None = None
        self.beats, self.wakes, self.looks, self.stales = Bell(), Bell(), Bell(), Bell()
        self.measured = 0

    async def finish(self, finished: FinishedRun) -> None:
        self._records.write(finished)

    async def accept(self, accepted: AcceptedRun) -> None:
        if self._records.failure is not None:
            raise self._records.failure
        if accepted.key is not None:
            self._take_key(accepted)
        if accepted.new is None:
            self._records.existing(accepted.sees, accepted.run.execution_id)
        else:
            self._records.executions[accepted.new.execution_id] = brought_about(accepted.new)
        self._records.tell(accepted.deliveries)
        self._records.accepted.append(accepted)
        self._records.entries += [(accepted.run.execution_id, each) for each in accepted.seed]
        self._records.show(accepted.run)
        self.requests[accepted.run.run_id] = accepted.request

    def _take_key(self, accepted: AcceptedRun) -> None:
        assert accepted.key is not None
        digest = accepted.key.key.digest
        if digest in self._records.keys:
            raise KeyLost
        self._records.keys[digest] = KnownCall(
            fingerprint=accepted.key.key.fingerprint,
            run_id=accepted.run.run_id,
            execution_id=accepted.run.execution_id,
            seed=tuple(each.entry_id for each in accepted.seed),
        )

    async def claim(self, run_id: str, worker: str, lease: float) -> ClaimedRun | None:  # noqa: ARG002
        run = self._records.runs.get(run_id)
        if run is None or run_id not in self.requests or run.state is not RunState.QUEUED:
            return None
        run = msgspec.structs.replace(
            run, state=RunState.RUNNING, attempt=run.attempt + 1, worker=worker, started_at=START
        )
        self._records.show(run)
        return ClaimedRun(run, self.requests[run_id])

    async def extend(self, held: Sequence[tuple[str, int]], lease: float) -> Extended:  # noqa: ARG002
        self.extended.append(list(held))
        self.beats.ring()
        if self._records.failure is not None:
            raise self._records.failure
        there = frozenset(run_id for run_id, _ in held)
        wanted = frozenset(run_id for run_id in there if self._records.runs[run_id].cancel_requested_at is not None)
        return Extended(there if self.still_held is None else there & self.still_held, wanted)

    async def pending(self, sees: str | None, run_id: str) -> ClaimedRun | None:
        request = self.requests.get(run_id)
        return None if request is None else ClaimedRun(await self.get(sees, run_id), request)

    async def cancel(
        self, sees: str | None, run_id: str, error: RunError, deliveries: Sequence[Delivery] = ()
    ) -> Canceled:
        run = await self.get(sees, run_id)
        if run.state.ended:
            return Canceled(run)
        run, blobs = msgspec.structs.replace(run, cancel_requested_at=START), ()
        if run.state is RunState.QUEUED:
            run = msgspec.structs.replace(run, state=RunState.CANCELED, error=error, completed_at=START)
            blobs = self.requests.pop(run_id).staged
            self._records.tell(deliveries)
        self._records.show(run)
        return Canceled(run, blobs)

    async def due(self, pipeline_id: str, limit: int) -> list[str]:
        waiting = [run for run in self._records.runs.values() if run.state is RunState.QUEUED]
        return [*self.taken_by_others, *(run.run_id for run in waiting if run.pipeline_id == pipeline_id)][:limit]

    async def stale(self, but: Sequence[str], patience: float, limit: int) -> list[str]:
        self.patience = patience
        self.stales.ring()
        return [run_id for run_id in self.stale_runs if self._records.runs[run_id].pipeline_id not in but][:limit]

    async def backlog(self, most: int) -> int:
        self.counts += 1
        await asyncio.sleep(0)
        if self.uncountable is not None:
            raise self.uncountable
        return min(self.waiting, most)

    async def queue(self) -> QueueState:
        self.measured += 1
        if self._records.failure is not None:
            raise self._records.failure
        return QueueState(self.waiting, 2, 1, 7.5)

    async def unfinished(self, run_ids: Sequence[str]) -> frozenset[str]:
        if self._records.failure is not None:
            raise self._records.failure
        waiting = [each.event.run_id for each in self._records.deliveries.values() if each.due_at and each.documents]
        return frozenset(run_id for run_id in run_ids if run_id in self.requests or run_id in waiting)

    async def find(self, run_ids: Sequence[str]) -> list[Run]:
        self.looks.ring()
        if self._records.failure is not None:
            raise self._records.failure
        return [self._records.runs[run_id] for run_id in run_ids if run_id in self._records.runs]

    async def finish_claimed(self, finished: FinishedRun) -> bool:
        run = self._records.runs[finished.run.run_id]
        if not self.held or run.state is not RunState.RUNNING or run.attempt != finished.run.attempt:
            return False
        self._records.write(finished)
        del self.requests[run.run_id]
        return True

    async def hand_back(self, run_id: str, attempt: int, delay: float, why: RunError) -> None:
        self.handed_back.append((run_id, attempt, delay))
        self.put_off_for.append(why)
        run = self._records.runs[run_id]
        if run.state is not RunState.RUNNING or run.attempt != attempt:
            return
        tried = Attempt(number=attempt, worker=run.worker, started_at=run.started_at, ended_at=START, error=why)
        past = (*run.past_attempts, tried)
        self._records.show(
            msgspec.structs.replace(run, state=RunState.QUEUED, worker=None, started_at=None, past_attempts=past)
        )

    async def wake_overdue(self, pipelines: Sequence[str]) -> int:
        self.woken_for.append(list(pipelines))
        self.wakes.ring()
        if self._records.failure is not None:
            raise self._records.failure
        return 0

    async def get(self, sees: str | None, run_id: str) -> Run:
        run = self._records.runs.get(run_id)
        if run is None or not self._records.shows(sees, run.execution_id):
            raise RunNotFound
        return run

    async def page(self, sees: str | None, execution_id: str, limit: int, after: str | None) -> list[Run]:
        self._records.existing(sees, execution_id)
        runs = [each for each in self._records.runs.values() if each.execution_id == execution_id]
        return [run for run in runs if after is None or run.run_id > after][:limit]

    async def ready(self) -> bool:
        return self._records.answers


class FakeEntries:
    """An `EntryStore` in memory; `reads` are the places that pages were asked from."""

    def __init__(self, records: FakeRecords):
        self._records = records
        self.reads: list[tuple[int, int]] = []
        self.merged: list[Entry] = []

    async def page(
        self,
        sees: str | None,
        execution_id: str,
        limit: int,
        after: int,
        *,
        superseded: bool,  # noqa: ARG002 - the port's signature
    ) -> list[tuple[int, Entry]]:
        self.reads.append((limit, after))
        if self._records.existing(sees, execution_id).transient:
            raise ResultGone
        placed = enumerate(self._records.entries, 1)
        return [(place, each) for place, (of, each) in placed if of == execution_id and place > after][:limit]

    async def of_run(self, execution_id: str, run_id: str, seed: Sequence[str]) -> list[Entry]:
        found = [each for of, each in self._records.entries if of == execution_id]
        return [each for each in found if each.run_id == run_id or each.entry_id in seed]

    async def merge(
        self, sees: str | None, execution_id: str, entries: Sequence[Entry], deliveries: Sequence[Delivery] = ()
    ) -> None:
        self._records.existing(sees, execution_id)
        self._records.tell(deliveries)
        self.merged += entries
        self._records.entries += [(execution_id, each) for each in entries]


class FakeHooks:
    """A `HookStore` in memory."""

    def __init__(self, records: FakeRecords):
        self._records = records
        self._kept = records.hooks
        #: Whose each ID is, also when its hook is gone.
        self._names: dict[str, str] = {}
        self.disabled: list[str] = []

    async def create(self, hook: Hook) -> bool:
        if self._names.setdefault(hook.hook_id, hook.owner) != hook.owner:
            return False
        return self._kept.setdefault(hook.hook_id, hook) is hook

    def _shown(self, sees: str | None) -> dict[str, Hook]:
        return {name: each for name, each in self._kept.items() if sees in (None, each.owner)}

    async def get(self, sees: str | None, hook_id: str) -> Hook:
        if hook_id not in self._shown(sees):
            raise HookNotFound
        return self._kept[hook_id]

    async def page(self, sees: str | None, limit: int, before: int | None) -> list[tuple[int, Hook]]:
        placed = enumerate(self._kept.values(), 1)
        listed = [each for each in placed if each[0] < (before or 10**9) and sees in (None, each[1].owner)]
        return listed[::-1][:limit]

    async def find(self, sees: str | None, hook_ids: Sequence[str]) -> list[Hook]:
        if self._records.failure is not None:
            raise self._records.failure
        return [self._kept[each] for each in hook_ids if each in self._shown(sees)]

    async def of_execution(self, sees: str | None, execution_id: str) -> list[Hook]:
        if not self._records.shows(sees, execution_id):
            return []
        return await self.find(None, self._records.executions[execution_id].hook_ids)

    async def update(self, sees: str | None, hook: Hook) -> Hook:
        known = await self.get(sees, hook.hook_id)
        self._kept[hook.hook_id] = msgspec.structs.replace(
            hook, secrets=hook.secrets or known.secrets, owner=known.owner
        )
        return self._kept[hook.hook_id]

    async def disable(self, hook_id: str) -> None:
        self.disabled.append(hook_id)

    async def delete(self, sees: str | None, hook_id: str) -> None:
        await self.get(sees, hook_id)
        del self._kept[hook_id]


class FakeDeliveries:
    """A `DeliveryStore` in memory: whatever waits is due; each settling is remembered."""

    def __init__(self, records: FakeRecords):
        self._records = records
        self._kept = records.deliveries
        self.settled: list[Delivery] = []
        self.claims: list[dict[str, int]] = []
        self.held = True
        self.failure: GatewayError | None = None
        self._changed = asyncio.Condition()

    async def write(self, sees: str | None, deliveries: Sequence[Delivery]) -> None:
        self._records.tell([each for each in deliveries if self._shows(sees, each)])

    def _shows(self, sees: str | None, delivery: Delivery) -> bool:
        return sees is None or self._records.shows(sees, delivery.event.execution_id)

    async def claim(self, limit: int, lease: float, taken: Mapping[str, int]) -> list[Delivery]:
        if self.failure is not None:
            raise self.failure
        self.claims.append(dict(taken))
        due = [each for each in self._kept.values() if each.due_at is not None and each.due_at <= START][:limit]
        until = START + timedelta(seconds=lease)
        held = [msgspec.structs.replace(each, attempt=each.attempt + 1, due_at=until) for each in due]
        self._records.tell(held)
        return held

    async def settle(self, held: Delivery, after: Delivery) -> bool:  # noqa: ARG002
        async with self._changed:
            if self.held:
                self._records.tell([after])
            self.settled.append(after)
            self._changed.notify_all()
        return self.held

    async def settled_times(self, times: int) -> None:
        """Wait until so many tries have been settled."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.settled) >= times)

    async def get(self, sees: str | None, delivery_id: str) -> Delivery:
        if delivery_id not in self._kept or not self._shows(sees, self._kept[delivery_id]):
            raise DeliveryNotFound
        return self._kept[delivery_id]

    async def of_hook(
        self, sees: str | None, hook_id: str, limit: int, before: int | None
    ) -> list[tuple[int, Delivery]]:
        return self._page(
            [each.hook_id == hook_id and self._shows(sees, each) for each in self._kept.values()], limit, before
        )

    async def of_execution(
        self, sees: str | None, execution_id: str, limit: int, before: int | None
    ) -> list[tuple[int, Delivery]]:
        self._records.existing(sees, execution_id)
        return self._page([each.event.execution_id == execution_id for each in self._kept.values()], limit, before)

    def _page(self, wanted: list[bool], limit: int, before: int | None) -> list[tuple[int, Delivery]]:
        listed = [
            (number, each)
            for number, (each, want) in enumerate(zip(self._kept.values(), wanted, strict=True), 1)
            if want and number < (before or 10**9)
        ]
        return listed[::-1][:limit]

    async def resend(self, sees: str | None, delivery_id: str) -> Delivery:
        self._kept[delivery_id] = (await self.get(sees, delivery_id)).resent(START)
        return self._kept[delivery_id]


class FakeCourier:
    """A `Courier` whose letters come to `sent`; each is answered by `answer`."""

    def __init__(self) -> None:
        self.sent: list[Letter] = []
        self.admitted: list[str] = []
        self.refusal: GatewayError | None = None
        self.answer: Callable[[Letter], Awaitable[Receipt]] = taken
        self.closed = False

    async def admit(self, url: str) -> None:
        self.admitted.append(url)
        if self.refusal is not None:
            raise self.refusal

    async def send(self, letter: Letter) -> Receipt:
        self.sent.append(letter)
        return await self.answer(letter)

    async def close(self) -> None:
        self.closed = True


async def taken(letter: Letter) -> Receipt:  # noqa: ARG001 - an answer's signature
    """Every letter is taken."""
    return Receipt(status=204)


class FakeDoomed:
    """A `DoomedBlobs` in memory; what waits for an upload is never due."""

    def __init__(self, records: FakeRecords):
        self._records = records

    async def announce(self, blobs: Sequence[str], patience: float) -> None:
        if self._records.failure is not None:
            raise self._records.failure
        self._records.doomed |= dict.fromkeys(blobs, patience)

    async def take(self, limit: int, lease: float) -> list[str]:
        taken = [blob for blob, seconds in self._records.doomed.items() if not seconds][:limit]
        self._records.doomed |= dict.fromkeys(taken, lease)
        return taken

    async def forget(self, blobs: Sequence[str]) -> None:
        for blob in blobs:
            self._records.doomed.pop(blob, None)


class FakeBlobs:
    """A `BlobStore` in memory; `failure` makes all of it fail."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.dropped: list[str] = []
        self.failure: GatewayError | None = None
        self.sweeps = Bell()

    async def put(self, key: str, data: bytes) -> None:
        if self.failure is not None:
            raise self.failure
        self.kept[key] = data

    async def get(self, key: str) -> bytes:
        if self.failure is not None:
            raise self.failure
        if key not in self.kept:
            raise MediaNotFound
        return self.kept[key]

    async def put_stream(self, key: str, pieces: AsyncIterator[bytes]) -> None:
        await self.put(key, b"".join([piece async for piece in pieces]))

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        data = await self.get(key)
        for start in range(0, len(data), 4):
            yield data[start : start + 4]

    async def delete(self, keys: Sequence[str]) -> None:
        if self.failure is not None:
            raise self.failure
        self.dropped += keys
        for key in keys:
            self.kept.pop(key, None)

    async def older(self, prefix: str, seconds: float) -> AsyncIterator[Sequence[str]]:  # noqa: ARG002
        self.sweeps.ring()
        if self.failure is not None:
            raise self.failure
        for key in [each for each in self.kept if each.startswith(prefix)]:
            yield [key]

    async def ready(self) -> bool:
        return self.failure is None


class FakeTransformer:
    """A `Transformer` that makes the same of every document, and remembers what it was given."""

    def __init__(self) -> None:
        self.made: bytes | None = b'"made"'
        self.failure: GatewayError | None = None
        self.given: list[tuple[str, bytes]] = []

    async def transform(self, expression: str, document: bytes) -> bytes | None:
        self.given.append((expression, document))
        if self.failure is not None:
            raise self.failure
        return self.made

    async def close(self) -> None:
        """Nothing is open."""


class FakeSource:
    """A `PipelineSource` that shows what it is told to; a `failure` makes it unreachable."""

    def __init__(self, *pipelines: Pipeline):
        self.pipelines = list(pipelines)
        self.hidden: frozenset[str] = frozenset()
        self.failure: GatewayError | None = None
        self._looks = Bell()

    async def discover(self, known: dict[str, Pipeline]) -> Discovery:  # noqa: ARG002 - the port's signature
        self._looks.ring()
        if self.failure is not None:
            raise self.failure
        return Discovery(list(self.pipelines), self.hidden)

    async def ready(self) -> bool:
        return self.failure is None

    @property
    def looks(self) -> int:
        """How often it was asked."""
        return self._looks.times

    async def looked(self, times: int) -> None:
        """Wait until it was asked this often."""
        await self._looks.rang(times)


class FakeControl:
    """A `ModelControl` for which every instance is `<model>_0`; each of `failures` makes one load fail."""

    def __init__(self) -> None:
        self.orders: list[str] = []
        self.failures: deque[GatewayError] = deque()
        self.forbidden: GatewayError | None = None
        self.failed = True
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = asyncio.Event()

    def model_of(self, instance: str) -> str | None:
        model, _, number = instance.rpartition("_")
        return model if number == "0" else None

    async def has_failed(self, model: str) -> bool:  # noqa: ARG002 - the port's signature
        return self.failed

    async def unload(self, model: str) -> None:
        if self.forbidden is not None:
            raise self.forbidden
        self.orders.append(f"unload {model}")

    async def load(self, model: str) -> None:
        self.begun.set()
        await self.gate.wait()
        self.orders.append(f"load {model}")
        if self.failures:
            raise self.failures.popleft()


class FakeCounting:
    """A `Counting` that counts what it is told to count, on a clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.counted = Counters(("1",))
        self.looks: list[str] = []
        self.failure: GatewayError | None = None
        #: Seconds that Triton takes to answer once it has read its counters.
        self.takes = 0.0

    def counts(self, *, successes: int = 0, failing: float = 0.0) -> None:
        """Count so many successes more, and one failure of so many seconds."""
        before = self.counted
        self.counted = msgspec.structs.replace(
            before,
            successes=before.successes + successes,
            failures=before.failures + (failing > 0),
            failing=before.failing + int(failing * 1e9),
        )

    def clock(self) -> float:
        return self.now

    async def counters(self, model: str) -> Counters:
        self.looks.append(model)
        if self.failure is not None:
            raise self.failure
        found = self.counted
        self.now += self.takes
        return found

    async def close(self) -> None: ...


class FakeWitness:
    """A `Witness` that doubts what it was told to, once each."""

    def __init__(self) -> None:
        self.doubts: deque[str] = deque()
        self.trusted: list[tuple[str, bool]] = []

    async def doubtful(self, models: frozenset[str]) -> str | None:
        return self.doubts.popleft() if self.doubts and self.doubts[0] in models else None

    def trust(self, model: str, *, anew: bool) -> None:
        self.trusted.append((model, anew))


class FakeTurns:
    """A `Turns` of one process alone; `first` is False where somebody else had the turn."""

    def __init__(self) -> None:
        self.first = True
        self.asked: list[str] = []

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[bool]:
        self.asked.append(name)
        yield self.first


class FakeStore:
    """A `PipelineStore` in memory; each of `failures` makes one write fail."""

    def __init__(self, *pipelines: Pipeline):
        self.kept = {each.pipeline_id: each for each in pipelines}
        self.saves: list[list[str]] = []
        self.lost: set[str] = set()
        self.failures: deque[GatewayError] = deque()

    async def load(self) -> list[Pipeline]:
        return list(self.kept.values())

    async def gone(self) -> frozenset[str]:
        return frozenset(self.lost)

    async def save(self, seen: Sequence[Pipeline], gone: Sequence[str] = ()) -> None:
        if self.failures:
            raise self.failures.popleft()
        self.saves.append([each.pipeline_id for each in seen])
        self.kept |= {each.pipeline_id: each for each in seen}
        self.lost = (self.lost | set(gone)) - {each.pipeline_id for each in seen}


class FakeApiKeys:
    """An `ApiKeyStore` in memory; `gate` holds look-ups up, and `failure` makes them fail."""

    def __init__(self, *keys: ApiKey):
        self.kept = {each.key_id: each for each in keys}
        self.events: list[AuditEvent] = []
        self.looks: list[list[str]] = []
        self.failure: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.looked = Bell()

    async def find(self, key_ids: Sequence[str]) -> list[ApiKey]:
        self.looks.append(list(key_ids))
        found = [self.kept[each] for each in key_ids if each in self.kept]
        self.looked.ring()
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return found

    async def list(self) -> list[ApiKey]:
        return list(self.kept.values())[::-1]

    async def create(self, key: ApiKey, event: AuditEvent) -> None:
        self.kept[key.key_id] = key
        self.events.append(event)

    async def revoke(self, key_id: str, moment: datetime, event: AuditEvent) -> bool:
        if self.kept[key_id].revoked_at is not None:
            return False
        self.kept[key_id] = msgspec.structs.replace(self.kept[key_id], revoked_at=moment)
        self.events.append(event)
        return True


class FakeReader:
    """A `MediaReader` for which every media has the `shape` and holds these `words`; its pages are 2 x 3 pixels.

    `failures` makes single pages fail, and looking (-1).
    """

    def __init__(self) -> None:
        self.shape = Shape(1)
        self.words = ""
        self.failures: dict[int, GatewayError] = {}
        #: The types of the media that were opened, and the pages that were rendered.
        self.opens: list[str] = []
        self.rendered: list[int] = []

    @asynccontextmanager
    async def opened(self, data: bytes, kind: str) -> AsyncIterator["FakeReader"]:  # noqa: ARG002 - the port's
        self.opens.append(kind)
        yield self

    async def describe(self) -> Shape:
        self._look(-1)
        return self.shape

    async def page(self, number: int) -> bytes:
        self._look(number)
        return b"page %d" % number

    async def pixels(self, name: str, number: int) -> Value:
        self._look(number)
        return Value(name, "UINT8", (2, 3, 3), (bytes([number]) * 18,))

    async def text(self, pages: Sequence[int]) -> str:
        return self.words and f"{self.words}{list(pages)}"

    async def close(self) -> None:
        pass

    def _look(self, number: int) -> None:
        if number in self.failures:
            raise self.failures[number]
        if number >= 0:
            self.rendered.append(number)


def text(name: str, *elements: bytes) -> Value:
    """A BYTES tensor of one dimension."""
    return Value(name, "BYTES", (len(elements),), (b"".join(frame(each) + each for each in elements),))


def answering(raw: bytes) -> Answer:
    """An answer that is the same one output for every inference."""

    async def answer(inference: Inference, dispatch: Dispatch) -> list[Value]:  # noqa: ARG001
        return [text("OBSERVATION", raw)]

    return answer


def failing(error: Exception) -> Answer:
    """An answer that is a failure."""

    async def answer(inference: Inference, dispatch: Dispatch) -> list[Value]:  # noqa: ARG001
        raise error

    return answer


def media_of(inference: Inference) -> bytes:
    """The media that an inference carries in its first input."""
    return bytes(inference.inputs[0].parts[-1])


MEDIA_INPUT = Input("IMAGE", "BYTES", (1,), InputRole.MEDIA)
OBSERVATION_OUTPUT = Output("OBSERVATION", "BYTES", (1,), OutputRole.AUTO)


def pipeline(
    name: str = "ocr",
    *,
    inputs: tuple[Input, ...] = (MEDIA_INPUT,),
    outputs: tuple[Output, ...] = (OBSERVATION_OUTPUT,),
    status: PipelineStatus = PipelineStatus.READY,
    decoupled: bool = False,
    image_conversion: bool = False,
    rate: Rate | None = None,
) -> Pipeline:
    """A pipeline of one step that takes one media and gives one observation."""
    step = Step(
        "read",
        -1,
        tuple(Port(each.name, each.datatype, each.shape, each.name) for each in inputs),
        tuple(Port(each.name, each.datatype, each.shape, each.name) for each in outputs),
    )
    return Pipeline(
        pipeline_id=name,
        description="Reads.",
        tag="documents",
        status=status,
        decoupled=decoupled,
        image_conversion=image_conversion,
        rate=rate,
        inputs=inputs,
        outputs=outputs,
        steps=(step,),
        model_versions={"read": "3"},
    )


def with_status(found: Pipeline, status: PipelineStatus) -> Pipeline:
    """The same pipeline in another status."""
    return msgspec.structs.replace(found, status=status, reason=f"it is {status}")


def entry(content: bytes = b"{}", media_id: str | None = "media-1") -> Entry:
    """An entry of an observation."""
    return Entry(
        entry_id=ENTRY_ID,
        media_id=media_id,
        run_id=RUN_ID,
        pipeline_id="ocr",
        pipeline_version=0,
        created_at=START,
        content=content,
    )


def finished_run(run_id: str = RUN_ID, execution_id: str = EXECUTION_ID, content: bytes = b"{}") -> FinishedRun:
    """A completed run with one entry."""
    run = Run(
        run_id=run_id,
        execution_id=execution_id,
        pipeline_id="ocr",
        pipeline_version=0,
        state=RunState.COMPLETED,
        attempt=1,
        media_count=1,
        created_at=START,
        started_at=START,
        completed_at=START + timedelta(seconds=2),
        model_versions={"read": "3"},
    )
    execution = NewExecution(execution_id=execution_id, created_at=START, tag="mine", meta_data=b'{"a": 1}')
    return FinishedRun(new=execution, run=run, entries=(entry(content),))


async def never(inference: Inference, dispatch: Dispatch) -> list[Value]:  # noqa: ARG001
    """An answer that never comes."""
    await asyncio.Event().wait()
    raise AssertionError


def call(*media: bytes, **fields: object) -> Call:
    """A call of the pipeline `ocr` on these media."""
    asked = {"pipeline_id": "ocr", "media": given(list(media)), "timeout": 30.0} | fields
    return Call(**asked)  # type: ignore[arg-type]


class Gateway:
    """The core over fakes, as the doors get it."""

    def __init__(
        self,
        *pipelines: Pipeline,
        answer: Answer | None = None,
        places: int = 4,
        max_body_bytes: int = 100_000,
        access: Authenticator | None = None,
        key_rate: Rate | None = None,
        sync_timeout: float = 30.0,
        quota: int = 16,
        max_queued: int = 100,
        lease: float = LEASE,
        fetches: bool = True,
    ):
        self.source = FakeSource(*(pipelines or (pipeline(),)))
        self.store = FakeStore()
        self.engine = FakeEngine(answer or answering(b'{"rawText":"hello"}'))
        self.records = FakeRecords()
        self.run_store = FakeRuns(self.records)
        self.entry_store = FakeEntries(self.records)
        self.blobs = FakeBlobs()
        self.reader = FakeReader()
        self.transformer = FakeTransformer()
        self.admission = Admission(places)
        self.rates = Rates(FakeRates(), key_rate)
        self.pipelines = Pipelines(self.source, self.store)
        self.control, self.witness, self.turns, self.now = FakeControl(), FakeWitness(), FakeTurns(), 0.0
        self.healing = Healing(self.control, self.witness, self.turns, self.pipelines.refresh, clock=lambda: self.now)
        staging, clock = Staging(self.blobs, self.run_store), SteppingClock()
        self.doomed = FakeDoomed(self.records)
        self.removal = Removal(self.blobs, self.doomed)
        self.artifacts = Artifacts(FakeArtifacts(self.records), self.blobs, self.removal, clock=clock)
        dispatcher = Dispatcher(self.engine, Converter(self.reader), self.healing, self.artifacts)
        executions, self.key_store = FakeExecutions(self.records), FakeKeys(self.records)
        self.hook_store, self.delivery_store = FakeHooks(self.records), FakeDeliveries(self.records)
        self.courier = FakeCourier()
        self.telling = Telling(self.hook_store, executions, self.courier)
        self.staging = staging
        self.retention = Retention.of(Settings())
        self.file_store = FakeFiles(self.records)
        self.files = Files(
            self.file_store, self.blobs, self.removal, self.retention, most_bytes=max_body_bytes, clock=clock
        )
        self.executions = Executions(executions, self.blobs, self.removal, self.retention, self.telling, clock=clock)
        self.observations = Observations(self.entry_store, self.transformer, self.telling, clock=clock)
        self.hooks = Hooks(self.hook_store, self.telling, clock=clock)
        self.deliveries = Deliveries(self.delivery_store, self.hook_store, executions, self.telling, clock=clock)
        letters = Letters(self.hook_store, self.entry_store, Payloads(self.transformer), self.blobs)
        self.sender = Sender(
            self.delivery_store, self.hook_store, letters, self.courier, staging, self.telling, chance=lambda: 0.0
        )
        self.following, self.holding = Following(self.run_store), Holding()
        self.quotas = Quotas(self.pipelines, quota)
        self.uploads, self.urls = FakeUploads(), FakeUrls()
        urls = self.urls if fetches else None
        self.gathering = Gathering(executions, self.blobs, max_body_bytes, uploads=self.uploads, urls=urls)
        self.runs = runs_over(
            self.pipelines,
            Stores(self.run_store, executions, self.entry_store, self.key_store),
            dispatcher,
            staging,
            self.following,
            self.holding,
            self.admission,
            self.telling,
            self.rates,
            self.gathering,
            max_queued,
            clock=clock,
        )
        self.worker = Worker(
            self.pipelines,
            self.run_store,
            dispatcher,
            staging,
            self.holding,
            self.following,
            self.quotas,
            self.telling,
            self.delivery_store,
            lease=lease,
            clock=clock,
        )
        self.keeping = Keeping(
            self.worker,
            self.pipelines,
            self.run_store,
            self.holding,
            self.quotas,
            lease=lease,
            queue_timeout=QUEUE_TIMEOUT,
        )
        self.services = Services(
            pipelines=self.pipelines,
            runs=self.runs,
            executions=self.executions,
            files=self.files,
            artifacts=self.artifacts,
            observations=self.observations,
            hooks=self.hooks,
            deliveries=self.deliveries,
            health=Health(self.pipelines, self.run_store, self.blobs, self.admission),
            exposition=Exposition(Waiting(self.run_store).measure),
            access=access or OpenAccess(),
            rates=self.rates,
            sync_timeout=sync_timeout,
            max_body_bytes=max_body_bytes,
        )


async def gateway(*pipelines: Pipeline, **options: object) -> Gateway:
    """A gateway over fakes that has looked at its pipelines once."""
    built = Gateway(*pipelines, **options)  # type: ignore[arg-type]
    await built.pipelines.refresh()
    return built


class FakeRates:
    """A `RateCounter` whose time stands still."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, Rate], int] = {}

    async def take(self, name: str, rate: Rate) -> Allowance:
        taken = self._taken.get((name, rate), 0)
        granted = taken < rate.calls
        self._taken[name, rate] = taken + granted
        return Allowance(rate, rate.calls - self._taken[name, rate], float(rate.seconds), granted)


class FakeServicer:
    """A gRPC servicer of two methods: one that answers, one that has no place."""

    @needs(Scope.READ)
    async def Good(self, request: object, context: object) -> str:  # noqa: ARG002, N802
        return "good"

    @needs(Scope.READ)
    async def Full(self, request: object, context: object) -> str:  # noqa: ARG002, N802
        raise Overloaded


class FakeContext:
    """A gRPC context whose calls end as gRPC's own do."""

    def invocation_metadata(self) -> tuple[()]:
        return ()

    def set_trailing_metadata(self, _: object) -> None:
        """It is sent to nobody."""

    async def abort(self, *_: object) -> None:
        raise asyncio.CancelledError


class FakeUploads:
    """Files by ID, all of them of the owner `theirs`."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def fetch(self, file_id: str, sees: str | None) -> bytes:
        if file_id not in self.kept or sees not in (None, "theirs"):
            raise FileNotFound
        return self.kept[file_id]


class FakeUrls:
    """A `MediaFetcher` of these URLs, a failure in the place of bytes is raised; `held` holds all back until set."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes | GatewayError] = {}
        #: Each URL that was asked for, with the bytes and seconds it might take.
        self.asked: list[tuple[str, int, float]] = []
        self.at_once = 0
        self.most_at_once = 0
        self.held: asyncio.Event | None = None
        self._begun = Bell()

    async def begun(self, times: int = 1) -> None:
        """Wait until it was asked this often."""
        await self._begun.rang(times)

    async def fetch(self, url: str, most: int, seconds: float) -> bytes:
        self.asked.append((url, most, seconds))
        self._begun.ring()
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if self.held is not None:
                await self.held.wait()
        finally:
            self.at_once -= 1
        found = self.kept[url]
        if isinstance(found, GatewayError):
            raise found
        return found

    async def close(self) -> None:
        """Nothing is open."""


class FakeResolver(AbstractResolver):
    """Name service: each look-up has the next of `answers`, the last of them for ever; an empty one is a failure."""

    def __init__(self, *answers: tuple[str, ...]):
        self.answers = deque(answers)
        self.asked: list[str] = []
        self.closed = False

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - the signature of a resolver
    ) -> list[ResolveResult]:
        self.asked.append(host)
        answer = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        if not answer:
            raise OSError(None, "no such name")
        return [
            ResolveResult(
                hostname=host,
                host=each,
                port=port,
                family=socket.AF_INET6 if ":" in each else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for each in answer
        ]

    async def close(self) -> None:
        self.closed = True


def hook(**fields: Any) -> Hook:
    """A hook on every change of status, which is sent observations."""
    given = {
        "hook_id": "h",
        "event_type": EventType.STATUS_CHANGE,
        "endpoint": "https://receiver.example/told",
        "payload_type": PayloadType.RAW,
        "created_at": START,
    }
    return Hook(**{**given, **fields})


def event(**fields: Any) -> Event:
    """The completion of a run."""
    given = {
        "event_type": EventType.STATUS_CHANGE,
        "at": START,
        "execution_id": EXECUTION_ID,
        "status": "COMPLETED",
        "run_id": RUN_ID,
        "pipeline_id": "ocr",
        "pipeline_version": 0,
    }
    return Event(**{**given, **fields})


def delivery(**fields: Any) -> Delivery:
    """A delivery of it to a hook, not tried yet."""
    given = {
        "delivery_id": RUN_ID,
        "hook_id": "h",
        "url": "https://receiver.example/told",
        "event": event(),
        "created_at": START,
        "due_at": START,
    }
    return Delivery(**{**given, **fields})
