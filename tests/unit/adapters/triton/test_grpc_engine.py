import asyncio
from collections.abc import AsyncIterator

import grpc.aio
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from gateway.adapters.triton import grpc_engine
from gateway.adapters.triton.deaths import Deaths
from gateway.adapters.triton.grpc_engine import GrpcEngine, _request
from gateway.domain.tensors import Value, frame
from gateway.errors import GatewayError, MediaUnreadable, ModelDied, PipelineNotReady, TritonFailed, TritonUnavailable
from gateway.ports import Dispatch, Inference
from unit.fakes import RUN_ID


def inference(*values: Value) -> Inference:
    return Inference("ocr", values, RUN_ID)


def text_input(size: int) -> Value:
    payload = bytes(size)
    return Value("IMAGE", "BYTES", (1,), (frame(payload), payload))


@pytest.mark.parametrize("size", [0, 1, 123, 124, 127, 128, 16_379, 16_380, 300_000])
def test_a_request_framed_by_hand_is_what_protobuf_itself_would_write(size: int) -> None:
    number = Value("LIMIT", "INT32", (-1, 2), (memoryview(b"\x07\x00\x00\x00"),))
    empty = Value("EMPTY", "FP32", (0,), (b"",))
    asked = inference(text_input(size), number, empty)
    official = service_pb2.ModelInferRequest(model_name="ocr", id=RUN_ID)
    for each in asked.inputs:
        official.inputs.add(name=each.name, datatype=each.datatype, shape=each.shape)
        official.raw_input_contents.append(bytes(each.data))
    assert service_pb2.ModelInferRequest.FromString(_request(asked)) == official
    assert _request(asked) == official.SerializeToString()


class FakeTriton(service_pb2_grpc.GRPCInferenceServiceServicer):
    """A Triton that echoes its first input, or refuses, once it is let go."""

    def __init__(self) -> None:
        self.asked: list[service_pb2.ModelInferRequest] = []
        self.refusal: tuple[grpc.StatusCode, str] | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = asyncio.Event()
        self.canceled = asyncio.Event()
        self.version = "2.51.0"
        #: What the answers say they are for, where it is not what was asked.
        self.name = ""

    async def ServerMetadata(  # noqa: N802 - gRPC's name
        self,
        request: service_pb2.ServerMetadataRequest,  # noqa: ARG002
        context: grpc.aio.ServicerContext,
    ) -> service_pb2.ServerMetadataResponse:
        if not self.version:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        return service_pb2.ServerMetadataResponse(name="triton", version=self.version)

    async def ModelInfer(  # noqa: N802 - gRPC's name
        self, request: service_pb2.ModelInferRequest, context: grpc.aio.ServicerContext
    ) -> service_pb2.ModelInferResponse:
        self.asked.append(request)
        self.begun.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.canceled.set()
            raise
        if self.refusal is not None:
            await context.abort(*self.refusal)
        answer = service_pb2.ModelInferResponse(model_name="ocr", id=self.name or request.id)
        answer.outputs.add(name="OUT", datatype="BYTES", shape=[1])
        answer.raw_output_contents.append(request.raw_input_contents[0])
        return answer


@pytest.fixture
def fake_triton() -> FakeTriton:
    return FakeTriton()


@pytest.fixture
async def channel(fake_triton: FakeTriton) -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server()
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(fake_triton, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as opened:
        yield opened
    await server.stop(None)


async def test_the_outputs_come_back_with_their_raw_bytes(channel: grpc.aio.Channel) -> None:
    dispatch = Dispatch(-1.0, -1.0)
    (value,) = await GrpcEngine(channel, 1, Deaths()).infer(inference(text_input(3)), dispatch)
    assert (value.name, value.datatype, value.shape, value.only_element()) == ("OUT", "BYTES", (1,), bytes(3))
    assert dispatch.waited >= 0
    assert dispatch.computed > 0


async def test_an_answer_that_names_another_request_is_nobody_s(
    channel: grpc.aio.Channel, fake_triton: FakeTriton, caplog: pytest.LogCaptureFixture
) -> None:
    fake_triton.name = "another"
    with pytest.raises(TritonUnavailable):
        await GrpcEngine(channel, 1, Deaths()).infer(inference(text_input(1)), Dispatch())
    assert "triton.answer_mixed_up" in caplog.messages


@pytest.mark.parametrize(
    ("code", "said", "kind"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "in ensemble 'ocr', decode: the media is empty", MediaUnreadable),
        (grpc.StatusCode.INTERNAL, "in ensemble 'ocr', decode: the media is empty", TritonFailed),
        (grpc.StatusCode.INTERNAL, "Stub process 'decode_0_0' is not healthy.", ModelDied),
        (grpc.StatusCode.NOT_FOUND, "Request for unknown model: 'ocr' is not found", PipelineNotReady),
        (grpc.StatusCode.UNAVAILABLE, "Request for unknown model: 'ocr' has no available versions", PipelineNotReady),
        (grpc.StatusCode.UNAVAILABLE, "Connection reset by peer", TritonUnavailable),
    ],
)
async def test_a_refusal_is_translated(
    channel: grpc.aio.Channel, fake_triton: FakeTriton, code: grpc.StatusCode, said: str, kind: type[GatewayError]
) -> None:
    fake_triton.refusal = code, said
    with pytest.raises(kind) as failed:
        await GrpcEngine(channel, 1, Deaths()).infer(inference(text_input(1)), Dispatch())
    assert type(failed.value) is kind


@pytest.mark.parametrize("version", ["2.51.0", "2.58.3", "1.99", "unknown", ""])
async def test_a_caller_that_leaves_an_old_triton_cancels_nothing_and_keeps_its_place(
    channel: grpc.aio.Channel, fake_triton: FakeTriton, version: str
) -> None:
    fake_triton.version = version
    fake_triton.gate.clear()
    engine = GrpcEngine(channel, 1, Deaths())
    gone = asyncio.create_task(engine.infer(inference(text_input(1)), Dispatch()))
    await fake_triton.begun.wait()
    gone.cancel()
    await asyncio.wait((gone,))
    waiting = asyncio.create_task(engine.infer(inference(text_input(2)), Dispatch()))
    await asyncio.sleep(0)
    assert len(fake_triton.asked) == 1
    fake_triton.gate.set()
    (value,) = await waiting
    assert value.only_element() == bytes(2)
    await engine.close()
    assert not fake_triton.canceled.is_set()


@pytest.mark.parametrize("version", ["2.59.0", "2.60.1", "3.0.0dev"])
async def test_a_caller_that_leaves_a_triton_that_survives_it_frees_the_place_at_once(
    channel: grpc.aio.Channel, fake_triton: FakeTriton, version: str
) -> None:
    fake_triton.version = version
    fake_triton.gate.clear()
    engine = GrpcEngine(channel, 1, Deaths())
    gone = asyncio.create_task(engine.infer(inference(text_input(1)), Dispatch()))
    await fake_triton.begun.wait()
    gone.cancel()
    await asyncio.wait((gone,))
    waiting = asyncio.create_task(engine.infer(inference(text_input(2)), Dispatch()))
    await fake_triton.canceled.wait()
    fake_triton.gate.set()
    (value,) = await waiting
    assert value.only_element() == bytes(2)
    await engine.close()


async def test_a_place_that_an_old_triton_never_gives_back_is_free_in_the_end(
    channel: grpc.aio.Channel, fake_triton: FakeTriton, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grpc_engine, "ABANDONED_INFERENCE_TIMEOUT", 0.01)
    fake_triton.gate.clear()
    engine = GrpcEngine(channel, 1, Deaths())
    gone = asyncio.create_task(engine.infer(inference(text_input(1)), Dispatch()))
    await fake_triton.begun.wait()
    gone.cancel()
    await asyncio.wait((gone,))
    fake_triton.begun.clear()
    next_one = asyncio.create_task(engine.infer(inference(text_input(2)), Dispatch()))
    await fake_triton.begun.wait()
    fake_triton.gate.set()
    await next_one
    await engine.close()
    assert not fake_triton.canceled.is_set()


async def test_closing_with_nothing_under_way_is_done_at_once(channel: grpc.aio.Channel) -> None:
    await GrpcEngine(channel, 1, Deaths()).close()


async def test_nobody_at_the_address_is_a_triton_that_is_away() -> None:
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        with pytest.raises(TritonUnavailable):
            await GrpcEngine(channel, 1, Deaths()).infer(inference(text_input(1)), Dispatch())
