"""What every gRPC client may rely on beside our own services: health and reflection."""

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from gateway.v1 import pipelines_pb2

SERVICES = ("gateway.v1.Executions", "gateway.v1.Observations", "gateway.v1.Pipelines", "gateway.v1.Runs")


def test_health_says_serving_for_the_whole_and_for_each_service(channel: grpc.Channel) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    for name in ("", *SERVICES):
        answer = stub.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_reflection_shows_the_services_and_their_messages(channel: grpc.Channel) -> None:
    database = ProtoReflectionDescriptorDatabase(channel)
    assert set(SERVICES) <= set(database.get_services())
    file = database.FindFileContainingSymbol("gateway.v1.Pipelines")
    assert file.name == pipelines_pb2.DESCRIPTOR.name
