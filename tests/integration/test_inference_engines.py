"""The contract of `InferenceEngine`, one suite over both transports, against the real Triton."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from gateway.adapters.triton.control import open_channel
from gateway.adapters.triton.deaths import Deaths
from gateway.adapters.triton.grpc_engine import GrpcEngine
from gateway.adapters.triton.http_engine import HttpEngine
from gateway.domain.tensors import Value, frame
from gateway.errors import MediaUnreadable, PipelineNotReady, TritonFailed, TritonUnavailable
from gateway.ports import Dispatch, Inference, InferenceEngine
from places import DOCUMENTS, TritonAddress

PLACES = 4


@pytest.fixture(params=["http", "grpc"])
async def engine(request: pytest.FixtureRequest, triton: TritonAddress) -> AsyncIterator[InferenceEngine]:
    """Each transport in turn."""
    if request.param == "http":
        host, _, port = triton.http.rpartition(":")
        http = HttpEngine(host, int(port), PLACES, Deaths())
        yield http
        await http.close()
        return
    channel = open_channel(triton.grpc)
    grpc = GrpcEngine(channel, PLACES, Deaths())
    yield grpc
    await grpc.close()
    await channel.close()


def picture(data: bytes, model: str = "image_stats", name: str = "IMAGE") -> Inference:
    return Inference(model, (Value(name, "BYTES", (1,), (frame(data), data)),), "request-1")


RECEIPT = (DOCUMENTS / "receipt.jpg").read_bytes()
INVOICE = (DOCUMENTS / "invoice.png").read_bytes()


async def test_an_inference_returns_its_outputs_and_where_its_time_went(engine: InferenceEngine) -> None:
    dispatch = Dispatch()
    (output,) = await engine.infer(picture(RECEIPT), dispatch)
    assert (output.name, output.datatype, output.shape) == ("OBSERVATION", "BYTES", (1,))
    found = output.only_element()
    assert found is not None
    assert json.loads(found)["metaData"] == {"width": 640, "height": 480}
    assert dispatch.computed > 0


async def test_many_inferences_at_once_get_each_its_own_answer(engine: InferenceEngine) -> None:
    asked = [RECEIPT, INVOICE] * 10
    answers = await asyncio.gather(*(engine.infer(picture(data), Dispatch()) for data in asked))
    widths = [json.loads(output.only_element() or b"")["metaData"]["width"] for (output,) in answers]
    assert widths == [640, 900] * 10


async def test_a_refusal_of_a_step_names_the_step(engine: InferenceEngine) -> None:
    with pytest.raises(MediaUnreadable, match="Step decode refused it"):
        await engine.infer(picture(b"no image"), Dispatch())


async def test_a_model_that_is_not_there_is_not_ready(engine: InferenceEngine) -> None:
    with pytest.raises(PipelineNotReady):
        await engine.infer(picture(RECEIPT, model="never_was"), Dispatch())


async def test_an_input_that_the_model_does_not_have_is_a_failure_without_triton_s_words(
    engine: InferenceEngine,
) -> None:
    with pytest.raises(TritonFailed) as raised:
        await engine.infer(picture(RECEIPT, name="NEVER_WAS"), Dispatch())
    assert "NEVER_WAS" not in raised.value.message


async def test_callers_that_leave_do_no_harm_to_those_who_stay(engine: InferenceEngine) -> None:
    leaving = [asyncio.create_task(engine.infer(picture(INVOICE, model="ocr"), Dispatch())) for _ in range(PLACES)]
    await asyncio.sleep(0)
    for task in leaving:
        task.cancel()
    assert all(
        isinstance(each, asyncio.CancelledError) for each in await asyncio.gather(*leaving, return_exceptions=True)
    )
    (output,) = await engine.infer(picture(RECEIPT), Dispatch())
    assert output.name == "OBSERVATION"


async def test_a_storm_of_callers_that_leave_takes_neither_triton_nor_a_place(engine: InferenceEngine) -> None:
    for turn in range(20):
        leaving = [asyncio.create_task(engine.infer(picture(RECEIPT), Dispatch())) for _ in range(3 * PLACES)]
        for _ in range(turn % 5):
            await asyncio.sleep(0)
        for task in leaving:
            task.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
    answers = await asyncio.gather(*(engine.infer(picture(RECEIPT), Dispatch()) for _ in range(2 * PLACES)))
    assert len(answers) == 2 * PLACES
    assert engine._places._value == PLACES if isinstance(engine, GrpcEngine) else engine._pool._places._value == PLACES


async def test_nobody_listening_is_unavailable(unused_tcp_port: int) -> None:
    channel = open_channel(f"127.0.0.1:{unused_tcp_port}")
    for engine in (HttpEngine("127.0.0.1", unused_tcp_port, PLACES, Deaths()), GrpcEngine(channel, PLACES, Deaths())):
        with pytest.raises(TritonUnavailable):
            await engine.infer(picture(RECEIPT), Dispatch())
    await channel.close()
