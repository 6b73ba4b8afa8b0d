"""Artifacts through both doors: made by an ensemble, named in the entry, fetched by ID, gone with the execution."""

import base64
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from PIL import Image

from e2e.served import Served, serving, until
from gateway.v1 import executions_pb2, executions_pb2_grpc

Document = Callable[[str], bytes]
Json = dict[str, Any]
RUN = "/v1/pipelines/image_thumbnail/executeSync"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def entries(client: httpx.Client, body: Json, path: str = RUN) -> list[Json]:
    reply = client.post(path, json=body)
    assert reply.status_code == 200, reply.text
    found: list[Json] = reply.json()["mediaContents"]
    return found


def test_what_a_pipeline_made_is_named_by_the_entry_and_fetched_by_its_id(
    rest: httpx.Client, gateway: Served, document: Document
) -> None:
    invoice = document("invoice.png")
    reply = rest.post(RUN, json={"media": [encoded(invoice)] * 2})
    execution_id, found = reply.json()["executionId"], reply.json()["mediaContents"]
    assert [set(each["artifacts"][0]) for each in found] == [{"artifactId", "name", "contentType", "size"}] * 2
    assert found[0]["metaData"] == dict(zip(("width", "height"), Image.open(io.BytesIO(invoice)).size, strict=True))
    address = f"/v1/executions/{execution_id}/artifacts"
    listed = rest.get(address).json()
    assert [each["artifactId"] for each in listed] == [each["artifacts"][0]["artifactId"] for each in found]
    assert {(each["name"], each["contentType"], each["runId"]) for each in listed} == {
        ("THUMBNAIL", "image/png", reply.headers["x-run-id"])
    }
    fetched = rest.get(f"{address}/{listed[0]['artifactId']}")
    assert max(Image.open(io.BytesIO(fetched.content)).size) == 256
    assert len(fetched.content) == listed[0]["size"]
    assert fetched.headers["content-type"] == "image/png"
    assert fetched.headers["x-content-type-options"] == "nosniff"
    assert fetched.headers["content-security-policy"] == "sandbox"
    assert fetched.headers["content-disposition"].startswith("attachment; ")
    assert rest.get(f"/v1/executions/{execution_id}/observation").json()["mediaContents"] == found
    blobs = list((gateway.data_dir / "blobs" / "artifacts" / reply.headers["x-run-id"]).iterdir())
    assert len(blobs) == 2
    rest.delete(f"/v1/executions/{execution_id}").raise_for_status()
    assert not any(blob.exists() for blob in blobs)
    assert rest.get(f"{address}/{listed[0]['artifactId']}").json()["code"] == "execution.not_found"


def test_a_run_in_the_background_makes_them_too_and_a_superseded_run_keeps_its_own(
    rest: httpx.Client, document: Document
) -> None:
    execution_id = rest.post("/v1/executions", json={}).json()["executionId"]
    body = {"executionId": execution_id, "media": [encoded(document("receipt.jpg"))], "idempotent": True}
    for _ in range(2):
        location = rest.post("/v1/pipelines/image_thumbnail/executeAsync", json=body).headers["location"]
        until(lambda at=location: rest.get(at).json()["state"] == "completed", 60)  # type: ignore[misc]
    found = rest.get(f"/v1/executions/{execution_id}/observation").json()["mediaContents"]
    listed = rest.get(f"/v1/executions/{execution_id}/artifacts", params={"limit": 1})
    listed_then = rest.get(listed.links["next"]["url"])
    assert [len(found), len(listed.json()), len(listed_then.json())] == [1, 1, 1]
    assert found[0]["artifacts"][0]["artifactId"] == listed_then.json()[0]["artifactId"]
    superseded = rest.get(f"/v1/executions/{execution_id}/artifacts/{listed.json()[0]['artifactId']}")
    assert superseded.status_code == 200


def test_the_artifacts_of_all_pages_belong_to_the_entry_of_their_media(rest: httpx.Client) -> None:
    frames, file = [Image.new("RGB", (30, 20), colour) for colour in ("red", "blue", "green")], io.BytesIO()
    frames[0].save(file, "TIFF", save_all=True, append_images=frames[1:])
    body = {"media": [encoded(file.getvalue())], "tryImageConversion": True, "pageRange": "1-2"}
    reply = rest.post(RUN, json=body).json()
    (found,) = reply["mediaContents"]
    assert [each["page"] for each in found["artifacts"]] == [2, 3]
    address = f"/v1/executions/{reply['executionId']}/artifacts"
    colours = [
        Image.open(io.BytesIO(rest.get(f"{address}/{each['artifactId']}").content)).getpixel((0, 0))
        for each in found["artifacts"]
    ]
    assert colours == [(0, 0, 255), (0, 128, 0)]
    assert sorted(each["page"] for each in rest.get(address).json()) == [2, 3]


def test_artifacts_are_listed_and_fetched_by_grpc(
    rest: httpx.Client, channel: grpc.Channel, document: Document
) -> None:
    reply = rest.post(RUN, json={"media": [encoded(document("invoice.png"))]}).json()
    stub, execution_id = executions_pb2_grpc.ExecutionsStub(channel), reply["executionId"]
    listed = stub.ListArtifacts(executions_pb2.ListArtifactsRequest(execution_id=execution_id))
    (artifact,) = listed.artifacts
    assert (artifact.name, artifact.content_type, listed.next_cursor) == ("THUMBNAIL", "image/png", "")
    request = executions_pb2.GetArtifactRequest(execution_id=execution_id, artifact_id=artifact.artifact_id)
    answers = list(stub.GetArtifact(request))
    assert answers[0].artifact == artifact
    address = f"/v1/executions/{execution_id}/artifacts/{artifact.artifact_id}"
    assert b"".join(each.data for each in answers) == rest.get(address).content
    request = executions_pb2.GetArtifactRequest(execution_id=execution_id, artifact_id=execution_id)
    with pytest.raises(grpc.RpcError) as refused:
        list(stub.GetArtifact(request))
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


def test_an_artifact_there_is_not_is_not_found(rest: httpx.Client) -> None:
    execution_id = rest.post("/v1/executions", json={}).json()["executionId"]
    address = f"/v1/executions/{execution_id}/artifacts"
    assert rest.get(address).json() == []
    for name in (execution_id, "no-uuid"):
        assert rest.get(f"{address}/{name}").json()["code"] == "artifact.not_found"
    assert rest.get("/v1/executions/never-was/artifacts").json()["code"] == "execution.not_found"


def test_a_transient_call_is_refused_before_it_runs(rest: httpx.Client, document: Document) -> None:
    reply = rest.post(RUN, json={"media": [encoded(document("invoice.png"))], "transient": True})
    assert (reply.status_code, reply.json()["code"], reply.json()["field"]) == (422, "input.invalid", "transient")


#: Outputs of one model: the config of each, and its declared role.
OUTPUTS = {
    "NAME": ("TYPE_STRING dims: [ 1 ]", "label"),
    "SCORES": ("TYPE_FP32 dims: [ -1 ]", "tensor"),
    "WORDS": ("TYPE_STRING dims: [ 2 ]", "tensor"),
    "DRAWN": ("TYPE_STRING dims: [ -1 ]", "artifact"),
}
CODE = """
import json
import numpy as np
import triton_python_backend_utils as pb

class TritonPythonModel:
    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        asked = json.loads(pb.get_input_tensor_by_name(request, "IN").as_numpy()[0])
        label = asked.get("label", "cat")
        label = label if isinstance(label, str) else json.dumps(label)
        made = {
            "NAME": np.array([label.encode()], dtype=object),
            "SCORES": np.arange(asked.get("scores", 2), dtype=np.float32),
            "WORDS": np.array([b"a", b"b"], dtype=object),
            "DRAWN": np.array([each.encode() for each in asked.get("drawn", [])], dtype=object),
        }
        return pb.InferenceResponse([pb.Tensor(name, value) for name, value in made.items()])
"""


@pytest.fixture(scope="module")
def declared(short_folder: Path) -> Iterator[httpx.Client]:
    """A gateway over one ensemble whose outputs have roles."""
    folder = short_folder / "declared-models"
    tensors = ", ".join(f'{{ name: "{name}" data_type: {kind} }}' for name, (kind, _) in OUTPUTS.items())
    ends = f'input [ {{ name: "IN" data_type: TYPE_STRING dims: [ 1 ] }} ] output [ {tensors} ]'
    maps = " ".join(f'output_map {{ key: "{name}" value: "{name}" }}' for name in OUTPUTS)
    step = f'step [ {{ model_name: "roles_model" model_version: -1 input_map {{ key: "IN" value: "IN" }} {maps} }} ]'
    roles = " ".join(
        f'parameters {{ key: "gateway.role.{name}" value: {{ string_value: "{role}" }} }}'
        for name, (_, role) in OUTPUTS.items()
    )
    for name in ("roles", "roles_model"):
        (folder / name / "1").mkdir(parents=True)
    (folder / "roles_model" / "1" / "model.py").write_text(CODE)
    (folder / "roles_model" / "config.pbtxt").write_text(f'name: "roles_model" backend: "python" {ends}')
    (folder / "roles" / "config.pbtxt").write_text(
        f'name: "roles" platform: "ensemble" {ends} ensemble_scheduling {{ {step} }} {roles}'
    )
    with serving(short_folder / "declared", "--model-repository", str(folder)) as served, served.client() as client:
        yield client


def asked(client: httpx.Client, told: str) -> Json:
    (found,) = entries(client, {"media": [encoded(told.encode())]}, "/v1/pipelines/roles/executeSync")
    return found


def test_declared_labels_and_tensors_stand_in_the_entry(declared: httpx.Client) -> None:
    found = asked(declared, "{}")
    assert found["label"] == {"name": "cat"}
    assert found["outputs"] == {
        "SCORES": {"datatype": "FP32", "shape": [2], "data": [0.0, 1.0]},
        "WORDS": {"datatype": "BYTES", "shape": [2], "data": ["a", "b"]},
    }
    assert "artifacts" not in found
    outputs = declared.get("/v1/pipelines/roles").json()["pipeline"]["outputs"]
    assert {each["name"]: each["role"] for each in outputs} == {name: role for name, (_, role) in OUTPUTS.items()}


def test_a_label_that_is_an_object_stands_as_it_came(declared: httpx.Client) -> None:
    assert asked(declared, '{"label": {"index": 3, "name": "dog"}}')["label"] == {"index": 3, "name": "dog"}


def test_each_element_of_an_artifact_output_is_one_and_an_empty_one_is_none(declared: httpx.Client) -> None:
    found = asked(declared, '{"drawn": ["%PDF-1.7 one", "", "two"]}')["artifacts"]
    assert [(each["name"], each["contentType"], each["size"]) for each in found] == [
        ("DRAWN", "application/pdf", 12),
        ("DRAWN", "application/octet-stream", 3),
    ]


def test_a_tensor_too_large_for_an_entry_is_an_artifact(declared: httpx.Client) -> None:
    assert len(asked(declared, '{"scores": 100000}')["outputs"]["SCORES"]["data"]) == 100_000
    reply = declared.post("/v1/pipelines/roles/executeSync", json={"media": [encoded(b'{"scores": 100001}')]}).json()
    (found,) = reply["mediaContents"]
    assert set(found["outputs"]) == {"WORDS"}
    (named,) = found["artifacts"]
    address = f"/v1/executions/{reply['executionId']}/artifacts"
    assert (named["name"], named["datatype"], named["shape"]) == ("SCORES", "FP32", [100_001])
    assert declared.get(address).json()[0]["shape"] == [100_001]
    raw = declared.get(f"{address}/{named['artifactId']}").content
    assert list(memoryview(raw).cast("f")[:3]) == [0.0, 1.0, 2.0]
    assert len(raw) == named["size"] == 400_004


def test_more_artifacts_than_an_entry_may_have_are_the_model_s_fault(declared: httpx.Client) -> None:
    drawn = ",".join(['"x"'] * 65)
    body = {"media": [encoded(f'{{"drawn": [{drawn}]}}'.encode())]}
    reply = declared.post("/v1/pipelines/roles/executeSync", json=body)
    assert (reply.status_code, reply.json()["code"]) == (502, "pipeline.wiring_invalid")
    execution_id = reply.json()["executionId"]
    assert declared.get(f"/v1/executions/{execution_id}/artifacts").json() == []
