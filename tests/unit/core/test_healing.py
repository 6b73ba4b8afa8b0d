import asyncio
from collections.abc import Sequence

import pytest

from gateway import metrics
from gateway.domain.access import ANYONE
from gateway.domain.calls import Call, Outcome
from gateway.domain.media import given
from gateway.domain.runs import RunState
from gateway.domain.tensors import Value
from gateway.errors import ModelDied, PipelineNotReady, TritonUnavailable
from gateway.limits import FIRST_HEALING_PAUSE, HEALED_AFTER, LONGEST_HEALING_PAUSE
from gateway.ports import Dispatch, Inference
from unit.fakes import Answer, Gateway, gateway, text

DEATH = ModelDied(instance="read_0")
CYCLE = ["unload read", "load read"]


def run(built: Gateway, timeout: float = 30.0, media: Sequence[bytes] = (b"one",)) -> "asyncio.Task[Outcome]":
    call = Call(pipeline_id="ocr", media=given(list(media)), timeout=timeout)
    return asyncio.create_task(built.runs.execute_sync(ANYONE, call))


def first_failing(*errors: Exception) -> Answer:
    """Answers that begin with these failures."""
    left = list(errors)

    async def answer(_: Inference, __: Dispatch) -> list[Value]:
        if left:
            raise left.pop(0)
        return [text("OBSERVATION", b'{"rawText":"hello"}')]

    return answer


async def dying(_: Inference, __: Dispatch) -> list[Value]:
    raise ModelDied(instance="read_0")


async def test_a_model_that_died_is_healed_and_the_inference_tried_once_more() -> None:
    built = await gateway(answer=first_failing(DEATH))
    looks = built.source.looks
    await run(built)
    assert built.control.orders == CYCLE
    assert built.turns.asked == ["read"]
    assert len(built.engine.asked) == 2
    assert built.source.looks == looks + 1
    assert [each.run.state for each in built.records.finished] == [RunState.COMPLETED]


async def test_an_answer_that_may_be_another_s_is_asked_for_again_when_the_model_is_healed() -> None:
    built = await gateway()
    built.witness.doubts.append("read")
    await run(built)
    assert built.control.orders == CYCLE
    assert len(built.engine.asked) == 2
    assert built.witness.trusted == [("read", True)]


async def test_an_answer_that_is_doubted_twice_is_given_to_nobody() -> None:
    built = await gateway()
    built.witness.doubts += ["read", "read"]
    with pytest.raises(ModelDied):
        await run(built)
    assert len(built.engine.asked) == 2


async def test_where_a_doubted_model_cannot_be_loaded_again_it_is_trusted_from_then_on() -> None:
    built = await gateway()
    built.witness.doubts.append("read")
    built.control.forbidden = PipelineNotReady()
    with pytest.raises(ModelDied):
        await run(built)
    assert built.witness.trusted == [("read", False)]


async def test_a_second_death_of_the_same_inference_is_an_error_that_says_when_to_come_again() -> None:
    built = await gateway(answer=dying)
    with pytest.raises(ModelDied) as raised:
        await run(built)
    assert raised.value.code == "pipeline.not_ready"
    assert raised.value.retry_after
    assert built.control.orders == CYCLE
    assert len(built.engine.asked) == 2


async def test_who_meets_a_death_that_is_being_healed_waits_for_that_healing() -> None:
    built = await gateway(answer=first_failing(*[DEATH] * 3))
    built.control.gate.clear()
    runs = [run(built) for _ in range(3)]
    await built.control.begun.wait()
    built.control.gate.set()
    await asyncio.gather(*runs)
    assert built.control.orders == CYCLE


async def test_a_death_that_was_met_before_the_last_healing_ended_heals_nothing_again() -> None:
    built = await gateway()
    models = frozenset(["read"])
    await built.healing.mend(DEATH, models, -1.0)
    await built.healing.mend(DEATH, models, -1.0)
    assert built.control.orders == CYCLE


async def test_a_model_that_dies_again_and_again_is_healed_with_growing_pauses() -> None:
    built = await gateway()
    models = frozenset(["read"])
    pauses = []
    for _ in range(10):
        await built.healing.mend(DEATH, models, built.now)
        with pytest.raises(ModelDied) as raised:
            await built.healing.mend(DEATH, models, built.now)
        assert raised.value.retry_after is not None
        pauses.append(raised.value.retry_after)
        built.now += raised.value.retry_after
    assert pauses[:3] == [FIRST_HEALING_PAUSE, 2 * FIRST_HEALING_PAUSE, 4 * FIRST_HEALING_PAUSE]
    assert pauses[-1] == LONGEST_HEALING_PAUSE
    assert built.control.orders == CYCLE * 10


async def test_a_model_that_lived_long_is_healed_as_if_it_were_the_first_time() -> None:
    built = await gateway()
    models = frozenset(["read"])
    for _ in range(4):
        await built.healing.mend(DEATH, models, built.now)
        built.now += LONGEST_HEALING_PAUSE
    built.now += HEALED_AFTER
    await built.healing.mend(DEATH, models, built.now)
    built.now += FIRST_HEALING_PAUSE
    await built.healing.mend(DEATH, models, built.now)
    assert built.control.orders == CYCLE * 6


async def test_a_model_that_another_gateway_heals_meanwhile_is_only_tried_again() -> None:
    built = await gateway(answer=first_failing(DEATH))
    built.turns.first = False
    await run(built)
    assert built.control.orders == []
    assert len(built.engine.asked) == 2


async def test_a_model_that_another_gateway_had_healed_before_the_death_was_met_is_only_tried_again() -> None:
    built = await gateway(answer=first_failing(DEATH))
    built.control.failed = False
    await run(built)
    assert built.control.orders == []
    assert len(built.engine.asked) == 2


async def test_where_triton_takes_no_orders_the_death_is_the_answer() -> None:
    built = await gateway(answer=first_failing(DEATH))
    built.control.forbidden = PipelineNotReady()
    with pytest.raises(ModelDied):
        await run(built)
    assert len(built.engine.asked) == 1


async def test_an_instance_of_no_known_model_is_healed_by_nobody() -> None:
    built = await gateway(answer=first_failing(ModelDied(instance="stranger")))
    with pytest.raises(ModelDied):
        await run(built)
    assert built.control.orders == []


async def test_a_model_that_did_not_load_again_stays_ours_to_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.healing.FIRST_HEALING_PAUSE", 0.001)
    built = await gateway(answer=first_failing(DEATH))
    built.control.failures += [TritonUnavailable(), TritonUnavailable()]
    looks, healed, failed = built.source.looks, metrics.HEALED._value.get(), metrics.NOT_HEALED._value.get()
    with pytest.raises(ModelDied):
        await run(built)
    await built.source.looked(looks + 1)
    assert built.control.orders == ["unload read", *["load read"] * 3]
    assert metrics.HEALED._value.get() == healed + 1
    assert metrics.NOT_HEALED._value.get() == failed + 2


async def test_a_deadline_that_passes_during_a_healing_is_a_death_and_the_healing_goes_on() -> None:
    built = await gateway(answer=first_failing(DEATH))
    built.control.gate.clear()
    with pytest.raises(ModelDied):
        await run(built, timeout=0.01)
    built.control.gate.set()
    await built.healing.close()
    assert built.control.orders == CYCLE


async def test_a_pipeline_that_is_away_while_its_model_is_healed_is_tried_again_afterwards() -> None:
    built = await gateway(answer=first_failing(DEATH, PipelineNotReady()))
    built.control.gate.clear()
    first, second = run(built), run(built)
    await built.control.begun.wait()
    built.control.gate.set()
    await asyncio.gather(first, second)
    assert built.control.orders == CYCLE


async def test_a_pipeline_that_is_away_for_another_reason_is_not_tried_again() -> None:
    built = await gateway(answer=first_failing(PipelineNotReady()))
    with pytest.raises(PipelineNotReady):
        await run(built)
    assert len(built.engine.asked) == 1


async def test_what_stands_in_the_queue_of_a_dead_model_is_asked_anew_after_the_healing() -> None:
    met = 0

    async def answer(_: Inference, __: Dispatch) -> list[Value]:
        nonlocal met
        met += 1
        if met == 1:
            await asyncio.Event().wait()
        if met == 2:
            raise DEATH
        return [text("OBSERVATION", b"{}")]

    built = await gateway(answer=answer)
    await asyncio.gather(run(built), run(built))
    assert len(built.engine.canceled) == 1
    assert len(built.engine.asked) == 4


async def test_a_caller_that_leaves_during_a_healing_does_not_end_it() -> None:
    built = await gateway(answer=first_failing(DEATH))
    built.control.gate.clear()
    leaving = run(built)
    await built.control.begun.wait()
    leaving.cancel()
    await asyncio.wait((leaving,))
    assert leaving.cancelled()
    built.control.gate.set()
    await built.healing.close()
    assert built.control.orders == CYCLE
