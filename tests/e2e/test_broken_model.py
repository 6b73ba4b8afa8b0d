"""A model that does not load hinders no other, and its pipeline is known as not ready."""

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from e2e.served import Served, serving
from places import DOCUMENTS, MODEL_REPOSITORY

RECEIPT = (DOCUMENTS / "receipt.jpg").read_bytes()
BODY = {"media": [base64.b64encode(RECEIPT).decode()]}
ENSEMBLE = """
name: "broken" platform: "ensemble"
input [ { name: "IMAGE" data_type: TYPE_STRING dims: [ 1 ] } ]
output [ { name: "OUT" data_type: TYPE_STRING dims: [ 1 ] } ]
ensemble_scheduling { step [ {
  model_name: "broken_model" model_version: -1
  input_map { key: "IMAGE" value: "IMAGE" } output_map { key: "OUT" value: "OUT" }
} ] }
"""
MODEL = """
name: "broken_model" backend: "python"
input [ { name: "IMAGE" data_type: TYPE_STRING dims: [ 1 ] } ]
output [ { name: "OUT" data_type: TYPE_STRING dims: [ 1 ] } ]
"""
CODE = """
class TritonPythonModel:
    def initialize(self, args):
        raise RuntimeError("its weights are gone")

    def execute(self, requests):
        return []
"""


@pytest.fixture(scope="module")
def served(short_folder: Path) -> Iterator[Served]:
    """A gateway over `image_stats`, and an ensemble whose model does not load."""
    repository = short_folder / "broken-models"
    for name in ("decode", "image_measure", "image_stats"):
        shutil.copytree(MODEL_REPOSITORY / name, repository / name)
    for name, config in (("broken", ENSEMBLE), ("broken_model", MODEL)):
        (repository / name / "1").mkdir(parents=True)
        (repository / name / "config.pbtxt").write_text(config)
    (repository / "broken_model" / "1" / "model.py").write_text(CODE)
    with serving(short_folder / "broken", "--model-repository", str(repository)) as served:
        yield served


def test_the_start_says_which_model_did_not_load_and_why(served: Served) -> None:
    said = served.said.read_text()
    assert "the model broken_model did not load" in said
    assert "its weights are gone" in said


def test_other_pipelines_run(served: Served) -> None:
    reply = httpx.post(f"{served.rest}/v1/pipelines/image_stats/executeSync", json=BODY, timeout=60)
    assert reply.status_code == 200


def test_its_pipeline_is_not_ready(served: Served) -> None:
    reply = httpx.post(f"{served.rest}/v1/pipelines/broken/executeSync", json=BODY, timeout=60)
    assert (reply.status_code, reply.json()["code"]) == (503, "pipeline.not_ready")


def test_what_triton_never_had_is_still_not_found(served: Served) -> None:
    reply = httpx.post(f"{served.rest}/v1/pipelines/never_was/executeSync", json=BODY, timeout=60)
    assert (reply.status_code, reply.json()["code"]) == (404, "pipeline.not_found")
