import pytest
from google.rpc import error_details_pb2, status_pb2

from gateway.errors import GatewayError, InvalidInput, Overloaded, RunTimeout
from gateway.wire.status import DOMAIN, STATUS_TRAILER, trailers


def sent(error: GatewayError) -> status_pb2.Status:
    found = dict(trailers(error, "req-1"))
    assert found["x-request-id"] == "req-1"
    raw = found[STATUS_TRAILER]
    assert isinstance(raw, bytes)
    return status_pb2.Status.FromString(raw)


def detail(error: GatewayError, kind: type) -> object:
    for each in sent(error).details:
        if each.Is(kind.DESCRIPTOR):
            message = kind()
            each.Unpack(message)
            return message
    return None


def test_the_status_carries_code_and_message() -> None:
    status = sent(RunTimeout("Late."))
    assert (status.code, status.message) == (4, "Late.")


def test_the_error_info_carries_our_code_and_the_facts_there_are() -> None:
    error = InvalidInput("No.", field="media[0]")
    error.execution_id = "e"
    info = detail(error, error_details_pb2.ErrorInfo)
    assert (info.reason, info.domain) == ("input.invalid", DOMAIN)
    assert dict(info.metadata) == {"field": "media[0]", "executionId": "e"}


def test_the_request_is_named() -> None:
    assert detail(RunTimeout(), error_details_pb2.RequestInfo).request_id == "req-1"


@pytest.mark.parametrize(("seconds", "nanos"), [(1.0, (1, 0)), (0.25, (0, 250_000_000)), (61.5, (61, 500_000_000))])
def test_what_a_repeat_can_heal_says_when(seconds: float, nanos: tuple[int, int]) -> None:
    delay = detail(Overloaded(retry_after=seconds), error_details_pb2.RetryInfo).retry_delay
    assert (delay.seconds, delay.nanos) == nanos


def test_what_no_repeat_heals_says_no_time() -> None:
    assert detail(InvalidInput(), error_details_pb2.RetryInfo) is None
