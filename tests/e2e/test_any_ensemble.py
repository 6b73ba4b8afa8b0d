"""Ensembles that nobody described in any way: they are found, and they run."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from e2e.served import serving

#: Each model of a line: its inputs and outputs as Triton's config has them, and what it does.
MODELS = {
    "double": ('{ name: "X" data_type: TYPE_FP32 dims: [ 3 ] }', '{ name: "Y" data_type: TYPE_FP32 dims: [ 3 ] }', 0),
    "caption": (
        '{ name: "FILE" data_type: TYPE_STRING dims: [ 1 ] }, { name: "PROMPT" data_type: TYPE_STRING dims: [ 1 ] }',
        '{ name: "TEXT" data_type: TYPE_STRING dims: [ 1 ] }, { name: "FACTS" data_type: TYPE_STRING dims: [ 1 ] },'
        '{ name: "SCORES" data_type: TYPE_FP32 dims: [ 2 ] }',
        0,
    ),
    "corner": (
        '{ name: "PIXELS" data_type: TYPE_UINT8 dims: [ -1, -1, 3 ] }',
        '{ name: "RGB" data_type: TYPE_UINT8 dims: [ 3 ] }',
        0,
    ),
    "length": (
        '{ name: "FILE" data_type: TYPE_STRING dims: [ 1 ] }',
        '{ name: "BYTES" data_type: TYPE_INT64 dims: [ 1 ] }',
        8,
    ),
    "flags": (
        '{ name: "ON" data_type: TYPE_BOOL dims: [ 1 ] }, { name: "TIMES" data_type: TYPE_INT32 dims: [ 1 ] }',
        '{ name: "OUT" data_type: TYPE_STRING dims: [ -1 ] }',
        0,
    ),
}
CODE = """
import json
import numpy as np
import triton_python_backend_utils as pb

def double(x): return {"Y": x * 2}
def caption(file, prompt):
    text = prompt[0].decode() + " " + str(len(file[0]))
    facts = json.dumps({"length": len(file[0])})
    return {"TEXT": np.array([text.encode()], dtype=object), "FACTS": np.array([facts.encode()], dtype=object),
            "SCORES": np.array([0.5, 0.25], dtype=np.float32)}
def corner(pixels): return {"RGB": pixels[0, 0]}
def length(file): return {"BYTES": np.array([[len(each[0])] for each in file], dtype=np.int64)}
def flags(on, times): return {"OUT": np.array([str(bool(on[0])).encode()] * int(times[0]), dtype=object)}

class TritonPythonModel:
    def initialize(self, args):
        config = json.loads(args["model_config"])
        self.work = globals()[config["name"].removesuffix("_model")]
        self.inputs = [each["name"] for each in config["input"]]

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        given = [pb.get_input_tensor_by_name(request, name).as_numpy() for name in self.inputs]
        return pb.InferenceResponse([pb.Tensor(name, value) for name, value in self.work(*given).items()])
"""
PIXEL = (250, 10, 30)


def names(tensors: str) -> list[str]:
    return [part.split('"')[1] for part in tensors.split("name:")[1:]]


def write_models(folder: Path) -> Path:
    """A repository of each model, and of an ensemble of one step over it."""
    for name, (inputs, outputs, batch) in MODELS.items():
        config = f"max_batch_size: {batch} input [ {inputs} ] output [ {outputs} ]"
        model = folder / f"{name}_model"
        (model / "1").mkdir(parents=True)
        (model / "1" / "model.py").write_text(CODE)
        (model / "config.pbtxt").write_text(f'name: "{name}_model" backend: "python" {config}')
        ways = [
            " ".join(f'{kind} {{ key: "{each}" value: "{each}" }}' for each in names(tensors))
            for kind, tensors in (("input_map", inputs), ("output_map", outputs))
        ]
        step = f'step [ {{ model_name: "{name}_model" model_version: -1 {" ".join(ways)} }} ]'
        (folder / name / "1").mkdir(parents=True)
        (folder / name / "config.pbtxt").write_text(
            f'name: "{name}" platform: "ensemble" {config} ensemble_scheduling {{ {step} }}'
        )
    return folder


@pytest.fixture(scope="module")
def plain(short_folder: Path) -> Iterator[httpx.Client]:
    """A gateway over these models."""
    repository = write_models(short_folder / "plain-models")
    with serving(short_folder / "plain", "--model-repository", str(repository)) as served, served.client() as client:
        yield client


def entry(client: httpx.Client, pipeline: str, **body: object) -> dict[str, object]:
    reply = client.post(f"/v1/pipelines/{pipeline}/executeSync", json=body)
    assert reply.status_code == 200, reply.text
    (found,) = reply.json()["mediaContents"]
    return {key: found[key] for key in list(found)[6 if "mediaId" in found else 5 :]}


def test_roles_are_derived_from_the_types_alone(plain: httpx.Client) -> None:
    roles = {
        each["pipelineId"]: {tensor["name"]: tensor["role"] for tensor in each["inputs"]}
        for each in plain.get("/v1/pipelines").json()
    }
    assert roles == {
        "double": {"X": "number"},
        "caption": {"FILE": "media", "PROMPT": "text"},
        "corner": {"PIXELS": "image"},
        "length": {"FILE": "media"},
        "flags": {"ON": "boolean", "TIMES": "number"},
    }


def test_numbers_go_in_by_name_and_come_out_as_a_tensor(plain: httpx.Client) -> None:
    found = entry(plain, "double", inputs={"X": [1, 2.5, -3]})
    assert found == {"outputs": {"Y": {"datatype": "FP32", "shape": [3], "data": [2.0, 5.0, -6.0]}}}


def test_media_and_text_give_text_json_and_a_tensor(plain: httpx.Client) -> None:
    found = entry(plain, "caption", media=[base64.b64encode(b"12345").decode()], inputs={"PROMPT": "how long?"})
    assert found == {
        "rawText": "how long? 5",
        "json": {"length": 5},
        "outputs": {"SCORES": {"datatype": "FP32", "shape": [2], "data": [0.5, 0.25]}},
    }


def test_pixels_are_decoded_by_the_gateway_where_the_ensemble_wants_them(plain: httpx.Client) -> None:
    encoded = io.BytesIO()
    Image.new("RGB", (4, 3), PIXEL).save(encoded, format="PNG")
    found = entry(plain, "corner", media=[base64.b64encode(encoded.getvalue()).decode()])
    assert found == {"outputs": {"RGB": {"datatype": "UINT8", "shape": [3], "data": list(PIXEL)}}}


def test_pixels_that_cannot_be_decoded_are_the_media_s_fault(plain: httpx.Client) -> None:
    reply = plain.post("/v1/pipelines/corner/executeSync", json={"media": ["bm8gaW1hZ2U="]})
    assert (reply.status_code, reply.json()["code"], reply.json()["field"]) == (422, "media.unreadable", "media[0]")


def test_a_model_with_a_batch_dimension_takes_one_media_at_a_time(plain: httpx.Client) -> None:
    found = entry(plain, "length", media=[base64.b64encode(b"123456").decode()])
    assert found == {"outputs": {"BYTES": {"datatype": "INT64", "shape": [1, 1], "data": [6]}}}


def test_booleans_whole_numbers_and_many_texts(plain: httpx.Client) -> None:
    found = entry(plain, "flags", inputs={"ON": True, "TIMES": 2})
    assert found == {"outputs": {"OUT": {"datatype": "BYTES", "shape": [2], "data": ["True", "True"]}}}


@pytest.mark.parametrize(
    ("pipeline", "body", "field"),
    [
        ("double", {"inputs": {"X": [1, 2]}}, "inputs.X"),
        ("double", {"inputs": {"X": ["a", "b", "c"]}}, "inputs.X"),
        ("double", {}, "inputs.X"),
        ("double", {"media": ["QUJD"], "inputs": {"X": [1, 2, 3]}}, "media"),
        ("caption", {"media": ["QUJD"]}, "inputs.PROMPT"),
        ("flags", {"inputs": {"ON": 1, "TIMES": 2}}, "inputs.ON"),
        ("flags", {"inputs": {"ON": True, "TIMES": 2.5}}, "inputs.TIMES"),
        ("flags", {"inputs": {"ON": True, "TIMES": 2**40}}, "inputs.TIMES"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_by_name(
    plain: httpx.Client, pipeline: str, body: dict[str, object], field: str
) -> None:
    reply = plain.post(f"/v1/pipelines/{pipeline}/executeSync", json=body)
    assert (reply.status_code, reply.json()["code"], reply.json()["field"]) == (422, "input.invalid", field)
