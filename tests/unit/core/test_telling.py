"""Who is told of which call, and what."""

from collections.abc import Sequence

import pytest

from gateway.domain.access import ANYONE
from gateway.domain.calls import Call, Webhook
from gateway.domain.deliveries import Delivery
from gateway.domain.hooks import EventType, Hook, PayloadType
from gateway.domain.media import given
from gateway.errors import GatewayError, InvalidInput, StorageUnavailable, TargetForbidden
from gateway.ports import DueRun
from unit.fakes import FakeHooks, Gateway, failing, gateway, hook


def call(**fields: object) -> Call:
    return Call(**{"pipeline_id": "ocr", "media": given([b"x"]), "timeout": 5.0} | fields)  # type: ignore[arg-type]


async def with_hook(**fields: object) -> Gateway:
    built = await gateway()
    built.records.hooks["h"] = hook(**fields)
    return built


def told(built: Gateway) -> list[tuple[str, str | None]]:
    return [(each.event.event_type.value, each.event.status) for each in built.records.deliveries.values()]


def only(built: Gateway) -> Delivery:
    (delivery,) = built.records.deliveries.values()
    return delivery


async def test_a_call_that_names_nobody_asks_for_no_hooks() -> None:
    built = await with_hook()
    built.hook_store.find = None  # type: ignore[assignment, method-assign]
    built.hook_store.of_execution = None  # type: ignore[assignment, method-assign]
    await built.runs.execute_sync(ANYONE, call())
    assert told(built) == []


async def test_a_call_that_is_waited_for_is_told_of_with_its_end() -> None:
    built = await with_hook()
    outcome = await built.runs.execute_sync(ANYONE, call(hook_ids=("h",)))
    assert told(built) == [("STATUS_CHANGE", "COMPLETED")]
    assert built.records.finished[0].deliveries == (only(built),)
    assert built.records.executions[outcome.execution_id].hook_ids == ("h",)


@pytest.mark.parametrize("name", ["", "\0", "a/b", "never"])
async def test_a_hook_that_there_cannot_be_is_refused_by_its_place(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    built, find = await with_hook(), FakeHooks.find

    async def readable(store: FakeHooks, sees: str | None, names: Sequence[str]) -> list[Hook]:
        assert not {"", "\0", "a/b"} & set(names)
        return await find(store, sees, names)

    monkeypatch.setattr(FakeHooks, "find", readable)
    with pytest.raises(InvalidInput) as refused:
        await built.runs.execute_sync(ANYONE, call(hook_ids=("h", name)))
    assert refused.value.field == "hookIds[1]"


async def test_a_failure_is_told_with_its_error() -> None:
    built = await with_hook(status_filter=("FAILED",))
    built.engine.answer = failing(TargetForbidden("No."))
    with pytest.raises(TargetForbidden):
        await built.runs.execute_sync(ANYONE, call(hook_ids=("h",)))
    error = only(built).event.error
    assert error is not None
    assert error.message == "No."


async def test_hooks_of_an_execution_are_told_of_every_run_on_it() -> None:
    built = await with_hook(event_type=EventType.OBSERVATION_UPDATE)
    execution, _ = await built.executions.create(ANYONE, "e", None, None, hook_ids=["h"])
    await built.runs.execute_sync(ANYONE, call(execution_id=execution.execution_id, hook_ids=("h",)))
    assert told(built) == [("OBSERVATION_UPDATE", "COMPLETED")]


async def test_a_run_in_the_background_is_told_of_from_its_acceptance_to_its_end() -> None:
    built = await with_hook()
    accepted = await built.runs.execute_async(ANYONE, call(hook_ids=("h",)))
    await built.worker.take_up(DueRun(accepted.run_id, "ocr"))
    assert [status for _, status in told(built)] == ["QUEUED", "RUNNING", "COMPLETED"]


async def test_a_run_that_is_canceled_while_it_waits_is_told_of() -> None:
    built = await with_hook(status_filter=("CANCELED",))
    accepted = await built.runs.execute_async(ANYONE, call(hook_ids=("h",), webhook=Webhook("https://one.example/")))
    await built.runs.cancel(ANYONE, accepted.run_id)
    assert told(built) == [("STATUS_CHANGE", "CANCELED")] * 2


async def test_what_a_transient_run_finds_is_told_and_not_kept() -> None:
    built = await with_hook(status_filter=("COMPLETED",))
    accepted = await built.runs.execute_async(ANYONE, call(hook_ids=("h",), transient=True))
    await built.worker.take_up(DueRun(accepted.run_id, "ocr"))
    assert b'"rawText":"hello"' in (only(built).observation or b"")
    assert built.records.entries == []


async def test_media_that_are_sent_along_outlive_the_run() -> None:
    built = await with_hook(payload_type=PayloadType.FORM_RAW, status_filter=("COMPLETED",))
    for run in (built.runs.execute_sync, built.runs.execute_async):
        built.records.deliveries.clear()
        outcome = await run(ANYONE, call(hook_ids=("h",)))
        await built.worker.take_up(DueRun(outcome.run_id, "ocr"))
        assert built.blobs.kept[only(built).documents[0].blob] == b"x"


@pytest.mark.parametrize(("failure", "kept"), [(StorageUnavailable(), 1), (InvalidInput(), 0)])
async def test_media_of_a_run_that_was_refused_at_last_are_dropped(failure: GatewayError, kept: int) -> None:
    built = await with_hook(payload_type=PayloadType.FORM_RAW)

    async def refuse(finished: object) -> None:  # noqa: ARG001
        raise failure

    built.run_store.finish = refuse  # type: ignore[method-assign]
    with pytest.raises(type(failure)):
        await built.runs.execute_sync(ANYONE, call(hook_ids=("h",)))
    assert len(built.blobs.kept) == kept


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"hook_ids": ("h", "never-was")}, "hookIds[1]"),
        ({"hook_ids": tuple(map(str, range(17)))}, "hookIds"),
        ({"webhook": Webhook("")}, "webhookUrl"),
        ({"webhook": Webhook("https://receiver.example/\0")}, "webhookUrl"),
        ({"webhook": Webhook("https://a.example/", "x")}, "webhookSecret"),
        ({"transient": True}, "transient"),
    ],
)
async def test_a_call_that_can_tell_nobody_is_refused_by_its_field(fields: dict[str, object], field: str) -> None:
    built = await with_hook()
    with pytest.raises(InvalidInput) as refused:
        await built.runs.execute_async(ANYONE, call(**fields))
    assert refused.value.field == field
    assert built.records.accepted == []


async def test_an_address_that_nothing_is_sent_to_is_refused_when_it_is_given() -> None:
    built = await gateway()
    built.courier.refusal = TargetForbidden()
    for refused, field in (
        (built.runs.execute_async(ANYONE, call(webhook=Webhook("http://10.0.0.1/"))), "webhookUrl"),
        (built.hooks.create(ANYONE, hook()), "endpoint"),
        (built.hooks.update(ANYONE, hook()), "endpoint"),
    ):
        with pytest.raises(TargetForbidden) as error:
            await refused
        assert error.value.field == field


async def test_a_new_hook_gets_a_secret_where_it_has_none() -> None:
    built = await gateway()
    made = await built.hooks.create(ANYONE, hook())
    assert made.secrets[0].startswith("whsec_")
    assert (await built.hooks.create(ANYONE, hook(hook_id="i", secrets=made.secrets))).secrets == made.secrets
