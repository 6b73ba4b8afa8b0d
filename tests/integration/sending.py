"""A gateway's half that tells, over real records and real sockets: what one process has of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp.abc import AbstractResolver
from standardwebhooks import Webhook

from gateway.adapters.jsonata.pool import TransformPool
from gateway.adapters.outgoing.targets import Targets
from gateway.adapters.postgres.deliveries import PostgresDeliveries
from gateway.adapters.postgres.hooks import PostgresHooks
from gateway.adapters.webhooks.courier import WebhookCourier
from gateway.core.drain import Drain
from gateway.core.letters import Letters
from gateway.core.observations import Observations
from gateway.core.payloads import Payloads
from gateway.core.sender import Sender
from gateway.core.staging import Staging
from gateway.core.telling import Telling, changed
from gateway.domain.access import EVERYTHING
from gateway.domain.audience import Audience
from gateway.domain.deliveries import Delivery
from gateway.domain.hooks import EventType, Hook, PayloadType
from gateway.domain.ids import new_id
from gateway.ports import FinishedRun
from integration.recording import NOW, Records, finished
from unit.fakes import FakeBlobs

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
NEWER = "whsec_b5sSYspob7oDC2FVsBQIhrscChlQIMV+"


class Process:
    """Stores, telling and a sender, as one process has them."""

    def __init__(self, records: Records, courier: WebhookCourier, transformer: TransformPool, lease: float):
        self.hooks = PostgresHooks(records.database)
        self.deliveries = PostgresDeliveries(records.database)
        self.records = records
        self.blobs = FakeBlobs()
        self.telling = Telling(self.hooks, records.executions, courier)
        self.observations = Observations(records.entries, transformer, self.telling)
        letters = Letters(self.hooks, records.entries, Payloads(transformer), self.blobs)
        staging = Staging(self.blobs, records.runs)
        self.sender = Sender(
            self.deliveries, self.hooks, letters, courier, staging, self.telling, lease=lease, chance=lambda: 0.0
        )

    async def hook(self, url: str, **fields: Any) -> Hook:
        """A hook on every change of status, which is sent observations."""
        given = {"event_type": EventType.STATUS_CHANGE, "payload_type": PayloadType.RAW, "secrets": (SECRET,)}
        hook = Hook(**({"hook_id": new_id(), "endpoint": url, "created_at": NOW} | given | fields))
        assert await self.hooks.create(hook)
        return hook

    async def told(self, *hooks: Hook, **fields: Any) -> list[Delivery]:
        """A run that has ended, and those who are told of it."""
        run = finished()
        await self.records.runs.finish(telling_of(run, *hooks, **fields))
        page = await self.deliveries.of_execution(EVERYTHING, run.run.execution_id, 100, None)
        return [each for _, each in reversed(page)]

    async def now(self, delivery: Delivery) -> None:
        """Make a delivery due."""
        async with self.records.database.connection() as connection:
            await connection.execute(
                "UPDATE deliveries SET due_at = now() WHERE delivery_id = $1", delivery.delivery_id
            )
        self.telling.ring([delivery])

    async def once(self, delivery: Delivery, done: Callable[[Delivery], bool]) -> Delivery:
        """The delivery as soon as it is as a test wants it."""
        async with asyncio.timeout(30):
            while not done(found := await self.deliveries.get(EVERYTHING, delivery.delivery_id)):
                await asyncio.sleep(0.02)
        return found

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """The sender at work."""
        task = asyncio.create_task(self.sender.send_again_and_again(Drain()))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def telling_of(run: FinishedRun, *hooks: Hook, **fields: Any) -> FinishedRun:
    """The same end of a run, with those who are told of it."""
    told = Audience(hooks).deliveries(changed(run.run, NOW), **fields)
    return msgspec.structs.replace(run, deliveries=told)


@asynccontextmanager
async def process(
    records: Records,
    *,
    resolver: AbstractResolver | None = None,
    targets: Targets | None = None,
    timeout: float = 5.0,
    lease: float = 60.0,
) -> AsyncIterator[Process]:
    """One process that may send to this machine."""
    transformer = TransformPool()
    courier = WebhookCourier(targets or Targets(allowed=["127.0.0.0/8"]), resolver=resolver, timeout=timeout)
    try:
        yield Process(records, courier, transformer, lease)
    finally:
        await courier.close()
        await transformer.close()


def genuine(secret: str, got: tuple[dict[str, str], bytes]) -> dict[str, Any]:
    """The body, if this secret signed it."""
    headers, body = got
    found: dict[str, Any] = Webhook(secret).verify(body, headers)
    return found


Answering = Callable[[asyncio.StreamWriter], Awaitable[None]]
