"""Deliveries on the real database, to receivers on real sockets."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from standardwebhooks import WebhookVerificationError

from gateway.adapters.outgoing.targets import Targets
from gateway.domain.access import ANYONE, EVERYTHING
from gateway.domain.calls import StoredMedia
from gateway.domain.deliveries import Delivery, DeliveryState, Failure
from gateway.domain.hooks import EventType, PayloadType
from gateway.domain.ids import new_id
from gateway.errors import DeliveryNotFound, ExecutionNotFound, HookNotFound
from gateway.limits import DELIVERIES_PER_RECEIVER
from integration.recording import NOW, Records, appended, execution, finished
from integration.sending import NEWER, SECRET, Process, genuine, process, telling_of
from unit.adapters.receiver import receiving, saying, silent
from unit.fakes import FakeResolver


@pytest.fixture
async def here(records: Records) -> AsyncIterator[Process]:
    """A process; what other tests left waits no longer."""
    async with records.database.connection() as connection:
        await connection.execute("DELETE FROM deliveries")
    async with process(records) as found:
        yield found


def ended(delivery: Delivery) -> bool:
    return delivery.ended_at is not None


def tried(times: int):  # type: ignore[no-untyped-def]
    return lambda delivery: delivery.attempt >= times and delivery.last_attempt_at is not None


async def test_a_delivery_is_sent_signed_and_written_as_delivered(here: Process) -> None:
    async with receiving(saying("204 No Content")) as receiver, here.sending():
        (delivery,) = await here.told(await here.hook(receiver.url, headers={"X-Mine": "yes"}))
        here.telling.ring([delivery])
        after = await here.once(delivery, ended)
    assert (after.state, after.attempt, after.last_status) == (DeliveryState.DELIVERED, 1, 204)
    ((headers, body),) = receiver.got
    found = genuine(SECRET, (headers, body))
    assert found["executionId"] == delivery.event.execution_id
    assert found["event"]["type"] == "run.completed"
    assert (headers["webhook-id"], headers["x-mine"]) == (delivery.delivery_id, "yes")


async def test_it_is_written_with_the_run_or_not_at_all(here: Process) -> None:
    hook = await here.hook("http://127.0.0.1:1/")
    refused = telling_of(appended("never-was"), hook)
    with pytest.raises(ExecutionNotFound):
        await here.records.runs.finish(refused)
    with pytest.raises(DeliveryNotFound):
        await here.deliveries.get(EVERYTHING, refused.deliveries[0].delivery_id)
    for told in (telling_of(finished(), hook), telling_of(appended(await execution(here.records)), hook)):
        await asyncio.gather(*(here.records.runs.finish(each) for each in (told, finished(), told)))
        written = await here.deliveries.of_execution(EVERYTHING, told.run.execution_id, 10, None)
        assert [each.delivery_id for _, each in written] == [each.delivery_id for each in told.deliveries]


@pytest.mark.parametrize(
    ("status", "failure"), [("500 Oops", Failure.STATUS), ("302 Found", Failure.REDIRECT), (None, Failure.REFUSED)]
)
async def test_what_is_not_taken_is_tried_again_under_the_same_id(
    here: Process, status: str | None, failure: Failure
) -> None:
    async with receiving(saying(status or "204 No Content", b"not now")) as receiver, here.sending():
        url = receiver.url if status else "http://127.0.0.1:1/"
        hook = await here.hook(url)
        (delivery,) = await here.told(hook)
        first = await here.once(delivery, tried(1))
        assert (first.state, first.last_failure) == (DeliveryState.PENDING, failure)
        assert first.due_at is not None
        assert first.last_attempt_at is not None
        assert round((first.due_at - first.last_attempt_at).total_seconds()) == 5
        await here.now(delivery)
        second = await here.once(
            delivery, lambda each: each.attempt == 2 and each.last_attempt_at != first.last_attempt_at
        )
        assert round((second.due_at - second.last_attempt_at).total_seconds()) == 300  # type: ignore[operator]
    assert {headers["webhook-id"] for headers, _ in receiver.got} <= {delivery.delivery_id}


async def test_a_receiver_that_says_nothing_is_given_up_for_now(records: Records) -> None:
    async with process(records, timeout=0.2) as here, receiving(silent) as receiver, here.sending():
        (delivery,) = await here.told(await here.hook(receiver.url))
        after = await here.once(delivery, tried(1))
    assert (after.state, after.last_failure) == (DeliveryState.PENDING, Failure.TIMEOUT)


async def test_a_try_after_the_last_is_given_up_visibly_and_can_be_sent_again(here: Process) -> None:
    async with here.sending():
        hook = await here.hook("http://127.0.0.1:1/")
        (delivery,) = await here.told(hook)
        first = await here.once(delivery, tried(1))
        async with here.records.database.connection() as connection:
            await connection.execute(
                "UPDATE deliveries SET attempt = 9, due_at = now() WHERE delivery_id = $1", delivery.delivery_id
            )
        failed = await here.once(delivery, ended)
        assert (failed.state, failed.attempt, failed.due_at) == (DeliveryState.FAILED, 10, None)
        assert failed.last_attempt_at != first.last_attempt_at
        async with receiving(saying("200 OK")) as receiver:
            await here.hooks.update(EVERYTHING, msgspec.structs.replace(hook, endpoint=receiver.url))
            again = await here.deliveries.resend(EVERYTHING, delivery.delivery_id)
            assert (again.state, again.attempt) == (DeliveryState.PENDING, 0)
            here.telling.ring([again])
            assert (await here.once(delivery, ended)).state is DeliveryState.DELIVERED
    assert [headers["webhook-id"] for headers, _ in receiver.got] == [delivery.delivery_id]


async def test_secrets_that_changed_meanwhile_sign_the_next_try(here: Process) -> None:
    async with receiving(saying("500 Oops")) as receiver, here.sending():
        hook = await here.hook(receiver.url)
        (delivery,) = await here.told(hook)
        for attempt, secrets in ((1, (SECRET, NEWER)), (2, (NEWER,)), (3, ())):
            await here.once(delivery, lambda each, number=attempt: each.attempt == number and each.due_at > NOW)  # type: ignore[misc]
            async with asyncio.timeout(10):
                while len(receiver.got) < attempt:
                    await asyncio.sleep(0.01)
            await here.hooks.update(EVERYTHING, msgspec.structs.replace(hook, secrets=secrets))
            await here.once(delivery, lambda each, number=attempt: each.attempt == number and each.last_status == 500)  # type: ignore[misc]
            if attempt < 3:
                await here.now(delivery)
    genuine(SECRET, receiver.got[0])
    genuine(SECRET, receiver.got[1])
    genuine(NEWER, receiver.got[1])
    genuine(NEWER, receiver.got[2])
    with pytest.raises(WebhookVerificationError):
        genuine(SECRET, receiver.got[2])


async def test_a_name_that_leads_to_a_private_address_by_now_is_not_connected_to(records: Records) -> None:
    resolver = FakeResolver(("93.184.216.34",), ("127.0.0.1",))
    private = process(records, resolver=resolver, targets=Targets())
    async with receiving(saying("204 No Content")) as receiver, private as here:
        url = f"http://receiver.example:{receiver.port}/"
        await here.telling.admit(url, "endpoint")
        async with here.sending():
            (delivery,) = await here.told(await here.hook(url))
            after = await here.once(delivery, tried(1))
    assert (after.last_failure, receiver.connections) == (Failure.FORBIDDEN, 0)


async def test_one_slow_receiver_delays_no_other(here: Process) -> None:
    async with receiving(silent) as slow, receiving(saying("204 No Content")) as quick, here.sending():
        dead, alive = await here.hook(slow.url), await here.hook(quick.url)
        for _ in range(2 * DELIVERIES_PER_RECEIVER):
            await here.told(dead)
        (delivery,) = await here.told(alive)
        here.telling.ring([delivery])
        assert (await here.once(delivery, ended)).state is DeliveryState.DELIVERED
        assert slow.connections <= DELIVERIES_PER_RECEIVER


# What other tests left would be taken first.
@pytest.mark.usefixtures("here")
async def test_a_sender_that_dies_before_it_writes_what_came_of_it_sends_again(
    records: Records, others: Records
) -> None:
    """The receiver has taken it, and the record does not say so: it comes once more, under the same ID."""
    async with receiving(saying("204 No Content")) as receiver, process(records, lease=1.0) as dying:
        (delivery,) = await dying.told(await dying.hook(receiver.url))
        dying.deliveries.settle = _dies  # type: ignore[method-assign]
        await dying.sender.take()
        async with asyncio.timeout(10):
            while not receiver.got:
                await asyncio.sleep(0.01)
        async with process(others) as another, another.sending():
            after = await another.once(delivery, ended)
    assert (after.state, after.attempt) == (DeliveryState.DELIVERED, 2)
    assert [headers["webhook-id"] for headers, _ in receiver.got] == [delivery.delivery_id] * 2


async def _dies(held: Delivery, after: Delivery) -> bool:  # noqa: ARG001
    raise asyncio.CancelledError


async def test_who_lost_a_delivery_writes_nothing_of_it(here: Process) -> None:
    (delivery,) = await here.told(await here.hook("http://127.0.0.1:1/"))
    (held,) = await here.deliveries.claim(10, -1.0, {})
    (taken,) = await here.deliveries.claim(10, 60.0, {})
    assert not await here.deliveries.settle(held, held.canceled(NOW))
    assert await here.deliveries.settle(taken, taken.canceled(NOW))
    assert (await here.deliveries.get(EVERYTHING, delivery.delivery_id)).attempt == 2


async def test_places_of_a_receiver_that_are_taken_are_left_out(here: Process) -> None:
    hook = await here.hook("http://a.example/")
    for _ in range(3):
        await here.told(hook)
    assert len(await here.deliveries.claim(10, 60.0, {"a.example": DELIVERIES_PER_RECEIVER - 2})) == 2
    assert await here.deliveries.claim(10, 60.0, {"a.example": DELIVERIES_PER_RECEIVER}) == []


async def test_a_receiver_that_is_gone_disables_its_hook_and_ends_what_waits(here: Process) -> None:
    async with receiving(saying("410 Gone")) as receiver:
        hook = await here.hook(receiver.url)
        deliveries = [(await here.told(hook))[0] for _ in range(DELIVERIES_PER_RECEIVER + 2)]
        async with here.sending():
            states = {(await here.once(each, ended)).state for each in deliveries}
    assert states <= {DeliveryState.FAILED, DeliveryState.CANCELED}
    assert not (await here.hooks.get(EVERYTHING, hook.hook_id)).enabled


@pytest.mark.parametrize("disable", [True, False])
async def test_nobody_is_told_through_a_hook_that_was_disabled_or_deleted(here: Process, disable: bool) -> None:
    hook = await here.hook("http://127.0.0.1:1/")
    (delivery,) = await here.told(hook, found=b"{}")
    if disable:
        await here.hooks.update(EVERYTHING, msgspec.structs.replace(hook, enabled=False))
    else:
        await here.hooks.delete(EVERYTHING, hook.hook_id)
        with pytest.raises(HookNotFound):
            await here.hooks.get(EVERYTHING, hook.hook_id)
    after = await here.deliveries.get(EVERYTHING, delivery.delivery_id)
    assert (after.state, after.due_at, after.observation) == (DeliveryState.CANCELED, None, None)


async def test_an_observation_that_nothing_else_keeps_goes_when_it_was_delivered(here: Process) -> None:
    found = b'{"executionId":"e","mediaContents":[{"rawText":"secret"}],"documents":[]}'
    async with receiving(saying("204 No Content")) as receiver, here.sending():
        (delivery,) = await here.told(await here.hook(receiver.url), found=found)
        after = await here.once(delivery, ended)
    assert genuine(SECRET, receiver.got[0])["mediaContents"] == [{"rawText": "secret"}]
    assert after.observation is None


async def test_documents_stay_until_the_last_delivery_that_names_them_has_ended(here: Process) -> None:
    run = finished()
    blob = f"runs/{run.run.run_id}-0"
    here.blobs.kept[blob] = b"\x89PNG\r\n\x1a\nimage"
    documents = (StoredMedia(media_id="media-1", blob=blob),)
    async with receiving(saying("204 No Content")) as receiver:
        form = await here.hook(receiver.url, payload_type=PayloadType.FORM_JSON)
        later = await here.hook("http://127.0.0.1:1/", payload_type=PayloadType.FORM_RAW)
        told = telling_of(run, form, later, documents=documents)
        await here.records.runs.finish(told)
        async with here.sending():
            await here.once(told.deliveries[0], ended)
            await here.once(told.deliveries[1], tried(1))
            assert blob in here.blobs.kept
            assert run.run.run_id in await here.records.runs.unfinished([run.run.run_id])
            await here.hooks.update(EVERYTHING, msgspec.structs.replace(later, endpoint=receiver.url))
            await here.now(told.deliveries[1])
            await here.once(told.deliveries[1], ended)
            async with asyncio.timeout(10):
                while blob in here.blobs.kept:
                    await asyncio.sleep(0.01)
    (headers, body), *_ = receiver.got
    assert headers["content-type"].startswith("multipart/form-data")
    assert b"\x89PNG\r\n\x1a\nimage" in body
    assert blob in await here.records.executions.delete(EVERYTHING, run.run.execution_id)


async def test_a_transform_that_fails_is_no_reason_to_try_again(here: Process) -> None:
    async with here.sending():
        hook = await here.hook("http://127.0.0.1:1/", payload_type=PayloadType.TRANSFORM, transform="$error('no')")
        (delivery,) = await here.told(hook)
        after = await here.once(delivery, ended)
    assert (after.state, after.last_failure) == (DeliveryState.FAILED, Failure.PAYLOAD)


async def test_merging_into_an_observation_tells_the_hooks_of_its_execution(here: Process) -> None:
    hook = await here.hook("http://127.0.0.1:1/", event_type=EventType.OBSERVATION_UPDATE)
    name = await execution(here.records, hook_ids=(hook.hook_id, new_id()))
    assert (await here.records.executions.get(EVERYTHING, name)).hook_ids[0] == hook.hook_id
    await here.observations.merge(ANYONE, name, ())
    ((_, delivery),) = await here.deliveries.of_execution(EVERYTHING, name, 10, None)
    assert delivery.event.event_type is EventType.OBSERVATION_UPDATE
    ((_, listed),) = await here.deliveries.of_hook(EVERYTHING, hook.hook_id, 10, None)
    assert listed == delivery


async def test_a_hook_comes_back_as_it_was_written(here: Process) -> None:
    hook = await here.hook("https://a.example/", name="n", headers={"a": "b"}, status_filter=("FAILED",))
    assert await here.hooks.get(EVERYTHING, hook.hook_id) == hook
    assert not await here.hooks.create(hook)
    changed = msgspec.structs.replace(hook, name="other", secrets=())
    assert (await here.hooks.update(EVERYTHING, changed)).secrets == hook.secrets
    assert (await here.hooks.page(EVERYTHING, 1, None))[0][1].name == "other"
    with pytest.raises(HookNotFound):
        await here.hooks.update(EVERYTHING, msgspec.structs.replace(hook, hook_id="never-was"))
