"""An error as `google.rpc.Status` with an `ErrorInfo`, which gRPC clients read from the trailers."""

from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from gateway.errors import GatewayError

#: The trailer that carries the status; see the gRPC richer error model.
STATUS_TRAILER: Final = "grpc-status-details-bin"
#: The `domain` of every `ErrorInfo`.
DOMAIN: Final = "gateway"


def trailers(error: GatewayError, request_id: str) -> tuple[tuple[str, str | bytes], ...]:
    """The trailing metadata for `error`."""
    status = status_pb2.Status(code=int(error.grpc), message=error.message)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=error.code, domain=DOMAIN, metadata=_facts(error)))
    status.details.add().Pack(error_details_pb2.RequestInfo(request_id=request_id))
    if error.retry_after is not None:
        delay = Duration()
        delay.FromMilliseconds(round(error.retry_after * 1000))
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    return (STATUS_TRAILER, status.SerializeToString()), ("x-request-id", request_id)


def _facts(error: GatewayError) -> dict[str, str]:
    replayed = "true" if error.replayed else None
    facts = {"field": error.field, "executionId": error.execution_id, "runId": error.run_id, "replayed": replayed}
    return {name: value for name, value in facts.items() if value is not None}
