"""One call of a target by an ordinary client, to see that it answers, and with what."""

import http.client

import grpc

from bench.faults import BenchFailed
from bench.target import Target

PATIENCE_S = 60.0


def call(target: Target) -> bytes:
    """The reply of one call.

    Raises:
        BenchFailed: it was refused.
    """
    return _grpc_call(target) if target.protocol == "grpc" else _http_call(target)


def get(host: str, port: int, path: str) -> bytes | None:
    """What a GET is answered with; None for anything but 200."""
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.read() if answer.status == http.client.OK else None
    except OSError:
        return None
    finally:
        connection.close()


def _http_call(target: Target) -> bytes:
    connection = http.client.HTTPConnection(target.host, target.port, timeout=PATIENCE_S)
    try:
        connection.request("POST", target.path, target.body, target.headers)
        answer = connection.getresponse()
        reply = answer.read()
    except OSError as failure:
        raise BenchFailed(f"{target.url} does not answer: {failure}.") from failure
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise BenchFailed(f"{target.url} answered {answer.status}: {reply[:500].decode(errors='replace')}")
    return reply


def _grpc_call(target: Target) -> bytes:
    with grpc.insecure_channel(target.address) as channel:
        method: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(target.path)
        try:
            return method(target.body, timeout=PATIENCE_S)
        except grpc.RpcError as failure:
            raise BenchFailed(f"{target.address}{target.path} refused the call: {failure}") from failure
