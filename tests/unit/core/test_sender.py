"""The sender: what it takes, what it writes of it, and how it stops."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from prometheus_client import Counter

from gateway import metrics
from gateway.core.drain import Drain
from gateway.domain.calls import StoredMedia
from gateway.domain.deliveries import DeliveryState, Failure, Letter, Receipt
from gateway.domain.hooks import PayloadType
from gateway.domain.ids import new_id
from gateway.errors import StorageUnavailable, TransformInvalid
from gateway.limits import MAX_DELIVERY_BYTES
from unit.fakes import EXECUTION_ID, RUN_ID, Gateway, delivery, gateway, hook

FOUND = b'{"executionId":"e","mediaContents":[],"documents":[]}'


@asynccontextmanager
async def sending(built: Gateway) -> AsyncIterator[None]:
    task = asyncio.create_task(built.sender.send_again_and_again(Drain()))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def waiting(**fields: object) -> Gateway:
    """A gateway with one delivery that waits, of an observation that nothing else keeps."""
    built = await gateway()
    built.records.hooks["h"] = hook(secrets=("whsec_x",), headers={"X-Mine": "yes"})
    built.records.tell([delivery(**{"observation": FOUND} | fields)])
    return built


async def settled(built: Gateway) -> tuple[DeliveryState, Failure | None]:
    async with sending(built), asyncio.timeout(10):
        await built.delivery_store.settled_times(1)
    (after,) = built.delivery_store.settled
    return after.state, after.last_failure


async def test_a_letter_says_what_its_hook_says_now() -> None:
    built = await waiting()
    built.records.hooks["h"] = hook(endpoint="https://moved.example/", secrets=("whsec_y",))
    assert await settled(built) == (DeliveryState.DELIVERED, None)
    (letter,) = built.courier.sent
    assert (letter.url, letter.secrets, letter.webhook_id) == ("https://moved.example/", ("whsec_y",), RUN_ID)
    assert letter.headers["X-Execution-Id"] == EXECUTION_ID


async def test_the_address_of_a_single_call_is_told_with_its_own_secret() -> None:
    built = await waiting(hook_id=None, secret="whsec_z")
    assert await settled(built) == (DeliveryState.DELIVERED, None)
    (letter,) = built.courier.sent
    assert letter.secrets == ("whsec_z",)
    assert msgspec.json.decode(letter.body)["data"]["observation"] == msgspec.json.decode(FOUND)


@pytest.mark.parametrize("disabled", [True, False])
async def test_a_hook_that_is_gone_or_disabled_is_told_nothing(disabled: bool) -> None:
    built = await waiting()
    if disabled:
        built.records.hooks["h"] = hook(enabled=False)
    else:
        del built.records.hooks["h"]
    assert await settled(built) == (DeliveryState.CANCELED, None)
    assert built.courier.sent == []


async def test_what_cannot_be_made_is_given_up() -> None:
    built = await waiting()
    built.records.hooks["h"] = hook(payload_type=PayloadType.TRANSFORM, transform="$")
    built.transformer.failure = TransformInvalid()
    assert await settled(built) == (DeliveryState.FAILED, Failure.PAYLOAD)


async def test_media_that_are_gone_are_nothing_to_send() -> None:
    built = await waiting(documents=(StoredMedia(media_id="m", blob="executions/e/m"),))
    built.records.hooks["h"] = hook(payload_type=PayloadType.FORM_RAW)
    assert await settled(built) == (DeliveryState.FAILED, Failure.PAYLOAD)


async def test_a_receiver_that_is_gone_disables_its_hook() -> None:
    built = await waiting()

    async def gone(letter: Letter) -> Receipt:  # noqa: ARG001
        return Receipt(failure=Failure.STATUS, status=410)

    built.courier.answer = gone
    assert await settled(built) == (DeliveryState.FAILED, Failure.STATUS)
    assert built.hook_store.disabled == ["h"]


async def test_while_a_store_is_away_a_delivery_is_left_to_its_lease() -> None:
    built = await waiting()
    built.records.failure = StorageUnavailable()
    await built.sender.take()
    async with asyncio.timeout(10):
        while built.sender._in_hand:
            await asyncio.sleep(0)
    assert built.delivery_store.settled == []
    assert built.records.deliveries[RUN_ID].attempt == 1


async def test_it_goes_on_when_the_database_was_away() -> None:
    built = await waiting()
    built.delivery_store.failure = StorageUnavailable()
    async with sending(built), asyncio.timeout(10):
        await asyncio.sleep(0)
        built.delivery_store.failure = None
        built.telling.ring([delivery()])
        await built.delivery_store.settled_times(1)


async def test_what_is_in_hand_when_it_stops_may_end() -> None:
    built = await waiting()
    begun, end = asyncio.Event(), asyncio.Event()

    async def slowly(letter: Letter) -> Receipt:  # noqa: ARG001
        begun.set()
        await end.wait()
        return Receipt(status=200)

    built.courier.answer = slowly
    task = asyncio.create_task(built.sender.send_again_and_again(Drain()))
    await begun.wait()
    task.cancel()
    end.set()
    await asyncio.gather(task, return_exceptions=True)
    assert [each.state for each in built.delivery_store.settled] == [DeliveryState.DELIVERED]


async def test_letters_that_are_large_wait_for_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.sender.MAX_DELIVERY_BYTES", 100)
    monkeypatch.setattr("gateway.core.sender.DELIVERY_BYTES_IN_HAND", 300)
    built = await waiting()
    built.records.tell([delivery(delivery_id=new_id(), observation=FOUND) for _ in range(6)])
    let_go = asyncio.Event()

    async def slowly(letter: Letter) -> Receipt:
        assert len(letter.body) > 200
        assert len(built.sender._in_hand) <= 3
        await let_go.wait()
        return Receipt(status=200)

    built.courier.answer = slowly
    async with sending(built), asyncio.timeout(10):
        while len(built.courier.sent) < 3:
            await asyncio.sleep(0)
        let_go.set()
        await built.delivery_store.settled_times(7)


async def test_letters_that_are_small_fill_every_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.sender.DELIVERY_BYTES_IN_HAND", 2 * MAX_DELIVERY_BYTES)
    built = await waiting()
    built.records.tell([delivery(delivery_id=new_id(), observation=FOUND) for _ in range(6)])
    built.courier.answer = _never
    async with sending(built), asyncio.timeout(10):
        while len(built.courier.sent) < 7:
            await asyncio.sleep(0)
        assert all(len(each) <= 1 for each in built.delivery_store.claims)
        assert len(built.sender._in_hand) == 7
        for each in list(built.sender._in_hand):
            each.cancel()


@pytest.mark.parametrize(("status", "count"), [(200, metrics.DELIVERED), (410, metrics.GIVEN_UP), (500, None)], ids=str)
async def test_every_end_is_counted(status: int, count: Counter | None) -> None:
    built = await waiting()

    async def answer(_: Letter) -> Receipt:
        return Receipt(status=status, failure=None if status == 200 else Failure.STATUS)

    built.courier.answer = answer
    before = [each._value.get() for each in (metrics.DELIVERED, metrics.GIVEN_UP)]
    await settled(built)
    after = [each._value.get() for each in (metrics.DELIVERED, metrics.GIVEN_UP)]
    told = [metrics.DELIVERED, metrics.GIVEN_UP]
    assert [new - old for new, old in zip(after, before, strict=True)] == [each is count for each in told]


async def test_a_place_that_is_taken_is_told_to_the_store() -> None:
    built = await waiting()
    built.courier.answer = _never
    await built.sender.take()
    await built.sender.take()
    assert built.delivery_store.claims == [{}, {"receiver.example": 1}]
    for task in list(built.sender._in_hand):
        task.cancel()
    await asyncio.gather(*built.sender._in_hand, return_exceptions=True)


async def _never(letter: Letter) -> Receipt:  # noqa: ARG001
    await asyncio.Event().wait()
    raise AssertionError
