"""Calls for the background: staged, accepted durably, and left to a worker."""

import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import msgspec

from gateway import telemetry, tracing
from gateway.core.admitted import Admitted, Gatekeeper
from gateway.core.backlog import Backlog
from gateway.core.keys import Keys, key_of
from gateway.core.observations import seeded
from gateway.core.staging import Staging
from gateway.core.telling import Telling, changed
from gateway.domain.access import Caller
from gateway.domain.calls import Accepted, Call, RunRequest
from gateway.domain.deliveries import Delivery
from gateway.domain.keys import Key, KeyUse, KnownCall
from gateway.domain.observations import Entry
from gateway.domain.runs import RunState
from gateway.errors import GatewayError, InvalidInput, KeyInFlight, KeyLost, Unavailable
from gateway.ports import AcceptedRun, RunStore


class AsyncCalls:
    """Accepts runs for the background."""

    def __init__(
        self,
        gate: Gatekeeper,
        store: RunStore,
        staging: Staging,
        keys: Keys,
        backlog: Backlog,
        telling: Telling,
        clock: Callable[[], datetime],
    ):
        self._gate = gate
        self._store = store
        self._staging = staging
        self._keys = keys
        self._backlog = backlog
        self._telling = telling
        self._clock = clock

    async def accept(self, caller: Caller, call: Call) -> Accepted:
        """Accept a run; see `Runs.execute_async`."""
        if call.transient and not call.hook_ids and call.webhook is None:
            raise InvalidInput("A transient run in the background needs a hook, or a webhookUrl.", field="transient")
        key = key_of(caller.owner, call)
        if known := await self._keys.earlier(key):
            return _again(known)
        at = self._clock()
        admitted = await self._gate.admit(caller, call, at, RunState.QUEUED)
        await self._backlog.add()
        seed = seeded(call.seed, at)
        try:
            await self._write(admitted, seed, at, key)
        except KeyLost:
            known = await self._keys.earlier(key)
            if known is None:
                raise KeyInFlight from None
            return _again(known)
        return Accepted(admitted.run.execution_id, admitted.run.run_id, tuple(each.entry_id for each in seed))

    async def _write(self, admitted: Admitted, seed: tuple[Entry, ...], at: datetime, key: Key | None) -> None:
        call = admitted.call
        telemetry.note(run_id=admitted.run.run_id)
        with tracing.span("stage", media=len(admitted.media)):
            request = await self._staging.staged(admitted)
        if call.transient:
            request, seed = msgspec.structs.replace(request, seed=seed), ()
        accepted = AcceptedRun(
            new=admitted.new,
            sees=admitted.sees,
            run=admitted.run,
            request=request,
            seed=seed,
            tag=call.tag,
            meta_data=call.meta_data,
            delay=0.0 if call.execute_after is None else max(0.0, (call.execute_after - at).total_seconds()),
            key=KeyUse(key=key) if key else None,
        )
        async with self._dropped_where_refused(request.staged):
            with tracing.span("accept", tracing.PRODUCER, run_id=accepted.run.run_id):
                told = _told(admitted, request, seed, at)
                accepted = msgspec.structs.replace(accepted, request=_traced(request), deliveries=told)
                await self._store.accept(accepted)
        self._telling.ring(accepted.deliveries)

    @contextlib.asynccontextmanager
    async def _dropped_where_refused(self, blobs: tuple[str, ...]) -> AsyncIterator[None]:
        """A run that was refused at the last moment leaves no blobs; one that may be written keeps them."""
        try:
            yield
        except GatewayError as error:
            if not isinstance(error, Unavailable):
                await self._staging.drop(blobs)
            raise


def _told(admitted: Admitted, request: RunRequest, seed: tuple[Entry, ...], at: datetime) -> tuple[Delivery, ...]:
    if not admitted.audience:
        return ()
    events = changed(admitted.run, at, updated=bool(seed))
    return admitted.audience.deliveries(events, request.found(admitted.run.execution_id), request.media)


def _traced(request: RunRequest) -> RunRequest:
    """The same, with the trace in which a worker goes on."""
    return msgspec.structs.replace(request, trace=tracing.carried()) if tracing.on() else request


def _again(known: KnownCall) -> Accepted:
    return Accepted(known.execution_id, known.run_id, known.seed, replayed=True)
