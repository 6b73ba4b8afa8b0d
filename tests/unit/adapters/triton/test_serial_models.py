from collections.abc import AsyncIterator

import grpc.aio
import pytest
from google.protobuf import text_format
from tritonclient.grpc import service_pb2, service_pb2_grpc

from gateway.adapters.triton.control import TritonControl

CONFIGS = {
    "one": 'instance_group { name: "one" count: 1 kind: KIND_CPU }',
    "one_gpu": 'instance_group { name: "one_gpu" count: 1 kind: KIND_GPU gpus: [ 0 ] }',
    "two": 'instance_group { name: "two" count: 2 kind: KIND_CPU }',
    "two_gpus": 'instance_group { name: "two_gpus" count: 1 kind: KIND_GPU gpus: [ 0, 1 ] }',
    "two_groups": 'instance_group { name: "a" count: 1 } instance_group { name: "b" count: 1 }',
    "cached": 'instance_group { name: "cached" count: 1 } response_cache { enable: true }',
    "unsaid": "",
}


class FakeTriton(service_pb2_grpc.GRPCInferenceServiceServicer):
    """A Triton with one model of each kind."""

    async def RepositoryIndex(  # noqa: N802 - gRPC's name
        self, _: service_pb2.RepositoryIndexRequest, __: grpc.aio.ServicerContext
    ) -> service_pb2.RepositoryIndexResponse:
        answer = service_pb2.RepositoryIndexResponse()
        for name in CONFIGS:
            answer.models.add(name=name, version="1", state="READY")
        return answer

    async def ModelConfig(  # noqa: N802
        self, request: service_pb2.ModelConfigRequest, _: grpc.aio.ServicerContext
    ) -> service_pb2.ModelConfigResponse:
        answer = service_pb2.ModelConfigResponse()
        text_format.Parse(CONFIGS[request.name], answer.config)
        answer.config.name = request.name
        return answer


@pytest.fixture
async def control() -> AsyncIterator[TritonControl]:
    server = grpc.aio.server()
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(FakeTriton(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield TritonControl(channel)
    await server.stop(None)


async def test_a_model_with_one_instance_and_no_cache_takes_one_inference_at_a_time(control: TritonControl) -> None:
    await control.discover({})
    assert {name for name in CONFIGS if control.is_serial(name)} == {"one", "one_gpu"}


async def test_nothing_is_known_of_a_model_that_no_look_has_shown(control: TritonControl) -> None:
    assert not control.is_serial("one")
    assert control.models_of("python") == frozenset()
