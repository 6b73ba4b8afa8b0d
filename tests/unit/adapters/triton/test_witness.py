import asyncio
import time
from collections.abc import AsyncIterator

import grpc.aio
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from gateway.adapters.triton.control import TritonControl
from gateway.adapters.triton.counters import GrpcCounting
from gateway.adapters.triton.deaths import Deaths
from gateway.adapters.triton.witness import TritonWitness
from gateway.errors import ModelDied, PipelineNotReady, TritonFailed, TritonUnavailable
from unit.fakes import FakeControl

BACKENDS = {"read": "python", "find": "python", "detect": "onnxruntime"}
MODELS = frozenset(BACKENDS)
SECOND = 1_000_000_000


class FakeTriton(service_pb2_grpc.GRPCInferenceServiceServicer):
    """Counts what it is told to count."""

    def __init__(self) -> None:
        self.successes = self.failures = self.failing = 0
        self.looks: list[str] = []
        self.loaded = True
        self.gate = asyncio.Event()
        self.gate.set()

    async def RepositoryIndex(  # noqa: N802
        self, _: service_pb2.RepositoryIndexRequest, __: grpc.aio.ServicerContext
    ) -> service_pb2.RepositoryIndexResponse:
        answer = service_pb2.RepositoryIndexResponse()
        for name in BACKENDS:
            answer.models.add(name=name, version="1", state="READY")
        return answer

    async def ModelConfig(  # noqa: N802
        self, request: service_pb2.ModelConfigRequest, _: grpc.aio.ServicerContext
    ) -> service_pb2.ModelConfigResponse:
        answer = service_pb2.ModelConfigResponse()
        answer.config.name, answer.config.backend = request.name, BACKENDS[request.name]
        return answer

    async def ModelStatistics(  # noqa: N802
        self, request: service_pb2.ModelStatisticsRequest, context: grpc.aio.ServicerContext
    ) -> service_pb2.ModelStatisticsResponse:
        self.looks.append(request.name)
        await self.gate.wait()
        if not self.loaded:
            await context.abort(grpc.StatusCode.NOT_FOUND, "requested model is not available")
        answer = service_pb2.ModelStatisticsResponse()
        stats = answer.model_stats.add(name=request.name).inference_stats
        if request.name == "read":
            stats.success.count, stats.fail.count, stats.fail.ns = self.successes, self.failures, self.failing
        return answer

    def fails(self, nanoseconds: int) -> None:
        self.failures += 1
        self.failing += nanoseconds

    def loads_anew(self) -> None:
        self.successes = self.failures = self.failing = 0


@pytest.fixture
def fake_triton() -> FakeTriton:
    return FakeTriton()


@pytest.fixture
async def witness(fake_triton: FakeTriton) -> AsyncIterator[TritonWitness]:
    server = grpc.aio.server()
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(fake_triton, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        control = TritonControl(channel)
        await control.discover({})
        yield TritonWitness(GrpcCounting(channel), control, FakeControl(), Deaths(), shared=True)
    await server.stop(None)


async def test_models_that_have_not_failed_are_not_doubted(witness: TritonWitness) -> None:
    assert await witness.doubtful(MODELS) is None


async def test_only_models_of_the_python_backend_are_looked_at(witness: TritonWitness, fake_triton: FakeTriton) -> None:
    assert await witness.doubtful(frozenset(["detect", "never_was"])) is None
    assert fake_triton.looks == []
    await witness.doubtful(MODELS)
    assert sorted(fake_triton.looks) == ["find", "read"]


async def test_a_model_whose_process_was_given_up_is_doubted_until_it_is_trusted_again(
    witness: TritonWitness, fake_triton: FakeTriton
) -> None:
    fake_triton.fails(SECOND)
    assert [await witness.doubtful(MODELS) for _ in range(2)] == ["read", "read"]
    witness.trust("read", anew=False)
    assert await witness.doubtful(MODELS) is None
    fake_triton.fails(SECOND)
    assert await witness.doubtful(MODELS) == "read"


async def test_a_model_that_was_loaded_anew_by_us_begins_from_nothing(
    witness: TritonWitness, fake_triton: FakeTriton
) -> None:
    fake_triton.successes = 5
    fake_triton.fails(SECOND)
    assert await witness.doubtful(MODELS) == "read"
    fake_triton.loads_anew()
    witness.trust("read", anew=True)
    assert await witness.doubtful(MODELS) is None


async def test_a_model_that_somebody_else_has_loaded_anew_is_doubted_once(
    witness: TritonWitness, fake_triton: FakeTriton
) -> None:
    fake_triton.successes = 5
    assert await witness.doubtful(MODELS) is None
    fake_triton.loads_anew()
    assert await witness.doubtful(MODELS) == "read"
    assert await witness.doubtful(MODELS) is None


async def test_failures_that_take_no_time_are_no_deaths_however_many(
    witness: TritonWitness, fake_triton: FakeTriton
) -> None:
    for _ in range(20):
        fake_triton.fails(SECOND // 10)
        assert await witness.doubtful(MODELS) is None


async def test_those_who_ask_during_a_look_share_the_next_one(witness: TritonWitness, fake_triton: FakeTriton) -> None:
    fake_triton.gate.clear()
    only = frozenset(["read"])
    asking = [asyncio.create_task(witness.doubtful(only))]
    while not fake_triton.looks:
        await asyncio.sleep(0)
    fake_triton.fails(SECOND)
    asking += [asyncio.create_task(witness.doubtful(only)) for _ in range(5)]
    await asyncio.sleep(0)
    fake_triton.gate.set()
    assert set((await asyncio.gather(*asking))[1:]) == {"read"}
    assert fake_triton.looks == ["read", "read"]


async def test_a_model_that_is_not_loaded_says_nothing_about_its_answers(
    witness: TritonWitness, fake_triton: FakeTriton
) -> None:
    fake_triton.loaded = False
    with pytest.raises(PipelineNotReady):
        await witness.doubtful(MODELS)


async def test_a_triton_that_is_gone_says_nothing_about_its_answers(unused_tcp_port: int) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{unused_tcp_port}") as channel:
        control = TritonControl(channel)
        witness = TritonWitness(GrpcCounting(channel), control, FakeControl(), Deaths(), shared=True)
        control.models_of = lambda _: MODELS  # type: ignore[method-assign]
        with pytest.raises(TritonUnavailable):
            await witness.doubtful(MODELS)


async def test_who_has_triton_alone_goes_by_the_deaths_that_its_own_inferences_met(
    fake_triton: FakeTriton, unused_tcp_port: int
) -> None:
    deaths = Deaths()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{unused_tcp_port}") as channel:
        witness = TritonWitness(GrpcCounting(channel), TritonControl(channel), FakeControl(), deaths, shared=False)
        assert await witness.doubtful(MODELS) is None
        deaths.note(TritonFailed(), time.perf_counter())
        deaths.note(ModelDied(instance="read_0"), time.perf_counter())
        assert await witness.doubtful(frozenset(["find"])) is None
        assert await witness.doubtful(MODELS) == "read"
        before = time.perf_counter()
        witness.trust("read", anew=True)
        assert await witness.doubtful(MODELS) is None
        deaths.note(ModelDied(instance="read_0"), before)
        assert await witness.doubtful(MODELS) is None, "it was asked before the model was loaded anew"
    assert fake_triton.looks == []


async def test_a_death_that_is_told_in_the_same_moment_as_an_answer_counts(unused_tcp_port: int) -> None:
    deaths = Deaths()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{unused_tcp_port}") as channel:
        witness = TritonWitness(GrpcCounting(channel), TritonControl(channel), FakeControl(), deaths, shared=False)
        asking = asyncio.create_task(witness.doubtful(MODELS))
        asyncio.get_running_loop().call_soon(deaths.note, ModelDied(instance="read_0"), time.perf_counter())
        assert await asking == "read"
