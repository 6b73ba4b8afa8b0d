"""Telling those who want to know: who they are, what they are told of a run, and that there is something to send."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime

from gateway import tracing
from gateway.domain.access import EVERYTHING
from gateway.domain.audience import NOBODY, Audience
from gateway.domain.calls import Call, RunRequest, StoredMedia, Webhook
from gateway.domain.deliveries import Delivery, Event
from gateway.domain.hooks import EventType, Hook, check_endpoint
from gateway.domain.ids import EXECUTION_ID
from gateway.domain.runs import Run
from gateway.domain.signing import check_secrets
from gateway.errors import InvalidInput, TargetForbidden
from gateway.limits import MAX_HOOKS_PER_EXECUTION
from gateway.ports import Courier, ExecutionStore, HookStore


class Telling:
    """Knows the audience of calls and executions, and wakes the sender of this process."""

    def __init__(self, hooks: HookStore, executions: ExecutionStore, courier: Courier):
        self._hooks = hooks
        self._executions = executions
        self._courier = courier
        self._written = asyncio.Event()

    async def audience(self, sees: str | None, call: Call) -> Audience:
        """Who is to be told of a call: its own hooks and address, and the hooks of its execution.

        Raises:
            InvalidInput: one of its hooks is not there.
            TargetForbidden: nothing is sent to its address.
        """
        if not call.hook_ids and call.webhook is None and call.execution_id is None:
            return NOBODY
        if call.webhook is not None:
            await self._admit(call.webhook)
        own = await self.wanted(sees, call.hook_ids)
        others = [] if call.execution_id is None else await self._hooks.of_execution(sees, call.execution_id)
        return Audience((*own, *(each for each in others if each.hook_id not in call.hook_ids)), call.webhook)

    async def of_request(self, request: RunRequest) -> Audience:
        """Who is to be told of a run in the background, as the hooks are now."""
        hooks = await self._hooks.find(EVERYTHING, request.hook_ids) if request.hook_ids else []
        return Audience(tuple(hooks), request.webhook)

    async def about(self, sees: str | None, event: Event) -> tuple[Delivery, ...]:
        """What the hooks of an execution are told of an event that no run has brought about."""
        audience = Audience(tuple(await self._hooks.of_execution(sees, event.execution_id)))
        documents: tuple[StoredMedia, ...] = ()
        if audience.wants_documents([event]):
            stored = await self._executions.media(sees, event.execution_id)
            documents = tuple(StoredMedia(media_id=each.media_id, blob=each.blob) for each in stored)
        return audience.deliveries([event], None, documents)

    async def wanted(self, sees: str | None, hook_ids: Sequence[str]) -> list[Hook]:
        """The hooks that a caller names.

        Raises:
            InvalidInput: one of them is not there, or out of sight, or they are too many.
        """
        if len(hook_ids) > MAX_HOOKS_PER_EXECUTION:
            raise InvalidInput(f"There are at most {MAX_HOOKS_PER_EXECUTION} hooks.", field="hookIds")
        # What has not the form of an ID never reaches the store, which may not even be able to read it.
        possible = [each for each in hook_ids if EXECUTION_ID.fullmatch(each)]
        found = {each.hook_id: each for each in await self._hooks.find(sees, possible)} if possible else {}
        for index, hook_id in enumerate(hook_ids):
            if hook_id not in found:
                raise InvalidInput("There is no hook with this ID.", field=f"hookIds[{index}]")
        return list(found.values())

    async def _admit(self, webhook: Webhook) -> None:
        check_endpoint(webhook.url, "webhookUrl")
        if webhook.secret is not None:
            with _naming("webhookSecret"):
                check_secrets((webhook.secret,))
        await self.admit(webhook.url, "webhookUrl")

    async def admit(self, url: str, field: str) -> None:
        """Refuse an address that nothing is sent to; `field` is where it stands.

        Raises:
            TargetForbidden: it is one.
        """
        with _naming(field):
            await self._courier.admit(url)

    def ring(self, deliveries: Sequence[Delivery]) -> None:
        """Say that these have been written: the sender of this process looks at once."""
        if deliveries:
            self._written.set()

    async def rung(self, seconds: float) -> None:
        """Wait until something was written, or so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._written.wait()
        self._written.clear()


@contextmanager
def _naming(field: str) -> Iterator[None]:
    """Have a refusal name this field."""
    try:
        yield
    except (InvalidInput, TargetForbidden) as error:
        error.field = field
        raise


def changed(run: Run, at: datetime, *, updated: bool = False) -> tuple[Event, ...]:
    """What has happened to a run that is now in this state; `updated` is whether the observation has changed, too."""
    types = (EventType.OBSERVATION_UPDATE, EventType.STATUS_CHANGE) if updated else (EventType.STATUS_CHANGE,)
    return tuple(
        Event(
            event_type=each,
            at=at,
            execution_id=run.execution_id,
            status=run.state.upper(),
            run_id=run.run_id,
            pipeline_id=run.pipeline_id,
            pipeline_version=run.pipeline_version,
            error=run.error,
            trace=tracing.carried(),
        )
        for each in types
    )
