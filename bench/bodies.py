"""What each kind of contender is sent, and how the observation is found in its reply."""

import base64
import json
import struct
from typing import Any, Final

from tritonclient.grpc import service_pb2 as triton_pb2

from gateway.v1 import media_pb2, pipelines_pb2

PIPELINE: Final = "image_stats"
#: The fields of the model's own answer; every contender must bring the same.
FIELDS: Final = ("metaData", "imageHash", "colour")

Observation = dict[str, Any]


def rest(media: bytes) -> bytes:
    """executeSync over REST: base64 in JSON."""
    return json.dumps({"media": [base64.b64encode(media).decode()]}).encode()


def gateway_grpc(media: bytes) -> bytes:
    """ExecuteSync over gRPC: the raw bytes."""
    request = pipelines_pb2.ExecuteSyncRequest(pipeline_id=PIPELINE, media=[media_pb2.Media(data=media)])
    return request.SerializeToString()


def triton_http(media: bytes) -> tuple[bytes, dict[str, str]]:
    """ModelInfer over HTTP with the binary tensor extension: the body, and the headers that it needs."""
    tensor = struct.pack("<I", len(media)) + media
    entry = {"name": "IMAGE", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": len(tensor)}}
    header = json.dumps({"inputs": [entry], "parameters": {"binary_data_output": True}}).encode()
    names = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(header))}
    return header + tensor, names


def triton_grpc(media: bytes) -> bytes:
    """ModelInfer over gRPC, with raw contents."""
    request = triton_pb2.ModelInferRequest(model_name=PIPELINE)
    request.inputs.add(name="IMAGE", datatype="BYTES", shape=[1])
    request.raw_input_contents.append(struct.pack("<I", len(media)) + media)
    return bytes(request.SerializeToString())


def of_rest(reply: bytes) -> Observation:
    """The one entry of an observation, of the gateway or of the hand-written service."""
    return _model_fields(json.loads(reply)["mediaContents"][0])


def of_gateway_grpc(reply: bytes) -> Observation:
    """The one entry of an observation that came over gRPC."""
    return of_rest(pipelines_pb2.ExecuteSyncResponse.FromString(reply).observation)


def of_triton_http(reply: bytes) -> Observation:
    """The model's own answer: JSON, then the length of the element, then the element."""
    _, end = json.JSONDecoder().raw_decode(reply.decode("latin-1"))
    return _model_fields(json.loads(reply[end + 4 :]))


def of_triton_grpc(reply: bytes) -> Observation:
    """The model's own answer behind the length of the element."""
    return _model_fields(json.loads(triton_pb2.ModelInferResponse.FromString(reply).raw_output_contents[0][4:]))


def _model_fields(entry: Observation) -> Observation:
    return {name: entry.get(name) for name in FIELDS}
