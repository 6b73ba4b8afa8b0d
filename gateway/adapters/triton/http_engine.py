"""Inference over Triton's HTTP/1.1 endpoint, with tensors in the binary tensor data extension.

The request is a JSON header and the raw tensors behind it, as the extension of the KServe v2 protocol
describes; media bytes are written to the socket as they came.
"""

import time
from typing import Final
from urllib.parse import quote

import msgspec

from gateway import tracing
from gateway.adapters.triton.connection import HttpReply
from gateway.adapters.triton.deaths import Deaths
from gateway.adapters.triton.failures import mixed_up, translate
from gateway.adapters.triton.pool import Parts, Pool
from gateway.domain.calls import Parameter
from gateway.domain.tensors import Value
from gateway.errors import GatewayError, TritonFailed, TritonUnavailable
from gateway.ports import Dispatch, Inference


class _Size(msgspec.Struct):
    binary_data_size: int = 0


class _Tensor(msgspec.Struct):
    name: str
    datatype: str
    shape: tuple[int, ...]
    parameters: _Size


class _Request(msgspec.Struct):
    id: str
    inputs: list[_Tensor]
    parameters: dict[str, Parameter]


class _Answer(msgspec.Struct):
    outputs: list[_Tensor]
    id: str = ""


class _Refusal(msgspec.Struct):
    error: str = ""


#: Outputs come as raw tensors behind the JSON.
_BINARY: Final = {"binary_data_output": True}
_encode: Final = msgspec.json.Encoder().encode
_answer: Final = msgspec.json.Decoder(_Answer)
_refusal: Final = msgspec.json.Decoder(_Refusal)


class HttpEngine:
    """An `InferenceEngine` over a pool of HTTP connections."""

    def __init__(self, host: str, port: int, connections: int, deaths: Deaths):
        self._pool = Pool(host, port, connections, self._dropped)
        self._deaths = deaths
        self._host = f"{host}:{port}".encode()

    async def infer(self, inference: Inference, dispatch: Dispatch) -> list[Value]:
        """See `InferenceEngine.infer`."""
        begun = time.perf_counter()
        reply = await self._pool.exchange(self._request(inference), dispatch)
        if reply.status != 200:
            error = _failure(reply, inference.model)
            self._deaths.note(error, begun)
            raise error
        return _outputs(reply, inference)

    def _dropped(self, reply: HttpReply, begun: float) -> None:
        if reply.status != 200:
            self._deaths.note(_failure(reply, ""), begun)

    async def close(self) -> None:
        """See `InferenceEngine.close`."""
        await self._pool.close()

    def _request(self, inference: Inference) -> Parts:
        tensors = [_Tensor(each.name, each.datatype, each.shape, _Size(each.size)) for each in inference.inputs]
        header = _encode(_Request(inference.request_id, tensors, {**inference.parameters, **_BINARY}))
        length = len(header) + sum(each.size for each in inference.inputs)
        head = b"POST /v2/models/%b/infer HTTP/1.1\r\nHost: %b\r\nContent-Type: application/octet-stream\r\n" % (
            quote(inference.model, safe="").encode(),
            self._host,
        )
        for name, value in tracing.carried().items():
            head += b"%b: %b\r\n" % (name.encode(), value.encode())
        lengths = b"Inference-Header-Content-Length: %d\r\nContent-Length: %d\r\n\r\n" % (len(header), length)
        return [head + lengths + header, *(part for each in inference.inputs for part in each.parts)]


def _outputs(reply: HttpReply, inference: Inference) -> list[Value]:
    try:
        answer = _answer.decode(reply.header)
    except msgspec.DecodeError as failure:
        raise TritonFailed("Triton's answer is not of its protocol.") from failure
    if answer.id != inference.request_id:
        reply.connection.close()
        raise mixed_up(inference.request_id, answer.id)
    values, rest = [], reply.tensors
    for each in answer.outputs:
        size = each.parameters.binary_data_size
        if size > len(rest):
            raise TritonFailed("Triton's answer is cut off.")
        values.append(Value(each.name, each.datatype, each.shape, (rest[:size],)))
        rest = rest[size:]
    return values


def _failure(reply: HttpReply, model: str) -> GatewayError:
    try:
        said = _refusal.decode(reply.header).error
    except msgspec.DecodeError:
        said = bytes(reply.header[:1000]).decode(errors="replace")
    error = translate(said, refused=reply.status == 400, model=model)
    if type(error) is TritonFailed and reply.status == 503:
        return TritonUnavailable()
    return error
