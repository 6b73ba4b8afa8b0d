import asyncio
import json
from collections.abc import AsyncIterator

import grpc.aio
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from gateway.adapters.triton import models
from gateway.adapters.triton.control import TritonControl
from gateway.adapters.triton.models import TritonModels
from gateway.errors import PipelineNotReady, TritonUnavailable

GROUPS = {"decode": ("decode",), "decode_2": ("decode_2",), "read": ("read_0", "read_1"), "named": ("fast",)}


class FakeTriton(service_pb2_grpc.GRPCInferenceServiceServicer):
    """A Triton whose models have groups of instances; it remembers what it was told to do with them."""

    def __init__(self) -> None:
        self.orders: list[tuple[str, str]] = []
        self.refusal: tuple[grpc.StatusCode, str] | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails = 0
        #: The parameter `color` of every model, in its own repository and as it is loaded now.
        self.kept, self.color = "green", "green"

    async def RepositoryIndex(  # noqa: N802 - gRPC's name
        self,
        request: service_pb2.RepositoryIndexRequest,  # noqa: ARG002
        context: grpc.aio.ServicerContext,  # noqa: ARG002
    ) -> service_pb2.RepositoryIndexResponse:
        answer = service_pb2.RepositoryIndexResponse()
        for name in GROUPS:
            answer.models.add(name=name, version="1", state="READY")
        return answer

    async def ModelConfig(  # noqa: N802
        self,
        request: service_pb2.ModelConfigRequest,
        context: grpc.aio.ServicerContext,  # noqa: ARG002
    ) -> service_pb2.ModelConfigResponse:
        answer = service_pb2.ModelConfigResponse()
        answer.config.name = request.name
        answer.config.parameters["color"].string_value = self.color
        for name in GROUPS[request.name]:
            answer.config.instance_group.add(name=name)
        return answer

    async def ModelStatistics(  # noqa: N802
        self,
        request: service_pb2.ModelStatisticsRequest,
        context: grpc.aio.ServicerContext,  # noqa: ARG002
    ) -> service_pb2.ModelStatisticsResponse:
        answer = service_pb2.ModelStatisticsResponse()
        answer.model_stats.add(name=request.name).inference_stats.fail.count = self.fails
        return answer

    async def RepositoryModelUnload(  # noqa: N802
        self, request: service_pb2.RepositoryModelUnloadRequest, context: grpc.aio.ServicerContext
    ) -> service_pb2.RepositoryModelUnloadResponse:
        await self._take("unload", request.model_name, context)
        return service_pb2.RepositoryModelUnloadResponse()

    async def RepositoryModelLoad(  # noqa: N802
        self, request: service_pb2.RepositoryModelLoadRequest, context: grpc.aio.ServicerContext
    ) -> service_pb2.RepositoryModelLoadResponse:
        await self._take("load", request.model_name, context)
        await self.gate.wait()
        config = request.parameters["config"].string_param
        self.color = json.loads(config)["parameters"]["color"]["string_value"] if config else self.kept
        return service_pb2.RepositoryModelLoadResponse()

    async def _take(self, order: str, model: str, context: grpc.aio.ServicerContext) -> None:
        self.orders.append((order, model))
        if self.refusal is not None:
            await context.abort(*self.refusal)


@pytest.fixture
def fake_triton() -> FakeTriton:
    return FakeTriton()


@pytest.fixture
async def control(fake_triton: FakeTriton) -> AsyncIterator[TritonModels]:
    server = grpc.aio.server()
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(fake_triton, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        seen = TritonControl(channel)
        await seen.discover({})
        yield TritonModels(channel, seen)
    await server.stop(None)


@pytest.mark.parametrize(
    ("instance", "model"),
    [
        ("decode_0", "decode"),
        ("decode_12", "decode"),
        ("decode_0_gpu1", "decode"),
        ("decode_2_0", "decode_2"),
        ("read_0_0", "read"),
        ("read_1_3", "read"),
        ("fast_0", "named"),
        ("decoder_0", None),
        ("", None),
    ],
)
async def test_an_instance_belongs_to_the_model_whose_group_it_is_named_after(
    control: TritonModels, instance: str, model: str | None
) -> None:
    assert control.model_of(instance) == model


async def test_an_instance_that_nobody_knows_has_the_configs_read_again(
    control: TritonModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(GROUPS, "named", ("faster",))
    assert control.model_of("faster_0") is None
    await control._control.discover({})
    assert control.model_of("faster_0") == "named"


async def test_a_model_has_failed_while_its_counter_says_so(control: TritonModels, fake_triton: FakeTriton) -> None:
    assert not await control.has_failed("decode")
    fake_triton.fails = 1
    assert await control.has_failed("decode")


async def test_a_model_of_the_repository_is_loaded_again_once(control: TritonModels, fake_triton: FakeTriton) -> None:
    await control.unload("decode")
    await control.load("decode")
    assert fake_triton.orders == [("unload", "decode"), ("load", "decode")]


async def test_a_config_that_the_api_had_given_is_given_again(control: TritonModels, fake_triton: FakeTriton) -> None:
    fake_triton.color = "red"
    await control.unload("decode")
    await control.load("decode")
    assert fake_triton.color == "red"


async def test_a_triton_that_takes_no_orders_is_named_once_in_the_log(
    control: TritonModels, fake_triton: FakeTriton, caplog: pytest.LogCaptureFixture
) -> None:
    said = "explicit model load / unload is not allowed if polling is enabled"
    fake_triton.refusal = grpc.StatusCode.UNAVAILABLE, said
    for _ in range(3):
        with pytest.raises(PipelineNotReady):
            await control.unload("decode")
    assert [record.getMessage() for record in caplog.records] == ["models.control_forbidden"]


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        ((grpc.StatusCode.INTERNAL, "failed to load 'decode', failed to poll from model repository"), PipelineNotReady),
        ((grpc.StatusCode.UNAVAILABLE, "Connection reset by peer"), TritonUnavailable),
    ],
)
async def test_a_model_that_does_not_load_is_not_ready(
    control: TritonModels,
    fake_triton: FakeTriton,
    refusal: tuple[grpc.StatusCode, str],
    kind: type[Exception],
) -> None:
    fake_triton.refusal = refusal
    with pytest.raises(kind):
        await control.load("decode")


async def test_a_load_that_hangs_is_not_asked_for_twice(
    control: TritonModels, fake_triton: FakeTriton, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_triton.gate.clear()
    with monkeypatch.context() as patched:
        patched.setattr(models, "HEALING_TIMEOUT", 0.01)
        for _ in range(3):
            with pytest.raises(PipelineNotReady):
                await control.load("decode")
    fake_triton.gate.set()
    await control.load("decode")
    assert fake_triton.orders == [("load", "decode")]
