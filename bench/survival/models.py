"""The model repository of the load: one ensemble that says what it was given, after the pause that the call names."""

from pathlib import Path
from typing import Final

PIPELINE: Final = "say"
#: Copies of its one step, each a process of its own.
STUBS: Final = 4
CODE: Final = """
import json
import time
import numpy as np
import triton_python_backend_utils as pb

class TritonPythonModel:
    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        time.sleep(json.loads(request.parameters() or "{}").get("pause", 0.0))
        text = pb.get_input_tensor_by_name(request, "IN").as_numpy()[0].decode()
        said = json.dumps({"rawText": text}).encode()
        return pb.InferenceResponse([pb.Tensor("OUT", np.array([said], dtype=object))])
"""
_TENSORS: Final = (
    'input [ { name: "IN" data_type: TYPE_STRING dims: [ 1 ] } ]'
    ' output [ { name: "OUT" data_type: TYPE_STRING dims: [ 1 ] } ]'
)
_STEP: Final = (
    '{ model_name: "say_model" model_version: -1'
    ' input_map { key: "IN" value: "IN" } output_map { key: "OUT" value: "OUT" } }'
)


def write_models(folder: Path) -> Path:
    """The repository, in a new folder."""
    for name in (PIPELINE, "say_model"):
        (folder / name / "1").mkdir(parents=True)
    (folder / "say_model" / "1" / "model.py").write_text(CODE)
    copies = f"instance_group [ {{ kind: KIND_CPU count: {STUBS} }} ]"
    (folder / "say_model" / "config.pbtxt").write_text(f'name: "say_model" backend: "python" {_TENSORS} {copies}')
    (folder / PIPELINE / "config.pbtxt").write_text(
        f'name: "{PIPELINE}" platform: "ensemble" {_TENSORS} ensemble_scheduling {{ step [ {_STEP} ] }}'
    )
    return folder
